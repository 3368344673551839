// Priorities inside a tenant: what they change there, and that they change nothing elsewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "inference/scheduler.h"
#include "inference/tests/scheduler_simulation.h"

namespace realm::inference {
namespace {

constexpr double kTurn = Scheduler::kPatience.count();

// The next thing, said to have taken so long.
std::string next(Scheduler& scheduler, double seconds) {
    const std::string what = next(scheduler);
    scheduler.charge(Scheduler::Seconds(seconds));
    return what;
}

TEST(SchedulerPriority, TheMoreUrgentPromptIsFirstAndEqualOnesAsTheyCame) {
    const auto scheduler = scheduler_of(512);
    scheduler->set_priority({3}, -1);
    scheduler->set_priority({5}, 7);
    for (const std::uint64_t id : {5, 1, 3, 2}) {
        scheduler->add_prefill({id}, 10);
    }
    EXPECT_EQ(next(*scheduler), "p3:10!");
    EXPECT_EQ(next(*scheduler), "p1:10!");
    EXPECT_EQ(next(*scheduler), "p2:10!");
    EXPECT_EQ(next(*scheduler), "p5:10!");
    EXPECT_FALSE(scheduler->has_work());
}

TEST(SchedulerPriority, AMoreUrgentPromptComesBetweenTwoPiecesOfAnother) {
    const auto scheduler = scheduler_of(512);
    scheduler->add_prefill({1}, 1024);
    EXPECT_EQ(next(*scheduler), "p1:512");
    scheduler->set_priority({2}, -1);
    scheduler->add_prefill({2}, 600);
    EXPECT_EQ(next(*scheduler), "p2:512");
    EXPECT_EQ(next(*scheduler), "p2:88!");
    EXPECT_EQ(next(*scheduler), "p1:512!");
}

TEST(SchedulerPriority, LessUrgentRowsAndPromptsGiveWay) {
    const auto scheduler = scheduler_of(512);
    scheduler->set_priority({1}, -5);
    scheduler->set_decoding({1}, true);
    scheduler->set_decoding({2}, true);
    scheduler->add_prefill({3}, 10);
    EXPECT_EQ(next(*scheduler), "d1");
    EXPECT_EQ(next(*scheduler), "d1");
    scheduler->set_decoding({1}, false);
    EXPECT_EQ(next(*scheduler), "p3:10!");
    EXPECT_EQ(next(*scheduler), "d1");
    // The urgent one's prompt goes before the rows, in one go: none are computed beside it.
    scheduler->add_prefill({1}, 128);
    EXPECT_EQ(next(*scheduler), "p1:128!");
    EXPECT_EQ(next(*scheduler), "d1");
}

TEST(SchedulerPriority, AChangeCountsFromTheNextWorkOn) {
    const auto scheduler = scheduler_of(512);
    scheduler->set_decoding({1}, true);
    scheduler->set_decoding({2}, true);
    EXPECT_EQ(next(*scheduler), "d2");
    scheduler->set_priority({2}, 1);
    EXPECT_EQ(next(*scheduler), "d1");
    scheduler->set_priority({1}, 1);
    EXPECT_EQ(next(*scheduler), "d2");
}

TEST(SchedulerPriority, WhatIsLessUrgentGetsATurnAfterAWhileAndATenthOfTheTime) {
    const auto scheduler = scheduler_of(512);
    for (const std::uint64_t id : {2, 3, 4}) {
        scheduler->set_priority({id}, static_cast<std::int32_t>(id));
    }
    for (const std::uint64_t id : {1, 2, 3, 4}) {
        scheduler->set_decoding({id}, true);
    }
    EXPECT_EQ(next(*scheduler, kTurn - 0.01), "d1");
    EXPECT_EQ(next(*scheduler, 0.01), "d1");
    // All of them at once, however urgent.
    EXPECT_EQ(next(*scheduler, 0.1), "d4");
    EXPECT_EQ(next(*scheduler, Scheduler::kUrgentShare * 0.1 - 0.01), "d1");
    EXPECT_EQ(next(*scheduler, 0.02), "d1");
    EXPECT_EQ(next(*scheduler, 0.01), "d4");
    // A short one is followed sooner by the next.
    EXPECT_EQ(next(*scheduler, Scheduler::kUrgentShare * 0.01 + 0.001), "d1");
    EXPECT_EQ(next(*scheduler, 0.1), "d4");
}

TEST(SchedulerPriority, TheTurnIsForWhoWaitsLongest) {
    const auto scheduler = scheduler_of(512);
    for (const std::uint64_t id : {2, 3, 4}) {
        scheduler->set_priority({id}, 1);
    }
    scheduler->set_decoding({1}, true);
    scheduler->add_prefill({2}, 640);
    scheduler->set_decoding({3}, true);
    scheduler->add_prefill({4}, 640);
    EXPECT_EQ(next(*scheduler, kTurn), "d1");
    EXPECT_EQ(next(*scheduler, 0.05), "p2:16");
    EXPECT_EQ(next(*scheduler, kTurn), "d1");
    EXPECT_EQ(next(*scheduler, 0.05), "d2");
    EXPECT_EQ(next(*scheduler, kTurn), "d1");
    EXPECT_EQ(next(*scheduler, 0.05), "p4:16");
    EXPECT_EQ(next(*scheduler, kTurn), "d1");
    EXPECT_EQ(next(*scheduler, 0.05), "p2:16");
}

TEST(SchedulerPriority, OneTenantsUrgencyIsNothingToAnother) {
    const auto scheduler = scheduler_of(512);
    scheduler->set_priority({1}, -1000);
    scheduler->set_priority({11}, 1000);
    scheduler->set_decoding({1}, true);
    scheduler->set_decoding({11}, true);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(next(*scheduler, 0.01), "d2");
    }
}

TEST(SchedulerPriority, TheUrgentOneIsAlmostAsFastAsAlone) {
    Simulation simulation;
    simulation.stream("one");
    for (int i = 0; i < 15; ++i) {
        simulation.stream("one", 1.0, 0, 10);
    }
    simulation.run(30);
    EXPECT_NEAR(simulation.less_urgent["one"] / simulation.contended["one"], 0.1, 0.03);
    EXPECT_GT(simulation.tokens["one"], 30 * 0.85 / 0.0095);
}

// Its tenant is in every step with three urgent streams of fifteen, a fifth of the time. So the
// others run too until it has as much as the third, whose four streams want no more.
TEST(SchedulerPriority, WhatTheUrgentCannotUseOfTheShareGoesToTheOthers) {
    const auto share = [](std::int32_t least) {
        Simulation simulation;
        for (int i = 0; i < 8; ++i) {
            simulation.stream("has", 1.0, 0, i < 3 ? 0 : least);
            simulation.stream("other", 1.0, 0);
        }
        for (int i = 0; i < 4; ++i) {
            simulation.stream("third", 1.0, 0);
        }
        simulation.run(30);
        return simulation.share("has");
    };
    EXPECT_GE(share(5), 0.24);
    EXPECT_LE(share(5), share(0));
}

// How many tokens two tenants without priorities get beside one that has them, or has not.
std::pair<double, double> tokens_of_others(std::int32_t most) {
    Simulation simulation;
    for (int i = 0; i < 12; ++i) {
        simulation.stream("urgent", 1.0, i % 3 == 0 ? 5000 : 0, most == 0 ? 0 : i % most);
    }
    for (int i = 0; i < 4; ++i) {
        simulation.stream("left");
    }
    simulation.stream("right");
    simulation.run(60);
    return {static_cast<double>(simulation.tokens["left"]),
            static_cast<double>(simulation.tokens["right"])};
}

// But for a row that rides along in a larger step, which costs less than one in a smaller step.
TEST(SchedulerPriority, OtherTenantsLoseNothing) {
    const auto [left, right] = tokens_of_others(0);
    for (const std::int32_t most : {2, 5, 12}) {
        const auto [left_beside, right_beside] = tokens_of_others(most);
        EXPECT_GE(left_beside, 0.95 * left) << most;
        EXPECT_GE(right_beside, 0.95 * right) << most;
    }
}

// A thousand arrivals of all sizes and weights; the first tenants have priorities, if wanted.
class RandomLoad {
public:
    RandomLoad(std::uint32_t seed, std::uint32_t tenants, std::uint32_t with_priorities)
        : random_(seed), tenants_(tenants), with_priorities_(with_priorities) {}

