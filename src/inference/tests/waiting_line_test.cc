#include "inference/waiting_line.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace realm::inference {
namespace {

void push(WaitingLine& line, const std::string& tenant, std::uint64_t id,
          std::int32_t priority = 0) {
    line.push({id}, {.tenant = tenant, .priority = priority});
}

std::vector<std::uint64_t> served(WaitingLine& line) {
    std::vector<std::uint64_t> order;
    while (!line.empty()) {
        const ContextId next = line.next();
        order.push_back(next.value);
        line.erase(next);
    }
    return order;
}

TEST(WaitingLine, FirstComeFirstServed) {
    WaitingLine line;
    for (const std::uint64_t id : {3, 1, 2}) {
        push(line, id == 1 ? "a" : "b", id);
    }
    EXPECT_EQ(line.size(), 3U);
    EXPECT_TRUE(line.contains({1}));
    EXPECT_FALSE(line.contains({4}));
    line.erase({4});
    EXPECT_EQ(served(line), (std::vector<std::uint64_t>{3, 1, 2}));
}

TEST(WaitingLine, ATenantsMostUrgentTakesItsFirstPlaceAndNobodyElses) {
    WaitingLine line;
    push(line, "other", 1);
    push(line, "mine", 2);
    push(line, "other", 3);
    push(line, "mine", 4);
    push(line, "mine", 5, -1);
    push(line, "other", 6, 1000);
    EXPECT_EQ(served(line), (std::vector<std::uint64_t>{1, 5, 3, 2, 4, 6}));
}

TEST(WaitingLine, APriorityMayChangeWhileItWaits) {
    WaitingLine line;
    push(line, "mine", 1);
    push(line, "mine", 2);
    push(line, "mine", 3);
    line.set_priority({3}, -1);
    line.set_priority({9}, -2);
    EXPECT_EQ(line.next(), ContextId{3});
    line.set_priority({1}, 1);
    EXPECT_EQ(served(line), (std::vector<std::uint64_t>{3, 2, 1}));
}

TEST(WaitingLine, WhoseTurnItWasGivesWayAFewTimesOnly) {
    WaitingLine line;
    push(line, "mine", 1);
    for (std::uint64_t urgent = 2; urgent < 2 + WaitingLine::kMostPasses; ++urgent) {
        push(line, "mine", urgent, -1);
        EXPECT_EQ(line.next(), ContextId{urgent});
        EXPECT_EQ(line.next(), ContextId{urgent});
        line.erase({urgent});
    }
    push(line, "mine", 100, -1);
    EXPECT_EQ(served(line), (std::vector<std::uint64_t>{1, 100}));
}

}  // namespace
}  // namespace realm::inference
