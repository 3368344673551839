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
        auto arena = UnifiedArena::create(test_model(), {.kv_tokens = kv_tokens,
                                                         .max_contexts = contexts,
                                                         .cached_contexts = 0,
                                                         .threads = test_threads()});
        EXPECT_TRUE(arena) << arena.error().message;
        return std::move(*arena);
    }

    // Appends the tokens in one piece, in tiles where plain llama.cpp would take tiles; the logits
    // after the last.
    static std::vector<float> append(UnifiedArena& arena, SequenceId sequence,
                                     const std::vector<Token>& tokens) {
        return append_piece(arena, sequence, tokens, tokens.size() >= 64);
    }
    static std::vector<float> append_piece(UnifiedArena& arena, SequenceId sequence,
                                           const std::vector<Token>& tokens, bool tiled) {
        std::vector<Row> rows;
        for (const Token token : tokens) {
            rows.push_back(
                {.sequence = sequence, .token = token, .wants_logits = false, .tiled = tiled});
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

TEST_F(UnifiedArenaTest, RefusesSingleRowsBehindThoseInTiles) {
    const auto arena = make(300, 2);
    const auto sequence = arena->acquire(3);
    ASSERT_TRUE(sequence);
    const std::vector<Row> rows = {{.sequence = *sequence, .token = 4, .tiled = true},
                                   {.sequence = *sequence, .token = 4}};
    const auto refused = arena->compute(rows);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "bad_batch");
    append(*arena, *sequence, {1, 2, 3});
}

// In tiles or row by row, the logits do not depend on where the tokens are cut.
TEST_F(UnifiedArenaTest, PiecesOfAnyLengthGiveTheLogitsOfTheWhole) {
    const auto text = text_tokens(200);
    for (const bool tiled : {true, false}) {
        const auto arena = make(4096, 8);
        const auto whole = arena->acquire(256).value();
        const auto expected = append_piece(*arena, whole, text, tiled);
        for (const std::size_t piece : {1U, 7U, 16U, 63U, 64U, 150U}) {
            const auto cut = arena->acquire(256).value();
            std::vector<float> logits;
            for (std::size_t at = 0; at < text.size(); at += piece) {
                const auto begin = text.begin() + static_cast<std::ptrdiff_t>(at);
                const auto end =
                    text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), at + piece));
                logits = append_piece(*arena, cut, {begin, end}, tiled);
            }
            EXPECT_EQ(logits, expected) << piece << (tiled ? " in tiles" : " row by row");
        }
    }
}

TEST_F(UnifiedArenaTest, AHundredRowsTogetherHaveTheLogitsOfEachAlone) {
    const auto text = text_tokens(200);
    const auto arena = make(100 * 64, 100);
    std::vector<Row> rows;
    for (std::size_t i = 0; i < 100; ++i) {
        const auto sequence = arena->acquire(20).value();
        const auto begin = text.begin() + static_cast<std::ptrdiff_t>(i);
        append(*arena, sequence, {begin, begin + 10});
        rows.push_back({.sequence = sequence, .token = begin[10]});
    }
    ASSERT_TRUE(arena->compute(rows));
    std::vector<std::vector<float>> together;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        together.emplace_back(arena->logits(i).begin(), arena->logits(i).end());
    }
    for (std::size_t i = 0; i < rows.size(); i += 9) {
        ASSERT_TRUE(arena->truncate(rows[i].sequence, 10));
        EXPECT_EQ(append(*arena, rows[i].sequence, {rows[i].token}), together[i]) << i;
    }
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

