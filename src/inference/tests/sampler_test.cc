#include "inference/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "inference/tests/llama_chain.h"

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
    // 5, 4.5; 5 / 2, 4.5; 5 / 2, 4.5 / 2; and so on.
    Sampler repetition({.repetition_penalty = 2.0F}, kVocabulary, 64);
    std::ranges::generate(tokens, [&] { return repetition.choose(logits); });
    EXPECT_EQ(tokens, (std::array<Token, 4>{10, 20, 10, 10}));
}

TEST(Sampler, ARepetitionPenaltyMakesNegativeLogitsSmaller) {
    const std::vector<float> logits{-2.0F, -3.0F, -9.0F};
    Sampler sampler({.repetition_penalty = 2.0F}, 3, 64);
    EXPECT_EQ(sampler.choose(logits), 0);
    EXPECT_EQ(sampler.choose(logits), 1);
    EXPECT_EQ(sampler.choose(logits), 0);  // -4 against -6
}

TEST(Sampler, PenaltiesForgetWhatIsOlderThanTheHistory) {
    const std::vector<float> logits{5.0F, 4.5F, 4.2F};
    const auto chosen = [&](std::uint32_t history) {
        Sampler sampler({.presence_penalty = 1.0F}, 3, history);
        std::array<Token, 5> tokens{};
        std::ranges::generate(tokens, [&] { return sampler.choose(logits); });
        return tokens;
    };
    EXPECT_EQ(chosen(0), (std::array<Token, 5>{0, 0, 0, 0, 0}));
    EXPECT_EQ(chosen(1), (std::array<Token, 5>{0, 1, 0, 1, 0}));
    EXPECT_EQ(chosen(2), (std::array<Token, 5>{0, 1, 2, 0, 1}));
    EXPECT_EQ(chosen(3), (std::array<Token, 5>{0, 1, 2, 0, 0}));
}

TEST(Sampler, ABiasForcesAndForbids) {
    const std::vector<float> logits = bumpy_logits();
    Sampler plain({}, kVocabulary, 1);
    const Token best = plain.choose(logits);
    Sampler forced({.logit_bias = {{.token = 7, .bias = 100.0F}}}, kVocabulary, 1);
    EXPECT_EQ(forced.choose(logits), 7);
    Sampler forbidden({.logit_bias = {{.token = best, .bias = -100.0F}}}, kVocabulary, 1);
    EXPECT_NE(forbidden.choose(logits), best);
    Sampler unknown(
        {.logit_bias = {{.token = -1, .bias = 100.0F}, {.token = kVocabulary, .bias = 100.0F}}},
        kVocabulary, 1);
    EXPECT_EQ(unknown.choose(logits), best);
    Sampler drawn({.temperature = 2.0F, .logit_bias = {{.token = 7, .bias = 100.0F}}, .seed = 1},
                  kVocabulary, 1);
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(drawn.choose(logits), 7);
    }
}

TEST(Sampler, ABiasDoesNotUndoTheMask) {
    const std::vector<float> logits = bumpy_logits();
    const TokenMask mask(std::array<std::uint32_t, 1>{0b110}, kVocabulary);
    const std::array<Token, 1> ending{1};
    for (const float temperature : {0.0F, 1.0F}) {
        Sampler sampler({.temperature = temperature,
                         .logit_bias = {{.token = 0, .bias = 100.0F}, {.token = 1, .bias = 50.0F}},
                         .seed = 1},
                        kVocabulary, 1);
        EXPECT_EQ(sampler.choose(logits, &mask), 1);
        EXPECT_EQ(sampler.choose(logits, &mask, ending), 2);
        const TokenMask one(std::array<std::uint32_t, 1>{0b010}, kVocabulary);
        EXPECT_EQ(sampler.choose(logits, &one, ending), 1);
    }
}

// Choice by choice what llama.cpp's chain chooses with the same seed, bias and penalties included.
TEST(Sampler, TheChoicesOfLlamasChain) {
    const std::vector<float> logits = bumpy_logits();
    const std::vector<LogitBias> biases{
        {.token = 5, .bias = 2.0F}, {.token = 11, .bias = -50.0F}, {.token = 999, .bias = 3.5F}};
    for (const float temperature : {0.0F, 0.9F}) {
        for (const std::uint32_t seed : {1U, 77U}) {
            const SamplingParams all[] = {
                {.temperature = temperature, .seed = seed},
                {.temperature = temperature, .logit_bias = biases, .seed = seed},
                {.temperature = temperature,
                 .frequency_penalty = 0.7F,
                 .presence_penalty = -0.4F,
                 .seed = seed},
                {.temperature = temperature,
                 .top_k = 200,
                 .typical_p = 0.9F,
                 .min_p = 0.02F,
                 .frequency_penalty = -0.1F,
                 .repetition_penalty = 1.3F,
                 .logit_bias = biases,
                 .seed = seed},
                {.temperature = temperature,
                 .presence_penalty = 1.0F,
                 .repetition_penalty = 0.8F,
                 .seed = seed}};
            for (const SamplingParams& params : all) {
                Sampler ours(params, kVocabulary, 64);
                testing::LlamaChain theirs(params, kVocabulary, 64);
                for (int i = 0; i < 300; ++i) {
                    ASSERT_EQ(ours.choose(logits), theirs.choose(logits))
                        << "choice " << i << " of set " << &params - all << ", temperature "
                        << temperature;
                }
            }
        }
    }
}

// Pearson's test of 100,000 draws, in 20 classes of tokens. Above 43.82, the 0.999 quantile for 19
// degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.4), one right sampler in 1,000 would fall;
// the seed is fixed.
TEST(Sampler, DrawsHaveTheDistributionOfLlamasChain) {
    constexpr double kCritical = 43.82;
    constexpr std::size_t kClasses = 20;
    constexpr int kDraws = 100'000;
    const std::vector<float> logits = bumpy_logits();
    const SamplingParams all[] = {
        {.temperature = 0.8F, .top_k = 40, .top_p = 1.0F, .seed = 12},
        {.temperature = 0.8F, .top_k = 0, .top_p = 0.95F, .seed = 12},
        {.temperature = 1.5F, .top_k = 0, .typical_p = 0.9F, .top_p = 1.0F, .seed = 12},
        {.temperature = 1.2F, .top_k = 0, .top_p = 1.0F, .min_p = 0.05F, .seed = 12},
        {.temperature = 1.0F, .top_k = 0, .top_p = 1.0F, .seed = 12}};
    for (const SamplingParams& params : all) {
        const auto chances = testing::LlamaChain(params, kVocabulary, 1).probabilities(logits);
        std::array<double, kClasses> expected{};
        std::vector<std::size_t> class_of(chances.size(), kClasses);
        for (std::size_t i = 0, left = 0; i < chances.size(); ++i) {
            if (chances[i] > 0.0) {
                class_of[i] = left++ % kClasses;
                expected[class_of[i]] += kDraws * chances[i];
            }
        }
        Sampler sampler(params, kVocabulary, 1);
        std::array<double, kClasses> seen{};
        for (int i = 0; i < kDraws; ++i) {
            const auto token = static_cast<std::size_t>(sampler.choose(logits));
            ASSERT_LT(class_of[token], kClasses) << "the chain never draws " << token;
            seen[class_of[token]] += 1.0;
        }
        double statistic = 0.0;
        for (std::size_t i = 0; i < kClasses; ++i) {
            ASSERT_GT(expected[i], 5.0);
            statistic += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
        }
        EXPECT_LT(statistic, kCritical) << "set " << &params - all;
    }
}

}  // namespace
}  // namespace realm::inference
