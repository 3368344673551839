#include "inference/candidates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "inference/tests/llama_chain.h"

namespace realm::inference {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Below it floats lose their precision: llama.cpp still has a probability where ours is 0.
constexpr double kLeast = 1e-37;

// Different logits, about as a model has them: with a larger spread fewer tokens matter.
std::vector<float> some_logits(std::size_t count, float spread) {
    std::mt19937 random(static_cast<std::uint32_t>(count));
    std::normal_distribution<float> normal(-2.0F, spread);
    std::vector<float> logits(count);
    std::ranges::generate(logits, [&] { return normal(random); });
    return logits;
}

std::string words_of(const SamplingParams& params) {
    return "temperature " + std::to_string(params.temperature) + ", top_k " +
           std::to_string(params.top_k) + ", typical_p " + std::to_string(params.typical_p) +
           ", top_p " + std::to_string(params.top_p) + ", min_p " + std::to_string(params.min_p);
}

std::vector<SamplingParams> grid(std::span<const std::int32_t> top_ks) {
    std::vector<SamplingParams> all;
    for (const std::int32_t top_k : top_ks) {
        for (const float typical_p : {1.0F, 0.9F, 0.3F}) {
            for (const float top_p : {1.0F, 0.95F, 0.5F, 0.001F}) {
                for (const float min_p : {0.0F, 0.05F, 0.7F}) {
                    for (const float temperature : {0.6F, 1.7F}) {
                        all.push_back({.temperature = temperature,
                                       .top_k = top_k,
                                       .typical_p = typical_p,
                                       .top_p = top_p,
                                       .min_p = min_p,
                                       .seed = 1});
                    }
                }
            }
        }
    }
    return all;
}

void expect_those_of_llama(const SamplingParams& params, std::span<const float> logits) {
    Candidates candidates;
    candidates.narrow(params, logits);
    const std::vector<double> ours = candidates.probabilities();
    const std::vector<double> theirs =
        testing::LlamaChain(params, logits.size(), 0).probabilities(logits);
    ASSERT_EQ(ours.size(), theirs.size());
    std::size_t left = 0;
    std::size_t different = 0;
    double furthest = 0.0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        left += theirs[i] > kLeast ? 1 : 0;
        different += (ours[i] > kLeast) != (theirs[i] > kLeast) ? 1 : 0;
        furthest = std::max(furthest, std::abs(ours[i] - theirs[i]));
    }
    EXPECT_EQ(different, 0U) << words_of(params) << ": " << left << " left by llama.cpp";
    EXPECT_LT(furthest, 1e-5) << words_of(params);
}

TEST(Candidates, ThoseOfLlamasChainAndTheirProbabilities) {
    constexpr std::int32_t kTopKs[] = {0, 1, 2, 40, 256, 257, 700, 999, 1000, 5000};
    for (const std::size_t count : {1000U, 1003U}) {
        for (const float spread : {0.5F, 2.0F, 4.0F}) {
            const std::vector<float> logits = some_logits(count, spread);
            for (const SamplingParams& params : grid(kTopKs)) {
                expect_those_of_llama(params, logits);
            }
        }
    }
}

