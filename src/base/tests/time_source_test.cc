#include "base/time_source.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "base/tests/manual_time.h"

namespace realm::base {
namespace {

using std::chrono::seconds;

TEST(TimeSource, TimersAreCalledInTheirOrder) {
    testing::ManualTime time;
    std::vector<int> called;
    const auto start = time.now();
    const Timer second = time.call_at(start + seconds(2), [&] { called.push_back(2); });
    const Timer third = time.call_at(start + seconds(3), [&] { called.push_back(3); });
    const Timer first = time.call_at(start + seconds(1), [&] { called.push_back(1); });
    time.advance(seconds(1) - std::chrono::nanoseconds(1));
    EXPECT_EQ(called, std::vector<int>{});
    time.advance(std::chrono::nanoseconds(1));
    EXPECT_EQ(called, std::vector<int>{1});
    time.advance(seconds(9));
    EXPECT_EQ(called, (std::vector<int>{1, 2, 3}));
}

TEST(TimeSource, ADestroyedTimerIsNotCalled) {
    testing::ManualTime time;
    const auto kept = std::make_shared<int>(0);
    {
        const Timer dropped = time.call_at(time.now() + seconds(1), [kept] { ++*kept; });
        EXPECT_EQ(kept.use_count(), 2);
    }
    EXPECT_EQ(kept.use_count(), 1);
    Timer replaced = time.call_at(time.now() + seconds(1), [kept] { *kept += 10; });
    replaced = time.call_at(time.now() + seconds(1), [kept] { *kept += 100; });
    time.advance(seconds(1));
    EXPECT_EQ(*kept, 100);
}

TEST(TimeSource, TheMachinesTimeCallsWhatIsDue) {
    SystemTime time;
    std::promise<SteadyTime> called;
    const auto when = time.now() + std::chrono::milliseconds(2);
    const Timer late = time.call_at(when + std::chrono::hours(9), [] { FAIL(); });
    const Timer timer = time.call_at(when, [&] { called.set_value(time.now()); });
    EXPECT_GE(called.get_future().get(), when);
}

TEST(TimeSource, WhatIsLeftAtTheEndIsDropped) {
    const auto kept = std::make_shared<int>(0);
    {
        SystemTime time;
        const Timer timer = time.call_at(time.now() + std::chrono::hours(9), [kept] { ++*kept; });
        EXPECT_EQ(kept.use_count(), 2);
    }
    EXPECT_EQ(kept.use_count(), 1);
    EXPECT_EQ(*kept, 0);
}

}  // namespace
}  // namespace realm::base
