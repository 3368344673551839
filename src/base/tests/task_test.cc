#include "base/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace realm::base {
namespace {

// Suspends its awaiter until the test resumes it.
struct Gate {
    std::coroutine_handle<> waiting;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
    void await_resume() const noexcept {}
};

Task<int> number(Gate& gate, int value) {
    co_await gate;
    co_return value;
}

Task<std::string> sum(Gate& gate) {
    const int first = co_await number(gate, 1);
    const int second = co_await number(gate, 2);
    co_return std::to_string(first + second);
}

TEST(Task, RunsOnlyWhenResumedAndHandsItsValueUp) {
    Gate gate;
    auto task = sum(gate);
    EXPECT_EQ(gate.waiting, nullptr);
    task.start();
    EXPECT_FALSE(task.done());
    gate.waiting.resume();
    EXPECT_FALSE(task.done());
    gate.waiting.resume();
    ASSERT_TRUE(task.done());
    EXPECT_EQ(task.take(), "3");
}

Task<void> throwing(Gate& gate) {
    co_await gate;
    throw std::runtime_error("inner");
}

Task<std::string> catching(Gate& gate) {
    std::string caught;
    try {
        co_await throwing(gate);
    } catch (const std::runtime_error& error) {
        caught = error.what();
    }
    co_return caught;
}

TEST(Task, AnExceptionReachesTheOneWhoAwaits) {
    Gate gate;
    auto task = catching(gate);
    task.start();
    gate.waiting.resume();
    EXPECT_EQ(task.take(), "inner");

    auto outer = throwing(gate);
    outer.start();
    gate.waiting.resume();
    ASSERT_TRUE(outer.done());
    EXPECT_THROW(outer.take(), std::runtime_error);
}

Task<void> holding(Gate& gate, std::shared_ptr<int> held) {
    co_await gate;
    *held = 1;
}

TEST(Task, DestroyedWhereItStandsItReleasesWhatItHolds) {
    Gate gate;
    auto held = std::make_shared<int>(0);
    {
        auto task = holding(gate, held);
        task.start();
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(*held, 0);
}

}  // namespace
}  // namespace realm::base
