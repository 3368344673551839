#include "inference/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace realm::inference {
namespace {

using Numbers = std::vector<std::uint32_t>;

TEST(Processors, AThreadForEachProcessorIsGivenItsOwn) {
    EXPECT_EQ(places_for(3, {0, 2, 5}), (Numbers{0, 2, 5}));
}

TEST(Processors, FewerOrMoreThreadsAreLeftToTheKernel) {
    EXPECT_EQ(places_for(2, {0, 2, 5}), Numbers{});
    EXPECT_EQ(places_for(4, {0, 2, 5}), Numbers{});
}

TEST(Processors, OnlyThoseThatMayBeUsedCount) {
    const std::uint32_t last = usable_processors().back();
    Numbers seen;
    std::thread([&] {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(last, &set);
        ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
        seen = usable_processors();
    }).join();
    EXPECT_EQ(seen, Numbers{last});
}

}  // namespace
}  // namespace realm::inference