TEST(Candidates, ThoseOfLlamasChainInALargeVocabulary) {
    constexpr std::int32_t kTopKs[] = {0, 1, 40, 3000};
    for (const float spread : {5.0F, 8.0F}) {
        const std::vector<float> logits = some_logits(49'152, spread);
        for (const SamplingParams& params : grid(kTopKs)) {
            expect_those_of_llama(params, logits);
        }
    }
}

// Nearly all tokens are needed for the mass: the last threshold of all.
TEST(Candidates, ThoseOfLlamasChainInAVocabularyOfEquals) {
    std::vector<float> logits(1000);
    for (std::size_t i = 0; i < logits.size(); ++i) {
        logits[i] = static_cast<float>(i * 7919 % 1000) * 1e-3F;
    }
    for (const float top_p : {0.5F, 0.95F, 0.999F}) {
        expect_those_of_llama({.temperature = 1.0F, .top_k = 0, .top_p = top_p, .seed = 1}, logits);
    }
}

std::vector<Token> left_of(const SamplingParams& params, std::span<const float> logits) {
    Candidates candidates;
    candidates.narrow(params, logits);
    const std::vector<double> chances = candidates.probabilities();
    std::vector<Token> left;
    for (std::size_t i = 0; i < chances.size(); ++i) {
        if (chances[i] > 0.0) {
            left.push_back(static_cast<Token>(i));
        }
    }
    return left;
}

TEST(Candidates, OfEqualLogitsTheEarlierStays) {
    const std::vector<float> logits(100, 1.0F);
    using Tokens = std::vector<Token>;
    EXPECT_EQ(left_of({.temperature = 1.0F, .top_k = 3, .top_p = 1.0F}, logits), (Tokens{0, 1, 2}));
    EXPECT_EQ(left_of({.temperature = 1.0F, .top_k = 0, .top_p = 0.025F}, logits),
              (Tokens{0, 1, 2}));
    EXPECT_EQ(
        left_of({.temperature = 1.0F, .top_k = 0, .typical_p = 0.025F, .top_p = 1.0F}, logits),
        (Tokens{0, 1, 2}));
    EXPECT_EQ(
        left_of({.temperature = 1.0F, .top_k = 0, .top_p = 1.0F, .min_p = 1.0F}, logits).size(),
        100U);
}

// The first of `order` whose probabilities make `share` together, added up in double.
std::vector<Token> first_of(std::vector<Token> order, std::span<const double> chances,
                            double share) {
    double sum = 0.0;
    std::size_t count = 0;
    while (count < order.size() && sum < share) {
        sum += chances[static_cast<std::size_t>(order[count++])];
    }
    order.resize(count);
    std::ranges::sort(order);
    return order;
}

// Thousands of tokens share the probability here. llama.cpp adds floats up in a row, which errs by
// some of them at the border (3 of 4,757); so the definitions are computed in double instead.
TEST(Candidates, ThoseOfTheDefinitionWhereProbabilityIsSpreadWide) {
    const std::vector<float> logits = some_logits(49'152, 3.0F);
    std::vector<double> chances(logits.size());
    std::ranges::transform(logits, chances.begin(),
                           [](float logit) { return std::exp(static_cast<double>(logit)); });
    const double total = std::accumulate(chances.begin(), chances.end(), 0.0);
    double entropy = 0.0;
    for (double& chance : chances) {
        chance /= total;
        entropy -= chance * std::log(chance);
    }
    std::vector<Token> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto chance_of = [&](Token token) { return chances[static_cast<std::size_t>(token)]; };
    std::ranges::sort(order, std::greater<>(), chance_of);
    for (const float share : {0.5F, 0.95F, 0.99F}) {
        EXPECT_EQ(left_of({.temperature = 1.0F, .top_k = 0, .top_p = share}, logits),
                  first_of(order, chances, static_cast<double>(share)));
    }
    std::ranges::sort(order, std::less<>(),
                      [&](Token token) { return std::abs(-std::log(chance_of(token)) - entropy); });
    for (const float share : {0.3F, 0.9F}) {
        EXPECT_EQ(
            left_of({.temperature = 1.0F, .top_k = 0, .typical_p = share, .top_p = 1.0F}, logits),
            first_of(order, chances, static_cast<double>(share)));
    }
}

// log of the weights 4, 3, 2, 1: in tenths they cover 0 to 0.4, 0.7, 0.9 and 1.
TEST(Candidates, APointFindsTheTokenThatCoversIt) {
    const std::vector<float> logits{std::log(4.0F), std::log(3.0F), std::log(2.0F), 0.0F};
    for (const std::int32_t top_k : {0, 3, 4}) {
        const double scale = top_k == 3 ? 1.0 / 0.9 : 1.0;
        Candidates candidates;
        candidates.narrow({.temperature = 1.0F, .top_k = top_k, .top_p = 1.0F}, logits);
        EXPECT_EQ(candidates.at(0.0), 0);
        EXPECT_EQ(candidates.at(0.399 * scale), 0);
        EXPECT_EQ(candidates.at(0.401 * scale), 1);
        EXPECT_EQ(candidates.at(0.699 * scale), 1);
        EXPECT_EQ(candidates.at(0.701 * scale), 2);
        EXPECT_EQ(candidates.at(0.899 * scale), 2);
        EXPECT_EQ(candidates.at(std::nextafter(1.0, 0.0)), top_k == 3 ? 2 : 3);
    }
}

TEST(Candidates, APointIsFoundInAnyBlockOfALargeVocabulary) {
    std::vector<float> logits(5000, kNever);
    logits[1023] = 0.0F;
    logits[1024] = 0.0F;
    logits[4999] = std::log(2.0F);
    Candidates candidates;
    candidates.narrow({.temperature = 1.0F, .top_k = 0, .top_p = 1.0F}, logits);
    EXPECT_EQ(candidates.at(0.0), 1023);
    EXPECT_EQ(candidates.at(0.249), 1023);
    EXPECT_EQ(candidates.at(0.251), 1024);
    EXPECT_EQ(candidates.at(0.499), 1024);
    EXPECT_EQ(candidates.at(0.501), 4999);
    EXPECT_EQ(candidates.at(std::nextafter(1.0, 0.0)), 4999);
}

TEST(Candidates, WhatIsNoNumberOrMinusInfiniteIsNeverLeft) {
    std::vector<float> logits(100, kNever);
    logits[3] = 1.0F;
    logits[50] = kNan;
    logits[70] = 0.5F;
    for (const SamplingParams& params : grid(std::vector<std::int32_t>{0, 1, 5, 99})) {
        for (const Token token : left_of(params, logits)) {
            EXPECT_TRUE(token == 3 || token == 70) << token << " with " << words_of(params);
        }
    }
    for (const float value : {kNever, kNan, std::numeric_limits<float>::infinity()}) {
        std::ranges::fill(logits, value);
        for (const SamplingParams& params : grid(std::vector<std::int32_t>{0, 5})) {
            Candidates candidates;
            candidates.narrow(params, logits);
            EXPECT_EQ(candidates.at(0.5), std::nullopt) << words_of(params);
        }
    }
}

TEST(Candidates, TheSmallestTemperatureLeavesTheBest) {
    const std::vector<float> logits = some_logits(1000, 2.0F);
    const auto best = std::ranges::max_element(logits) - logits.begin();
    for (const std::int32_t top_k : {0, 40}) {
        EXPECT_EQ(left_of({.temperature = std::numeric_limits<float>::denorm_min(),
                           .top_k = top_k,
                           .top_p = 1.0F},
                          logits),
                  (std::vector<Token>{static_cast<Token>(best)}));
    }
}

TEST(LogitPasses, WeightsAreExpOfWhatIsMissingToTheLargest) {
    Weights weights;
    for (const std::size_t count : {1U, 15U, 16U, 1024U, 1025U, 3007U}) {
        const std::vector<float> logits = some_logits(count, 10.0F);
        const float largest = largest_of(logits);
        ASSERT_EQ(largest, *std::ranges::max_element(logits));
        weigh(logits, largest, 1.3F, weights);
        double total = 0.0;
        for (std::size_t i = 0; i < count; ++i) {
            const double exact = std::exp(static_cast<double>((logits[i] - largest) * 1.3F));
            const double near = exact < 2e-38 ? 2e-38 : 4e-7 * exact;
            ASSERT_NEAR(static_cast<double>(weights.of_token[i]), exact, near);
            ASSERT_NEAR(static_cast<double>(weight_of(logits[i], largest, 1.3F)), exact, near);
            total += exact;
        }
        EXPECT_NEAR(weights.total, total, 1e-6 * total);
        EXPECT_EQ(weights.of_block.size(), (count + 1023) / 1024);
        double above = 0.0;
        for (const float weight : weights.of_token) {
            above += weight > 0.5F ? static_cast<double>(weight) : 0.0;
        }
        EXPECT_NEAR(sum_above(weights.of_token, 0.5F), above, 1e-6 * above);
    }
}

}  // namespace
}  // namespace realm::inference