// Tokens of one sequence in a batch, beside a row of another, give the logits of each computed by
// itself, also across pages, after some of them were taken away again, and where there are so many
// that llama.cpp would take them in tiles.
TEST_F(UnifiedArenaTest, RowsOfOneSequenceGiveTheLogitsOfRowsAlone) {
    const std::vector<Token> text = text_tokens(400);
    const std::vector<Token> prompt(text.begin(), text.begin() + 120);
    constexpr std::size_t kRows = 70;
    std::vector<std::vector<float>> expected;
    {
        const auto arena = make(400, 1);
        const auto alone = arena->acquire(400);
        append(*arena, *alone, prompt);
        for (std::size_t i = 0; i < kRows; ++i) {
            expected.push_back(append(*arena, *alone, {text[120 + i]}));
        }
    }
    const auto arena = make(1000, 2);
    const auto other = arena->acquire(400);
    const auto sequence = arena->acquire(400);
    append(*arena, *other, text);
    arena->release(*other);
    const auto beside = arena->acquire(400);
    append(*arena, *beside, prompt);
    append(*arena, *sequence, prompt);
    for (const std::size_t count : {1U, 2U, 15U, 70U}) {
        std::vector<Row> rows = {{.sequence = *beside, .token = 5}};
        for (std::size_t i = 0; i < count; ++i) {
            rows.push_back({.sequence = *sequence, .token = text[120 + i]});
        }
        ASSERT_TRUE(arena->compute(rows));
        for (std::size_t i = 0; i < count; ++i) {
            const std::span<const float> logits = arena->logits(1 + i);
            EXPECT_TRUE(std::ranges::equal(logits, expected[i])) << i << " of " << count;
        }
        ASSERT_TRUE(arena->truncate(*sequence, 120));
    }
}

// What the sequence's cells give for three continuations: a row, a prompt, a row.
using Logits = std::vector<std::vector<float>>;

Logits continued(UnifiedArena& arena, SequenceId sequence, const std::vector<Token>& more,
                 const auto& append) {
    return {append(arena, sequence, {42}), append(arena, sequence, more),
            append(arena, sequence, {7})};
}

TEST_F(UnifiedArenaTest, ForkedCellsGiveTheLogitsOfTheirOwn) {
    const std::vector<Token> text = text_tokens(330);
    const std::vector<Token> more(text.begin() + 200, text.begin() + 280);
    for (const std::size_t length : {63U, 64U, 130U}) {
        const std::vector<Token> prompt(text.begin(),
                                        text.begin() + static_cast<std::ptrdiff_t>(length));
        Logits expected;
        {
            const auto arena = make(400, 1);
            const auto alone = arena->acquire(400);
            append(*arena, *alone, prompt);
            expected = continued(*arena, *alone, more, append);
        }
        const auto arena = make(2000, 4);
        const auto source = arena->acquire(400);
        append(*arena, *source, prompt);
        const auto first = arena->fork(*source, 400);
        const auto second = arena->fork(*first, 400);
        ASSERT_TRUE(first && second);
        EXPECT_EQ(continued(*arena, *first, more, append), expected) << length;
        EXPECT_EQ(continued(*arena, *source, more, append), expected) << length;
        arena->release(*source);
        arena->release(*first);
        EXPECT_EQ(continued(*arena, *second, more, append), expected) << length;
    }
}

TEST_F(UnifiedArenaTest, ForksOfOneSequenceShareABatch) {
    const std::vector<Token> prompt = text_tokens(100);
    const auto arena = make(1000, 3);
    const auto source = arena->acquire(300);
    append(*arena, *source, prompt);
    const auto fork = arena->fork(*source, 300);
    ASSERT_TRUE(fork);
    const std::vector<Row> rows = {{.sequence = *source, .token = 5},
                                   {.sequence = *fork, .token = 6}};
    ASSERT_TRUE(arena->compute(rows));
    const std::vector<float> five(arena->logits(0).begin(), arena->logits(0).end());
    const std::vector<float> six(arena->logits(1).begin(), arena->logits(1).end());
    const auto other = make(1000, 1);
    const auto alone = other->acquire(300);
    append(*other, *alone, prompt);
    EXPECT_EQ(append(*other, *alone, {5}), five);
    ASSERT_TRUE(other->truncate(*alone, 100));
    EXPECT_EQ(append(*other, *alone, {6}), six);
}

