#include "inference/speculation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace realm::inference {
namespace {

using Seconds = StepCost::Seconds;

TEST(StepCost, ExpectsRowsToCostUntilItHasSeenThem) {
    StepCost cost;
    EXPECT_DOUBLE_EQ(cost.ratio(1, 3), 1 + 2 * StepCost::kRow);
    cost.note(1, Seconds(0.010));
    EXPECT_DOUBLE_EQ(cost.ratio(1, 3), 1 + 2 * StepCost::kRow);
    cost.note(3, Seconds(0.015));
    EXPECT_DOUBLE_EQ(cost.ratio(1, 3), 1.5);
    EXPECT_DOUBLE_EQ(cost.ratio(1, 2), 1.25);
    EXPECT_DOUBLE_EQ(cost.ratio(1, 5), 2);
    cost.note(5, Seconds(0.035));
    EXPECT_DOUBLE_EQ(cost.ratio(1, 5), 3.5);
    EXPECT_DOUBLE_EQ(cost.ratio(1, 6), 3.5 + 2.5 / 4);
    EXPECT_DOUBLE_EQ(cost.ratio(3, 5), 35.0 / 15);
    EXPECT_DOUBLE_EQ(cost.ratio(5, 5), 1);
}

TEST(StepCost, DoubtsThatRowsAreFree) {
    StepCost cost;
    cost.note(1, Seconds(0.010));
    cost.note(2, Seconds(0.009));
    EXPECT_DOUBLE_EQ(cost.ratio(1, 2), 1);
    EXPECT_DOUBLE_EQ(cost.ratio(1, 10), 0.9 + 8 * StepCost::kRow / 4);
}

TEST(StepCost, FollowsWhatItSees) {
    StepCost cost;
    cost.note(1, Seconds(0.010));
    cost.note(2, Seconds(0.010));
    for (int i = 0; i < 40; ++i) {
        cost.note(2, Seconds(0.030));
    }
    EXPECT_NEAR(cost.ratio(1, 2), 3, 0.01);
    // Never less than nothing.
    cost.note(9, Seconds(0.001));
    EXPECT_DOUBLE_EQ(cost.ratio(1, 9), 1);
}

// A context alone whose next tokens are guessed right with some chance each; a row beyond the first
// costs `row` of a step.
struct Outcome {
    double time = 0;  // in steps without guesses
    std::uint64_t tokens = 0;
    std::uint64_t drafted = 0;
    std::uint64_t tries = 0;
};

Outcome simulate(double row, std::uint64_t tokens, std::uint32_t seed, const auto& chance) {
    std::mt19937 random(seed);
    StepCost cost;
    Speculation speculation;
    Outcome made;
    while (made.tokens < tokens) {
        std::size_t drafted = 0;
        if (speculation.may_try()) {
            const Drafter drafter{.speculation = &speculation, .most = kMostDrafted};
            drafted = drafts_worth(cost, 1, 128, {&drafter, 1});
        }
        const double took = 1 + row * static_cast<double>(drafted);
        cost.note(1 + drafted, Seconds(took));
        std::size_t accepted = 0;
        while (accepted < drafted && std::bernoulli_distribution(chance(made.tokens))(random)) {
            ++accepted;
        }
        speculation.note(drafted, accepted, cost.ratio(1, 1 + drafted) - 1);
        made.time += took;
        made.tokens += 1 + accepted;
        made.drafted += drafted;
        made.tries += drafted > 0 ? 1 : 0;
    }
    return made;
}

TEST(Speculation, WhereNothingIsRightItLosesLittleAndTriesLessAndLessOften) {
    const auto never = [](std::uint64_t) { return 0.0; };
    for (const double row : {0.05, 0.25, 0.45}) {
        for (const std::uint64_t tokens : {10U, 100U, 1000U, 10'000U}) {
            const Outcome made = simulate(row, tokens, 1, never);
            const auto count = static_cast<double>(tokens);
            EXPECT_LE(made.time - count, 1 + Speculation::kAllowance * count) << row;
        }
    }
    EXPECT_GE(simulate(0.45, 1000, 1, never).tries, 3U);
    EXPECT_LE(simulate(0.45, 1000, 1, never).tries, 9U);
    EXPECT_LE(simulate(0.45, 10'000, 1, never).tries - simulate(0.45, 1000, 1, never).tries, 10U);
}

// Whatever the chance of a right guess: at most 3 % slower, but for one step.
TEST(Speculation, IsHardlyEverSlower) {
    for (const double row : {0.02, 0.25, 0.45, 0.6}) {
        for (int tenth = 0; tenth <= 10; ++tenth) {
            for (std::uint32_t seed = 1; seed <= 20; ++seed) {
                const Outcome made =
                    simulate(row, 500, seed, [&](std::uint64_t) { return tenth / 10.0; });
                EXPECT_LE(made.time, 1 + 1.03 * static_cast<double>(made.tokens))
                    << row << " " << tenth << " " << seed;
            }
        }
    }
}

TEST(Speculation, WinsWhereGuessesAreRight) {
    const auto always = [](std::uint64_t) { return 1.0; };
    const auto mostly = [](std::uint64_t) { return 0.95; };
    const auto speed = [](const Outcome& made) {
        return static_cast<double>(made.tokens) / made.time;
    };
    // With fifteen guesses a step costs 7.75 and gives 16 tokens.
    EXPECT_GT(speed(simulate(0.45, 1000, 1, always)), 1.9);
    EXPECT_GT(speed(simulate(0.45, 1000, 1, mostly)), 1.4);
    EXPECT_GT(speed(simulate(0.1, 1000, 1, always)), 5.5);
}

TEST(Speculation, FindsOutWhenATextBeginsToRepeatItselfAndWhenItEnds) {
    const Outcome made = simulate(0.45, 3000, 1, [](std::uint64_t token) {
        return token >= 1000 && token < 2000 ? 0.97 : 0.0;
    });
    EXPECT_LT(made.time, 2750);
}

TEST(Drafts, AreForStepsOfWhichAllContextsGain) {
    StepCost cost;
    Speculation one;
    Speculation two;
    for (int i = 0; i < 20; ++i) {
        one.note(2, 2, 0.9);
        two.note(2, 2, 0.9);
    }
    const std::vector<Drafter> drafters = {{.speculation = &one, .most = 15},
                                           {.speculation = &two, .most = 4}};
    const auto worth = [&](std::size_t contexts, std::size_t count) {
        return drafts_worth(cost, contexts, 128, std::span(drafters).first(count));
    };
    EXPECT_EQ(worth(1, 0), 0U);
    EXPECT_EQ(worth(1, 1), 15U);
    EXPECT_GE(worth(2, 2), 4U);
    // A third, or the second, has nothing to win and a longer step.
    EXPECT_EQ(worth(2, 1), 0U);
    EXPECT_EQ(worth(3, 2), 0U);
    // Where rows cost nothing it loses nothing.
    for (std::size_t rows = 1; rows < 128; ++rows) {
        cost.note(rows, Seconds(1));
    }
    EXPECT_EQ(worth(2, 1), 15U);
    EXPECT_EQ(worth(3, 2), 15U);
}

TEST(Drafts, FillTheStepAndNoMore) {
    const StepCost cost;
    Speculation sure;
    for (int i = 0; i < 20; ++i) {
        sure.note(2, 2, 0.9);
    }
    const Drafter drafter{.speculation = &sure, .most = 15};
    EXPECT_EQ(drafts_worth(cost, 1, 1, {&drafter, 1}), 0U);
    EXPECT_EQ(drafts_worth(cost, 1, 6, {&drafter, 1}), 5U);
    const Drafter few{.speculation = &sure, .most = 2};
    EXPECT_EQ(drafts_worth(cost, 1, 128, {&few, 1}), 2U);
}

}  // namespace
}  // namespace realm::inference
