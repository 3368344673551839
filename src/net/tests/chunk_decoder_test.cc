#include "net/chunk_decoder.h"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace realm::net {
namespace {

struct Outcome {
    ChunkState state = ChunkState::kMore;
    std::string body;
    std::string rest;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Feeds `text` in pieces of `step` bytes.
Outcome decode(std::string_view text, std::size_t step, std::size_t max_body = 100,
               std::size_t max_line = 64) {
    ChunkDecoder decoder(max_body, max_line);
    Outcome outcome;
    std::size_t given = 0;
    while (given < text.size() && outcome.state == ChunkState::kMore) {
        std::string_view piece = text.substr(given, step);
        given += piece.size();
        outcome.state = decoder.feed(piece, outcome.body);
        if (outcome.state != ChunkState::kMore) {
            outcome.rest = std::string(piece) + std::string(text.substr(given));
        }
    }
    return outcome;
}

// The outcome must not depend on how the bytes arrive.
Outcome decode_every_way(std::string_view text, std::size_t max_body = 100,
                         std::size_t max_line = 64) {
    const Outcome whole = decode(text, text.size() + 1, max_body, max_line);
    for (std::size_t step = 1; step < text.size(); ++step) {
        const Outcome pieces = decode(text, step, max_body, max_line);
        EXPECT_EQ(pieces.state, whole.state) << "step " << step;
        if (whole.state == ChunkState::kDone) {
            EXPECT_EQ(pieces, whole) << "step " << step;
        }
    }
    return whole;
}

TEST(ChunkDecoder, ReadsChunks) {
    EXPECT_EQ(decode_every_way("4\r\nWiki\r\n6\r\npedia \r\n0\r\n\r\nNEXT"),
              (Outcome{ChunkState::kDone, "Wikipedia ", "NEXT"}));
    EXPECT_EQ(decode_every_way("0\r\n\r\n"), (Outcome{ChunkState::kDone, "", ""}));
    EXPECT_EQ(decode_every_way("0a\r\n0123456789\r\n000\r\n\r\n"),
              (Outcome{ChunkState::kDone, "0123456789", ""}));
    EXPECT_EQ(decode_every_way("A\r\n0123456789\r\n0\r\n\r\n").body, "0123456789");
    EXPECT_EQ(decode_every_way("2\r\n\r\n\r\n0\r\n\r\n").body, "\r\n");
}

TEST(ChunkDecoder, ThrowsExtensionsAndTrailersAway) {
    EXPECT_EQ(decode_every_way("1;a=b;c=\"d\"\r\nx\r\n0;e\r\nT: v\r\nU: w\r\n\r\nN"),
              (Outcome{ChunkState::kDone, "x", "N"}));
    EXPECT_EQ(decode_every_way("1 \t;a\r\nx\r\n0\r\n\r\n").body, "x");
}

TEST(ChunkDecoder, WaitsForMore) {
    const std::string_view text = "4\r\nWiki\r\n0\r\n\r\n";
    for (std::size_t size = 0; size < text.size(); ++size) {
        EXPECT_EQ(decode(text.substr(0, size), 100).state, ChunkState::kMore) << size;
    }
}

TEST(ChunkDecoder, RefusesWhatIsBroken) {
    for (const char* text :
         {"\r\n", "x\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "1\n", "1\r\nab\r\n", "1\r\nx0\r\n\r\n",
          "1 x\r\n", "1\r\nx\n0\r\n", " 1\r\n", "0\r\nT: \x01\r\n", "1;\x02\r\n"}) {
        EXPECT_EQ(decode_every_way(text).state, ChunkState::kMalformed) << text;
    }
}

TEST(ChunkDecoder, BoundsTheBodyExactly) {
    EXPECT_EQ(decode_every_way("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5).body, "abcde");
    EXPECT_EQ(decode_every_way("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 5).state,
              ChunkState::kTooLarge);
    EXPECT_EQ(decode_every_way("6\r\n", 5).state, ChunkState::kTooLarge);
    EXPECT_EQ(decode_every_way("ffffffffffffffff\r\n", 5).state, ChunkState::kTooLarge);
    EXPECT_EQ(decode_every_way("10000000000000000\r\n", 5).state, ChunkState::kTooLarge);
}

TEST(ChunkDecoder, BoundsLinesAndTrailersExactly) {
    EXPECT_EQ(decode_every_way("1;2345\r\nx\r\n0\r\n\r\n", 9, 8).state, ChunkState::kDone);
    EXPECT_EQ(decode_every_way("1;23456\r\n", 9, 8).state, ChunkState::kMalformed);
    EXPECT_EQ(decode_every_way("0\r\na:b\r\nc\r\n\r\n", 9, 10).state, ChunkState::kDone);
    EXPECT_EQ(decode_every_way("0\r\na:b\r\ncd\r\n\r\n", 9, 10).state, ChunkState::kMalformed);
    EXPECT_EQ(decode(std::string(9, '0'), 1, 9, 8).state, ChunkState::kMalformed);
}

TEST(ChunkDecoder, SurvivesRandomBytes) {
    std::mt19937 random(7);
    constexpr std::string_view kAlphabet = "0123af\r\n;x \t\x01";
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (std::size_t i = random() % 24; i > 0; --i) {
            text += kAlphabet[random() % kAlphabet.size()];
        }
        const Outcome whole = decode(text, 100, 10, 12);
        EXPECT_LE(whole.body.size(), 10U);
        EXPECT_EQ(decode(text, 1, 10, 12).state, whole.state) << text;
    }
}

}  // namespace
}  // namespace realm::net
