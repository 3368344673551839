#include "inference/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace realm::inference {
namespace {

constexpr std::uint32_t kVocabulary = 1000;

std::vector<float> bumpy_logits() {
    std::vector<float> logits(kVocabulary);
    for (std::size_t i = 0; i < logits.size(); ++i) {
        logits[i] = std::sin(static_cast<float>(i) * 12.9898F) * 3.0F;
    }
    return logits;
}

std::vector<Token> draw(const SamplingParams& params, std::size_t count) {
    Sampler sampler(params, kVocabulary, 64);
    const std::vector<float> logits = bumpy_logits();
    std::vector<Token> tokens(count);
    std::ranges::generate(tokens, [&] { return sampler.choose(logits); });
    return tokens;
}

TEST(Sampler, GreedyTakesTheFirstLargest) {
    for (const std::size_t size : {1U, 15U, 16U, 17U, 100U, 1003U}) {
        for (std::size_t at = 0; at < size; ++at) {
            std::vector<float> logits(size, -5.0F);
            logits[at] = 2.0F;
            logits[size - 1] = 2.0F;
            Sampler sampler({}, static_cast<std::uint32_t>(size), 1);
            ASSERT_EQ(sampler.choose(logits), static_cast<Token>(at)) << size;
        }
    }
}

TEST(Sampler, SameSeedSameTokensOtherSeedOthers) {
    const SamplingParams params{.temperature = 1.0F, .seed = 7};
    EXPECT_EQ(draw(params, 50), draw(params, 50));
    SamplingParams other = params;
    other.seed = 8;
    EXPECT_NE(draw(params, 50), draw(other, 50));
}

TEST(Sampler, TheSeedThatLlamaReadsAsRandomIsASeedToo) {
    const SamplingParams params{.temperature = 1.0F, .seed = 0xFFFFFFFFU};
    EXPECT_EQ(draw(params, 50), draw(params, 50));
}

TEST(Sampler, WithoutASeedRunsDiffer) {
    const SamplingParams params{.temperature = 1.0F, .top_k = 0, .top_p = 1.0F};
    EXPECT_NE(draw(params, 50), draw(params, 50));
}

TEST(Sampler, TopKKeepsTheBestAlone) {
    std::vector<float> logits = bumpy_logits();
    std::vector<Token> order(kVocabulary);
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = static_cast<Token>(i);
    }
    std::ranges::stable_sort(order, [&](Token a, Token b) {
        return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
    });
    const std::set<Token> best(order.begin(), order.begin() + 5);
    for (const Token token :
         draw({.temperature = 5.0F, .top_k = 5, .top_p = 1.0F, .seed = 3}, 300)) {
        EXPECT_TRUE(best.contains(token)) << token;
    }
}

// Candidates that were picked out beforehand give the draws that the whole vocabulary gives.
TEST(Sampler, PreselectionChangesNoDraw) {
    SamplingParams preselected{.temperature = 0.8F, .top_k = 40, .top_p = 0.9F, .seed = 11};
    SamplingParams whole = preselected;
    whole.presence_penalty = 1e-30F;  // turns the preselection off and changes no logit
    EXPECT_EQ(draw(preselected, 100), draw(whole, 100));
}

TEST(Sampler, PenaltiesCountWhatWasChosen) {
    std::vector<float> logits(kVocabulary, 0.0F);
    logits[10] = 5.0F;
    logits[20] = 4.5F;
    Sampler frequency({.frequency_penalty = 1.0F}, kVocabulary, 64);
    std::array<Token, 4> tokens{};
    std::ranges::generate(tokens, [&] { return frequency.choose(logits); });
    EXPECT_EQ(tokens, (std::array<Token, 4>{10, 20, 10, 20}));
    Sampler presence({.presence_penalty = 0.75F}, kVocabulary, 64);
    std::ranges::generate(tokens, [&] { return presence.choose(logits); });
    EXPECT_EQ(tokens, (std::array<Token, 4>{10, 20, 10, 10}));
}

}  // namespace
}  // namespace realm::inference