TEST_F(UnifiedArenaTest, SharedPagesAreReservedOnce) {
    const auto arena = make(1000, 4);
    const auto source = arena->acquire(300);
    append(*arena, *source, text_tokens(200));  // three full pages and 8 cells
    const auto first = arena->fork(*source, 500);
    ASSERT_TRUE(first);
    EXPECT_EQ(arena->tokens_reserved(), 300U + 500U - 192U);
    EXPECT_FALSE(arena->fork(*source, 392U + 192U + 1U));
    const auto second = arena->fork(*first, 392U + 192U);
    ASSERT_TRUE(second);
    EXPECT_EQ(arena->tokens_reserved(), 1000U);
    // To leave two of the three shared pages, a fork would need as many of its own.
    EXPECT_FALSE(arena->truncate(*first, 64));
    arena->release(*second);
    EXPECT_TRUE(arena->truncate(*first, 64));
    EXPECT_EQ(arena->tokens_reserved(), 300U + 500U - 64U);
    arena->release(*source);
    EXPECT_EQ(arena->tokens_reserved(), 500U);
    arena->release(*first);
    EXPECT_EQ(arena->tokens_reserved(), 0U);
    EXPECT_EQ(arena->sequences(), 0U);
}

TEST_F(UnifiedArenaTest, TruncatedSequencesGoOnAsIfTheRestHadNeverBeen) {
    const std::vector<Token> text = text_tokens(300);
    const std::vector<Token> beginning(text.begin(), text.begin() + 150);
    const std::vector<Token> more(text.begin() + 200, text.begin() + 280);
    for (const std::uint32_t length : {0U, 64U, 100U}) {
        Logits expected;
        {
            const auto arena = make(400, 1);
            const auto alone = arena->acquire(400);
            append(*arena, *alone, beginning);
            ASSERT_TRUE(arena->truncate(*alone, length));
            expected = continued(*arena, *alone, more, append);
        }
        const auto arena = make(2000, 4);
        const auto source = arena->acquire(400);
        append(*arena, *source, beginning);
        const auto fork = arena->fork(*source, 400);
        ASSERT_TRUE(fork);
        ASSERT_TRUE(arena->truncate(*fork, length));
        EXPECT_EQ(continued(*arena, *fork, more, append), expected) << length;
        ASSERT_TRUE(arena->truncate(*source, length));
        EXPECT_EQ(continued(*arena, *source, more, append), expected) << length;
    }
}

// A prompt that begins with what another sequence computed, at places that are no page's border.
TEST_F(UnifiedArenaTest, AdoptedCellsGiveTheLogitsOfTheirOwn) {
    const auto arena = make(4096, 4);
    const auto prompt = text_tokens(700);
    const auto cold = arena->acquire(800).value();
    const std::vector<Token> head(prompt.begin(), prompt.begin() + 512);
    const std::vector<Token> tail(prompt.begin() + 512, prompt.end());
    append(*arena, cold, head);
    const auto expected = append(*arena, cold, tail);
    for (const std::ptrdiff_t known : {1, 64, 300, 511, 512, 603, 699}) {
        const auto warm = arena->acquire(800).value();
        arena->adopt(warm, cold, static_cast<std::uint32_t>(known));
        if (known < 512) {
            append_piece(*arena, warm, {prompt.begin() + known, prompt.begin() + 512}, true);
        }
        const auto got = append_piece(
            *arena, warm, {prompt.begin() + std::max<std::ptrdiff_t>(known, 512), prompt.end()},
            true);
        EXPECT_EQ(got, expected) << known;
        arena->release(warm);
    }
    // The one they came from goes on as if nothing had been.
    const auto alone = arena->acquire(800).value();
    append(*arena, alone, head);
    append(*arena, alone, tail);
    EXPECT_EQ(append(*arena, cold, {5}), append(*arena, alone, {5}));
}

TEST_F(UnifiedArenaTest, ShrunkSequencesReserveWhatTheyHold) {
    const auto arena = make(1000, 4);
    const auto prompt = text_tokens(200);
    const auto first = arena->acquire(500).value();
    append(*arena, first, prompt);
    arena->shrink(first, 150);
    EXPECT_EQ(arena->tokens_reserved(), 150U);
    // 128 tokens are two whole pages, which the others share.
    const auto second = arena->acquire(300).value();
    arena->adopt(second, first, 150);
    EXPECT_EQ(arena->tokens_reserved(), 150U + 300U - 128U);
    arena->shrink(second, 70);
    EXPECT_EQ(arena->tokens_reserved(), 150U + 70U - 64U);
    arena->release(first);
    EXPECT_EQ(arena->tokens_reserved(), 70U);
    arena->release(second);
    EXPECT_EQ(arena->tokens_reserved(), 0U);
    EXPECT_TRUE(arena->acquire(1000));
}

