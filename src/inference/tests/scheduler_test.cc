#include "inference/scheduler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace realm::inference {
namespace {

constexpr ContextId kA{1};
constexpr ContextId kB{2};
constexpr ContextId kC{3};

// "d2" for a decode step of two rows, "p1:64" for 64 tokens of context 1's prompt ("!" the last).
std::string next(Scheduler& scheduler) {
    const Scheduler::Work work = scheduler.next();
    if (const auto* step = std::get_if<Scheduler::DecodeStep>(&work)) {
        return "d" + std::to_string(step->contexts.size());
    }
    if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
        return "p" + std::to_string(piece->context.value) + ":" + std::to_string(piece->tokens) +
               (piece->last ? "!" : "");
    }
    return "-";
}

TEST(Scheduler, NothingToDo) {
    Scheduler scheduler(512);
    EXPECT_FALSE(scheduler.has_work());
    EXPECT_EQ(next(scheduler), "-");
}

TEST(Scheduler, AloneAPromptRunsInWholeChunksOldestFirst) {
    Scheduler scheduler(512);
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
    Scheduler scheduler(512);
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
    Scheduler scheduler(512);
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
                                           {128, "p2:64"}}) {
        Scheduler scheduler(512);
        scheduler.set_decoding(kA, true);
        scheduler.add_prefill(kB, tokens);
        EXPECT_EQ(next(scheduler), expected);
    }
}

TEST(Scheduler, ShortPromptsShareOneBudget) {
    Scheduler scheduler(512);
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
    Scheduler scheduler(512);
    scheduler.add_prefill(kA, 600);
    scheduler.add_prefill(kB, 5);
    EXPECT_EQ(next(scheduler), "p1:512");
    scheduler.remove(kA);
    EXPECT_EQ(next(scheduler), "p2:5!");
    EXPECT_EQ(next(scheduler), "-");
}

// Whatever the mix, work is never withheld, and a decode step comes after at most 64 + 127 tokens.
TEST(Scheduler, StreamsNeverWaitLong) {
    Scheduler scheduler(256);
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

}  // namespace
}  // namespace realm::inference