    void run(Simulation& simulation) {
        std::deque<std::pair<ContextId, double>> ends;
        for (int arrival = 0; arrival < 1000; ++arrival) {
            const std::uint32_t tenant = up_to(tenants_);
            const std::uint32_t prompt = up_to(3) == 1 ? up_to(600) : 0;
            const std::uint32_t weight = 1 + tenant % 3;
            const auto priority = static_cast<std::int32_t>(up_to(4)) - 2;
            const ContextId id = simulation.stream(std::to_string(tenant), weight, prompt,
                                                   tenant <= with_priorities_ ? priority : 0);
            ends.emplace_back(id, simulation.now() + 0.1 * up_to(20));
            ASSERT_NO_FATAL_FAILURE(simulation.run(0.01 * up_to(10)));
            while (!ends.empty() && (ends.front().second < simulation.now() || ends.size() > 60)) {
                simulation.end(ends.front().first);
                ends.pop_front();
            }
        }
    }

private:
    std::uint32_t up_to(std::uint32_t most) {
        return std::uniform_int_distribution<std::uint32_t>(1, most)(random_);
    }

    std::mt19937 random_;
    const std::uint32_t tenants_;
    const std::uint32_t with_priorities_;
};

// step() checks that the engine never idles with work waiting.
TEST(SchedulerPriority, TenantsKeepTheirShares) {
    for (std::uint32_t seed = 1; seed <= 10; ++seed) {
        Simulation without;
        ASSERT_NO_FATAL_FAILURE(RandomLoad(seed, 6, 0).run(without));
        Simulation with;
        ASSERT_NO_FATAL_FAILURE(RandomLoad(seed, 6, 3).run(with));
        // Whoever has none loses nothing; whoever has some keeps its share by weight, of twelve.
        for (const auto& [tenant, weight] :
             std::map<std::string, double>{{"1", 2}, {"2", 3}, {"3", 1}}) {
            EXPECT_GE(with.share(tenant), std::min(without.share(tenant), weight / 12) - 0.03)
                << seed << " " << tenant;
        }
        for (const char* tenant : {"4", "5", "6"}) {
            EXPECT_GE(with.share(tenant), without.share(tenant) - 0.02) << seed << " " << tenant;
        }
        EXPECT_LT(with.longest_wait, 3.0) << seed;
    }
}

TEST(SchedulerPriority, UrgentBeforeLessUrgentAndNobodyIsForgotten) {
    for (std::uint32_t seed = 1; seed <= 10; ++seed) {
        Simulation simulation;
        ASSERT_NO_FATAL_FAILURE(RandomLoad(seed, 1, 1).run(simulation));
        EXPECT_GT(simulation.contended["1"], 10.0) << seed;
        EXPECT_LE(simulation.less_urgent["1"], 0.15 * simulation.contended["1"]) << seed;
        EXPECT_LE(simulation.longest_tenant_wait, 3.0) << seed;
    }
}

// The least urgent of one tenant beside its urgent ones that never rest.
TEST(SchedulerPriority, TheLeastUrgentWaitsForABoundedTime) {
    Simulation simulation;
    for (int i = 0; i < 6; ++i) {
        simulation.stream("one", 1.0, i < 2 ? 100'000 : 0, i % 2);
    }
    for (int i = 0; i < 10; ++i) {
        simulation.stream("one", 1.0, i < 5 ? 100'000 : 0, 1000);
    }
    simulation.run(60);
    // Seven prompts and the rows wait; a turn is a piece of at most 64 tokens or eleven rows.
    const double turn = 0.006 + 0.0035 * 14;
    EXPECT_LE(simulation.longest_tenant_wait, 8 * (kTurn + (1 + Scheduler::kUrgentShare) * turn));
    // However short the pieces are.
    const double part = simulation.less_urgent["one"] / simulation.contended["one"];
    EXPECT_GE(part, 0.07);
    EXPECT_LE(part, 0.11);
}

}  // namespace
}  // namespace realm::inference