// Cells that were copied out and put into others, lower or higher ones, alone or shared before.
TEST_F(UnifiedArenaTest, SavedCellsGiveTheLogitsOfThoseThatStayed) {
    const std::vector<Token> text = text_tokens(400);
    const std::vector<Token> more(text.begin() + 200, text.begin() + 280);
    for (const std::size_t length : {1U, 64U, 130U}) {
        const std::vector<Token> prompt(text.begin(),
                                        text.begin() + static_cast<std::ptrdiff_t>(length));
        Logits expected;
        {
            const auto arena = make(400, 1);
            const auto alone = arena->acquire(400);
            append(*arena, *alone, prompt);
            expected = continued(*arena, *alone, more, append);
        }
        const auto arena = make(2000, 5);
        const auto below = arena->acquire(400).value();
        append(*arena, below, {1, 2, 3});
        const auto source = arena->acquire(400).value();
        append(*arena, source, prompt);
        const auto fork = arena->fork(source, 400).value();
        const auto saved = arena->save(fork);
        ASSERT_TRUE(saved);
        EXPECT_EQ(saved->order.tokens, length);
        EXPECT_TRUE(saved->order.positions.empty());
        arena->release(source);
        arena->release(fork);
        const auto back = arena->acquire(400).value();
        ASSERT_TRUE(arena->load(back, saved->bytes, saved->order));
        arena->release(below);
        // The same copy once more: what has one page lies below the first one now.
        const auto again = arena->acquire(400).value();
        ASSERT_TRUE(arena->load(again, saved->bytes, saved->order));
        EXPECT_EQ(continued(*arena, back, more, append), expected) << length;
        EXPECT_EQ(continued(*arena, again, more, append), expected) << length;
    }
}

TEST_F(UnifiedArenaTest, CellsOutOfOrderComeBackToTheirPositions) {
    const std::vector<Token> text = text_tokens(330);
    const auto arena = make(384, 3);
    const auto low = arena->acquire(64).value();
    append(*arena, low, {text.begin(), text.begin() + 64});
    const auto source = arena->acquire(320).value();
    append(*arena, source, {text.begin(), text.begin() + 128});
    const auto fork = arena->fork(source, 128).value();  // keeps the first pages where they are
    append(*arena, source, {text.begin() + 128, text.begin() + 310});
    arena->release(low);
    arena->release(fork);
    const auto before = arena->save(source).value();
    const auto wanted = append(*arena, source, {42});
    arena->release(source);
    const auto back = arena->acquire(320).value();
    ASSERT_TRUE(arena->load(back, before.bytes, before.order));
    EXPECT_EQ(append(*arena, back, {42}), wanted);
}

TEST_F(UnifiedArenaTest, DamagedCellsAreNotPutBack) {
    const auto arena = make(400, 2);
    const auto source = arena->acquire(100).value();
    append(*arena, source, text_tokens(70));
    auto saved = arena->save(source).value();
    const auto other = arena->acquire(100).value();
    saved.bytes.resize(saved.bytes.size() - 1);
    const auto loaded = arena->load(other, saved.bytes, saved.order);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(loaded.error().code, "kv_move_failed");
    arena->release(other);
    const auto third = arena->acquire(100).value();
    EXPECT_EQ(append(*arena, third, text_tokens(70)).size(), 49152U);
}

TEST_F(UnifiedArenaTest, TellsWhatWouldFitWithoutSomeSequences) {
    const auto arena = make(1000, 4);
    const auto source = arena->acquire(300).value();
    append(*arena, source, text_tokens(200));  // three full pages and 8 cells
    EXPECT_EQ(arena->fork_cost(source, 500), 500U - 192U);
    const auto fork = arena->fork(source, 500).value();
    EXPECT_TRUE(arena->would_fit(392, {}));
    EXPECT_FALSE(arena->would_fit(393, {}));
    // What both share goes with the second of them only.
    EXPECT_TRUE(arena->would_fit(392 + 108, {{source}}));
    EXPECT_FALSE(arena->would_fit(392 + 109, {{source}}));
    EXPECT_TRUE(arena->would_fit(1000, {{source, fork}}));
    EXPECT_FALSE(arena->would_fit(1001, {{source, fork}}));
}

}  // namespace
}  // namespace realm::inference
