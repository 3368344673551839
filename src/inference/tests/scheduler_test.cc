#include "inference/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "inference/tests/scheduler_simulation.h"

namespace realm::inference {
namespace {

constexpr ContextId kA{1};
constexpr ContextId kB{2};
constexpr ContextId kC{3};

TEST(Scheduler, NothingToDo) {
    const auto owned = scheduler_of(512);
    Scheduler& scheduler = *owned;
    EXPECT_FALSE(scheduler.has_work());
    EXPECT_EQ(next(scheduler), "-");
}

TEST(Scheduler, AloneAPromptRunsInWholeChunksOldestFirst) {
    const auto owned = scheduler_of(512);
    Scheduler& scheduler = *owned;
    scheduler.add_prefill(kB, 1100);
    scheduler.add_prefill(kA, 3);
    EXPECT_TRUE(scheduler.has_work());
    EXPECT_EQ(next(scheduler), "p2:512");
    EXPECT_EQ(next(scheduler), "p2:512");
    EXPECT_EQ(next(scheduler), "p2:76!");
    EXPECT_EQ(next(scheduler), "p1:3!");
    EXPECT_FALSE(scheduler.has_work());
}

TEST(Scheduler, DecodeTakesAllRunnableContextsEachTime) {
    const auto owned = scheduler_of(512);
    Scheduler& scheduler = *owned;
    scheduler.set_decoding(kA, true);
    scheduler.set_decoding(kB, true);
    scheduler.set_decoding(kB, true);
    EXPECT_EQ(next(scheduler), "d2");
    EXPECT_EQ(next(scheduler), "d2");
    scheduler.set_decoding(kA, false);
    EXPECT_EQ(next(scheduler), "d1");
    scheduler.remove(kB);
    EXPECT_FALSE(scheduler.has_work());
}

TEST(Scheduler, BesideStreamsALongPromptIsCutIntoPiecesOfAtLeast64) {
    const auto owned = scheduler_of(512);
    Scheduler& scheduler = *owned;
    scheduler.set_decoding(kA, true);
    scheduler.add_prefill(kB, 512 + 30);
    std::vector<std::uint32_t> pieces;
    std::string order;
    while (true) {
        const Scheduler::Work work = scheduler.next();
        if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
            pieces.push_back(piece->tokens);
            order += 'p';
            if (piece->last) {
                break;
            }
        } else {
            order += 'd';
        }
    }
    EXPECT_EQ(pieces, (std::vector<std::uint32_t>{64, 64, 64, 64, 64, 64, 64, 64, 30}));
    EXPECT_EQ(order, "pdpdpdpdpdpdpdpdp");
}

TEST(Scheduler, AChunkIsCutOnlyWhereEveryPieceStaysLong) {
    for (const auto& [tokens, expected] : {std::pair<std::uint32_t, std::string>{63, "p2:63!"},
                                           {64, "p2:64!"},
                                           {127, "p2:127!"},
                                           {128, "p2:64"},
                                           {191, "p2:96"},
                                           {320, "p2:64"},
                                           {383, "p2:77"}}) {
        const auto owned = scheduler_of(512);
        Scheduler& scheduler = *owned;
        scheduler.set_decoding(kA, true);
        scheduler.add_prefill(kB, tokens);
        EXPECT_EQ(next(scheduler), expected);
    }
}

TEST(Scheduler, ShortPromptsShareOneBudget) {
    const auto owned = scheduler_of(512);
    Scheduler& scheduler = *owned;
    scheduler.set_decoding(kA, true);
    scheduler.add_prefill(kB, 40);
    scheduler.add_prefill(kC, 40);
    scheduler.add_prefill({4}, 40);
    EXPECT_EQ(next(scheduler), "p2:40!");
    EXPECT_EQ(next(scheduler), "p3:40!");
    EXPECT_EQ(next(scheduler), "d1");
    EXPECT_EQ(next(scheduler), "p4:40!");
    EXPECT_EQ(next(scheduler), "d1");
}

TEST(Scheduler, RemovedContextsLeaveNothingBehind) {
    const auto owned = scheduler_of(512);
    Scheduler& scheduler = *owned;
    scheduler.add_prefill(kA, 600);
    scheduler.add_prefill(kB, 5);
    EXPECT_EQ(next(scheduler), "p1:512");
    scheduler.remove(kA);
    EXPECT_EQ(next(scheduler), "p2:5!");
    EXPECT_EQ(next(scheduler), "-");
}

// Whatever the mix, work is never withheld, and a decode step comes after at most 64 + 127 tokens.
TEST(Scheduler, StreamsNeverWaitLong) {
    const auto owned = scheduler_of(256);
    Scheduler& scheduler = *owned;
    scheduler.set_decoding(kA, true);
    for (std::uint64_t i = 2; i < 60; ++i) {
        scheduler.add_prefill({i}, static_cast<std::uint32_t>(i * 37 % 700 + 1));
    }
    std::uint32_t since_decode = 0;
    std::uint32_t prompts = 0;
    while (prompts < 58) {
        const Scheduler::Work work = scheduler.next();
        ASSERT_FALSE(std::holds_alternative<std::monostate>(work));
        if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
            since_decode += piece->tokens;
            prompts += piece->last ? 1 : 0;
            ASSERT_LT(since_decode, 64U + 128U);
        } else {
            since_decode = 0;
        }
    }
}

