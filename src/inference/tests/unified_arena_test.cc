#include "inference/unified_arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "inference/tests/test_model.h"

namespace realm::inference {
namespace {

class UnifiedArenaTest : public testing::Test {
protected:
    static std::unique_ptr<UnifiedArena> make(std::uint32_t kv_tokens, std::uint32_t contexts) {
        auto arena = UnifiedArena::create(
            test_model(), {.kv_tokens = kv_tokens, .max_contexts = contexts, .threads = 2});
        EXPECT_TRUE(arena) << arena.error().message;
        return std::move(*arena);
    }

    // Appends the tokens in one piece; the logits after the last.
    static std::vector<float> append(UnifiedArena& arena, SequenceId sequence,
                                     const std::vector<Token>& tokens) {
        std::vector<Row> rows;
        for (const Token token : tokens) {
            rows.push_back({.sequence = sequence, .token = token, .wants_logits = false});
        }
        rows.back().wants_logits = true;
        const auto computed = arena.compute(rows);
        EXPECT_TRUE(computed) << computed.error().message;
        const std::span<const float> logits = arena.logits(rows.size() - 1);
        return {logits.begin(), logits.end()};
    }
};

TEST_F(UnifiedArenaTest, ReservesTokensAndSequencesExactly) {
    const auto arena = make(300, 2);
    EXPECT_FALSE(arena->acquire(301));
    const auto first = arena->acquire(299);
    ASSERT_TRUE(first);
    EXPECT_FALSE(arena->acquire(2));
    const auto second = arena->acquire(1);
    ASSERT_TRUE(second);
    EXPECT_FALSE(*first == *second);
    EXPECT_EQ(arena->sequences(), 2U);
    EXPECT_EQ(arena->tokens_reserved(), 300U);
    arena->release(*first);
    EXPECT_EQ(arena->sequences(), 1U);
    EXPECT_EQ(arena->tokens_reserved(), 1U);
    EXPECT_TRUE(arena->acquire(100));
    EXPECT_FALSE(arena->acquire(100));
}

TEST_F(UnifiedArenaTest, RefusesRowsBeyondTheCapacity) {
    const auto arena = make(300, 2);
    const auto sequence = arena->acquire(3);
    ASSERT_TRUE(sequence);
    append(*arena, *sequence, {1, 2, 3});
    const std::vector<Row> rows = {{.sequence = *sequence, .token = 4}};
    const auto refused = arena->compute(rows);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().type, ErrorType::kInternal);
    EXPECT_EQ(refused.error().code, "bad_batch");
}

// Moved cells, alone or behind others, give the logits of cells that never moved.
TEST_F(UnifiedArenaTest, CompactingChangesNoBit) {
    const std::vector<Token> text = text_tokens(300);
    const std::vector<Token> prompt(text.begin(), text.begin() + 200);
    const std::vector<Token> more(text.begin() + 200, text.end());
    std::vector<std::vector<float>> expected;
    {
        const auto arena = make(400, 1);
        const auto sequence = arena->acquire(400);
        expected.push_back(append(*arena, *sequence, prompt));
        expected.push_back(append(*arena, *sequence, {42}));
        expected.push_back(append(*arena, *sequence, more));
    }
    const auto arena = make(1000, 3);
    const auto below = arena->acquire(200);
    const auto sequence = arena->acquire(400);
    append(*arena, *below, more);
    EXPECT_EQ(append(*arena, *sequence, prompt), expected[0]);
    arena->release(*below);
    ASSERT_TRUE(arena->compact(*sequence, 201));
    EXPECT_EQ(append(*arena, *sequence, {42}), expected[1]);
    ASSERT_TRUE(arena->compact(*sequence, 301));
    EXPECT_EQ(append(*arena, *sequence, more), expected[2]);
}

}  // namespace
}  // namespace realm::inference
