#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <thread>

namespace realm::base {
namespace {

TEST(WorkerPool, runs_every_task_before_it_ends) {
    std::atomic<int> done = 0;
    {
        WorkerPool pool("test", 2, 100);
        for (int i = 0; i < 100; ++i) {
            ASSERT_TRUE(pool.submit([&] { ++done; }));
        }
    }
    EXPECT_EQ(done, 100);
}

TEST(WorkerPool, refuses_tasks_when_the_queue_is_full) {
    std::latch started(1);
    std::latch release(1);
    std::atomic<int> done = 0;
    {
        WorkerPool pool("test", 1, 2);
        ASSERT_TRUE(pool.submit([&] {
            started.count_down();
            release.wait();
        }));
        started.wait();
        EXPECT_TRUE(pool.submit([&] { ++done; }));
        EXPECT_TRUE(pool.submit([&] { ++done; }));
        EXPECT_FALSE(pool.submit([&] { ++done; }));
        release.count_down();
    }
    EXPECT_EQ(done, 2);
}

TEST(WorkerPool, names_its_threads) {
    std::string name;
    {
        WorkerPool pool("tokens", 1, 1);
        ASSERT_TRUE(pool.submit([&] {
            std::array<char, 16> buffer{};
            pthread_getname_np(pthread_self(), buffer.data(), buffer.size());
            name = buffer.data();
        }));
    }
    EXPECT_EQ(name, "tokens-0");
}

TEST(WorkerPool, frees_what_a_task_holds_before_it_waits_again) {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = held;
    std::latch second(1);
    WorkerPool pool("test", 1, 2);
    ASSERT_TRUE(pool.submit([held = std::move(held)] {}));
    ASSERT_TRUE(pool.submit([&] {
        EXPECT_TRUE(watch.expired());
        second.count_down();
    }));
    second.wait();
}

}  // namespace
}  // namespace realm::base