TEST(SchedulerShares, OneStreamBesideFifteenGetsHalfOfTheTime) {
    Simulation fair;
    fair.stream("one");
    for (int i = 0; i < 15; ++i) {
        fair.stream("many");
    }
    fair.run(20);
    EXPECT_NEAR(fair.share("one"), 0.5, 0.05);
    Simulation joint;
    for (int i = 0; i < 16; ++i) {
        joint.stream("all");
    }
    joint.run(20);
    // A row alone costs more than a row among sixteen, so fairness costs tokens: no more than this.
    EXPECT_GE(static_cast<double>(fair.tokens["one"] + fair.tokens["many"]),
              0.65 * static_cast<double>(joint.tokens["all"]));
    EXPECT_GE(fair.tokens["one"], 3 * joint.tokens["all"] / 16);
}

TEST(SchedulerShares, FollowTheWeights) {
    for (const double weight : {0.25, 2.0, 4.0}) {
        Simulation simulation;
        simulation.stream("one", weight);
        for (int i = 0; i < 15; ++i) {
            simulation.stream("many", 1.0);
        }
        simulation.run(40);
        // Below its share the single stream still rides along in the others' steps.
        EXPECT_NEAR(simulation.share("one"), std::max(weight / (weight + 1), 1.0 / 16), 0.05)
            << weight;
    }
}

TEST(SchedulerShares, StreamsOfSimilarNumberShareEachStep) {
    Simulation simulation;
    for (int i = 0; i < 8; ++i) {
        simulation.stream("left");
    }
    for (int i = 0; i < 4; ++i) {
        simulation.stream("right");
    }
    simulation.run(5);
    EXPECT_EQ(std::ranges::count(simulation.batches, 12U),
              static_cast<std::ptrdiff_t>(simulation.batches.size()));
}

