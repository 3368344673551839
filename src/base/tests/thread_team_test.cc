#include "base/thread_team.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

namespace realm::base {
namespace {

TEST(ThreadTeam, does_every_piece_once) {
    ThreadTeam team("test", 3);
    for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
        std::vector<int> calls(count, 0);
        team.for_each(count, [&](std::size_t i) { ++calls[i]; });
        EXPECT_EQ(calls, std::vector<int>(count, 1));
    }
}

TEST(ThreadTeam, its_helpers_work_beside_the_caller) {
    ThreadTeam team("test", 2);
    std::latch all(3);
    std::vector<std::thread::id> threads(3);
    team.for_each(3, [&](std::size_t i) {
        threads[i] = std::this_thread::get_id();
        all.arrive_and_wait();
    });
    EXPECT_NE(threads[0], threads[1]);
    EXPECT_NE(threads[1], threads[2]);
    EXPECT_NE(threads[2], threads[0]);
}

TEST(ThreadTeam, without_helpers_the_caller_does_everything) {
    ThreadTeam team("test", 0);
    std::vector<std::thread::id> threads(4);
    team.for_each(4, [&](std::size_t i) { threads[i] = std::this_thread::get_id(); });
    EXPECT_EQ(threads, std::vector(4, std::this_thread::get_id()));
}

}  // namespace
}  // namespace realm::base
