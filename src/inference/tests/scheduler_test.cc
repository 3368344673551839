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

// The tokens of each piece of B's prompt beside `streams` contexts that decode, with a ' behind
// those that attention takes row by row.
std::vector<std::string> pieces_beside(std::uint64_t streams, std::uint32_t prompt,
                                       std::uint32_t chunk = 512) {
    const auto scheduler = scheduler_of(chunk, 299);
    for (std::uint64_t i = 0; i < streams; ++i) {
        scheduler->set_decoding({100 + i}, true);
    }
    scheduler->add_prefill(kB, prompt);
    std::vector<std::string> pieces;
    while (true) {
        const Scheduler::Work work = scheduler->next();
        if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
            pieces.push_back(std::to_string(piece->tokens) + (piece->tiled ? "" : "'"));
            if (piece->last) {
                return pieces;
            }
        }
    }
}

TEST(Scheduler, BetweenTwoPiecesOfALongPromptComesADecodeStep) {
    const auto scheduler = scheduler_of(512);
    scheduler->set_decoding(kA, true);
    scheduler->add_prefill(kB, 40);
    EXPECT_EQ(next(*scheduler), "p2:16");
    EXPECT_EQ(next(*scheduler), "d1");
    EXPECT_EQ(next(*scheduler), "p2:16");
    EXPECT_EQ(next(*scheduler), "d1");
    EXPECT_EQ(next(*scheduler), "p2:8!");
    EXPECT_EQ(next(*scheduler), "d1");
}

TEST(Scheduler, ThePieceOfALongPromptGrowsWithTheStreamsBesideIt) {
    using Pieces = std::vector<std::string>;
    EXPECT_EQ(pieces_beside(1, 70), (Pieces{"16", "16", "16", "16", "6"}));
    EXPECT_EQ(pieces_beside(4, 64), (Pieces{"16", "16", "16", "16"}));
    EXPECT_EQ(pieces_beside(5, 64), (Pieces{"20", "20", "20", "4"}));
    EXPECT_EQ(pieces_beside(8, 100), (Pieces{"32", "32", "32", "4"}));
    EXPECT_EQ(pieces_beside(15, 120), (Pieces{"60", "60"}));
    EXPECT_EQ(pieces_beside(16, 128), (Pieces{"64", "64"}));
    EXPECT_EQ(pieces_beside(99, 128), (Pieces{"64", "64"}));
}

TEST(Scheduler, AChunkOfFewerThan64TokensIsComputedRowByRow) {
    using Pieces = std::vector<std::string>;
    EXPECT_EQ(pieces_beside(0, 63), (Pieces{"63'"}));
    EXPECT_EQ(pieces_beside(0, 64), (Pieces{"64"}));
    EXPECT_EQ(pieces_beside(16, 512 + 63),
              (Pieces{"64", "64", "64", "64", "64", "64", "64", "64", "63'"}));
    EXPECT_EQ(pieces_beside(8, 128 + 40, 128), (Pieces{"32", "32", "32", "32", "32'", "8'"}));
    EXPECT_EQ(pieces_beside(16, 80, 32), (Pieces{"32'", "32'", "16'"}));
}

TEST(Scheduler, ShortPromptsShareOneBudget) {
    const auto owned = scheduler_of(512);
    Scheduler& scheduler = *owned;
    scheduler.set_decoding(kA, true);
    scheduler.add_prefill(kB, 10);
    scheduler.add_prefill(kC, 10);
    scheduler.add_prefill({4}, 10);
    EXPECT_EQ(next(scheduler), "p2:10!");
    EXPECT_EQ(next(scheduler), "p3:10!");
    EXPECT_EQ(next(scheduler), "d1");
    EXPECT_EQ(next(scheduler), "p4:10!");
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

// Whatever the mix, work is never withheld, and a decode step comes after less than two pieces.
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
            ASSERT_LT(since_decode, 16U + 16U);
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

// Whose last work was a prompt that is dropped has rested since then, not for ever.
TEST(SchedulerShares, WhoAsksAnewSoonAfterAPromptIsDroppedKeepsItsShare) {
    for (const double pause : {0.04, 0.06}) {
        const auto scheduler = scheduler_of(512);
        scheduler->set_decoding({1}, true);
        scheduler->add_prefill({21}, 1000);
        EXPECT_EQ(next(*scheduler), "p21:16");
        scheduler->charge(Scheduler::Seconds(0.001));
        EXPECT_EQ(next(*scheduler), "d1");
        scheduler->charge(Scheduler::Seconds(0.1));
        scheduler->remove({21});
        EXPECT_EQ(next(*scheduler), "d1");
        scheduler->charge(Scheduler::Seconds(pause));
        scheduler->add_prefill({11}, 10);
        scheduler->add_prefill({22}, 10);
        EXPECT_EQ(next(*scheduler), pause < Scheduler::kRest.count() ? "p22:10!" : "p11:10!");
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
    EXPECT_EQ(scheduler.resume_at(512, 1000), 512U);
    EXPECT_EQ(scheduler.resume_at(999, 1000), 999U);
    EXPECT_EQ(scheduler.resume_at(1000, 1000), 999U);  // something must be computed
    EXPECT_EQ(scheduler.resume_at(530, 575), 512U);    // in a short chunk all is done row by row
    EXPECT_EQ(scheduler.resume_at(530, 576), 530U);
    EXPECT_EQ(scheduler.resume_at(40, 50), 0U);
    EXPECT_EQ(Scheduler(32).resume_at(70, 100), 70U);
    EXPECT_EQ(Scheduler(32).resume_at(96, 96), 95U);
}

TEST(Scheduler, AResumedPromptIsComputedInWholeChunksAndAShortLastOne) {
    const auto scheduler = scheduler_of(512);
    scheduler->add_prefill(kA, 1100, 300);
    EXPECT_EQ(next(*scheduler), "p1:512");
    EXPECT_EQ(next(*scheduler), "p1:288!");
    scheduler->add_prefill(kA, 1050, 300);
    EXPECT_EQ(next(*scheduler), "p1:512");
    EXPECT_EQ(next(*scheduler), "p1:212");
    EXPECT_EQ(next(*scheduler), "p1:26!");
    scheduler->add_prefill(kA, 1088, 1087);
    EXPECT_EQ(next(*scheduler), "p1:1!");
    EXPECT_FALSE(scheduler->has_work());
}

}  // namespace
}  // namespace realm::inference