TEST(SchedulerShares, PromptsCountLikeTokens) {
    Simulation simulation;
    simulation.stream("reader", 1.0, 20'000);
    simulation.stream("writer", 1.0, 20'000);
    simulation.stream("writer", 1.0, 20'000);
    simulation.stream("writer", 1.0, 20'000);
    simulation.run(8);
    EXPECT_NEAR(simulation.share("reader"), 0.5, 0.05);
}

TEST(SchedulerShares, RestEarnsNothing) {
    Simulation simulation;
    simulation.stream("busy");
    simulation.stream("busy");
    simulation.stream("busy");
    simulation.run(30);
    simulation.stream("late");
    simulation.time.clear();
    simulation.run(2);
    EXPECT_NEAR(simulation.share("late"), 0.5, 0.1);
    EXPECT_LT(simulation.longest_wait, 0.3);
}

// Thousands of arrivals of all sizes and weights: there is never work left undone while the engine
// idles (step() checks it), and nobody waits longer than the slowest share explains.
TEST(SchedulerShares, NobodyStarves) {
    for (std::uint32_t seed = 1; seed <= 5; ++seed) {
        std::mt19937 random(seed);
        const auto up_to = [&](std::uint32_t most) {
            return std::uniform_int_distribution<std::uint32_t>(1, most)(random);
        };
        Simulation simulation;
        std::deque<std::pair<ContextId, double>> ends;
        for (int arrival = 0; arrival < 1000; ++arrival) {
            const std::string tenant = std::to_string(up_to(6));
            const std::uint32_t prompt = up_to(3) == 1 ? up_to(600) : 0;
            const ContextId id = simulation.stream(tenant, up_to(3), prompt);
            ends.emplace_back(id, simulation.now() + 0.1 * up_to(20));
            ASSERT_NO_FATAL_FAILURE(simulation.run(0.01 * up_to(10)));
            while (!ends.empty() && (ends.front().second < simulation.now() || ends.size() > 60)) {
                simulation.end(ends.front().first);
                ends.pop_front();
            }
        }
        EXPECT_LT(simulation.longest_wait, 3.0) << seed;
    }
}

TEST(SchedulerShares, RowsBeyondTheFirstAreTheirTenantsToo) {
    for (const bool more : {false, true}) {
        const auto scheduler = scheduler_of(512);
        scheduler->set_decoding({1}, true);
        scheduler->set_decoding({11}, true);
        EXPECT_EQ(next(*scheduler), "d2");
        if (more) {
            scheduler->add_rows({1}, 8);
        }
        scheduler->charge(Scheduler::Seconds(0.1));
        scheduler->add_prefill({2}, 10);
        scheduler->add_prefill({12}, 10);
        EXPECT_EQ(next(*scheduler), more ? "p12:10!" : "p2:10!");
    }
}

TEST(Scheduler, AShortLastChunkIsNotReusable) {
    const Scheduler scheduler(512);
    EXPECT_EQ(scheduler.reusable(63), 0U);
    EXPECT_EQ(scheduler.reusable(64), 64U);
    EXPECT_EQ(scheduler.reusable(512), 512U);
    EXPECT_EQ(scheduler.reusable(575), 512U);
    EXPECT_EQ(scheduler.reusable(576), 576U);
    EXPECT_EQ(Scheduler(32).reusable(100), 96U);
}

TEST(Scheduler, APromptIsResumedWhereTheRestKeepsItsBits) {
    const Scheduler scheduler(512);
    EXPECT_EQ(scheduler.resume_at(0, 1000), 0U);
    EXPECT_EQ(scheduler.resume_at(300, 1000), 300U);
    EXPECT_EQ(scheduler.resume_at(448, 1000), 448U);  // 64 left in the first chunk
    EXPECT_EQ(scheduler.resume_at(449, 1000), 448U);
    EXPECT_EQ(scheduler.resume_at(512, 1000), 512U);
    EXPECT_EQ(scheduler.resume_at(1000, 1000), 936U);
    EXPECT_EQ(scheduler.resume_at(530, 540), 512U);  // a short chunk is computed as a whole
    EXPECT_EQ(scheduler.resume_at(512, 512), 448U);
    EXPECT_EQ(scheduler.resume_at(40, 50), 0U);
    EXPECT_EQ(Scheduler(32).resume_at(70, 100), 64U);
    EXPECT_EQ(Scheduler(32).resume_at(96, 96), 64U);
}

TEST(Scheduler, AResumedPromptIsComputedInLongPiecesAndAShortLastChunk) {
    const auto scheduler = scheduler_of(512);
    scheduler->add_prefill(kA, 1100, 300);
    EXPECT_EQ(next(*scheduler), "p1:512");
    EXPECT_EQ(next(*scheduler), "p1:288!");
    scheduler->add_prefill(kA, 1050, 300);
    EXPECT_EQ(next(*scheduler), "p1:512");
    EXPECT_EQ(next(*scheduler), "p1:212");
    EXPECT_EQ(next(*scheduler), "p1:26!");
    scheduler->add_prefill(kA, 1088, 0);
    EXPECT_EQ(next(*scheduler), "p1:512");
    EXPECT_EQ(next(*scheduler), "p1:512");
    EXPECT_EQ(next(*scheduler), "p1:64!");
    scheduler->add_prefill(kA, 1024, 460);  // 564 are left, of which 64 must be the last
    EXPECT_EQ(next(*scheduler), "p1:500");
    EXPECT_EQ(next(*scheduler), "p1:64!");
    EXPECT_FALSE(scheduler->has_work());
}

TEST(Scheduler, BesideStreamsNoPieceOfALongPromptIsMuchLongerThanAnother) {
    const auto scheduler = scheduler_of(512);
    scheduler->set_decoding(kA, true);
    scheduler->add_prefill(kB, 1640);
    std::uint32_t sum = 0;
    while (sum < 1640) {
        const Scheduler::Work work = scheduler->next();
        if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
            EXPECT_GE(piece->tokens, 64U);
            EXPECT_LE(piece->tokens, 66U);
            sum += piece->tokens;
            EXPECT_EQ(piece->last, sum == 1640);
        }
    }
}

}  // namespace
}  // namespace realm::inference
