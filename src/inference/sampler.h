// Chooses tokens from logits as SamplingParams say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <unordered_map>
#include <vector>

#include "inference/candidates.h"
#include "inference/model.h"
#include "inference/sampling.h"

namespace realm::inference {

// How often each of the last tokens was chosen. A value; one thread.
class RecentTokens {
public:
    explicit RecentTokens(std::uint32_t most) : most_(most) {}

    void add(Token token);
    [[nodiscard]] const std::unordered_map<Token, std::uint32_t>& counts() const { return counts_; }

private:
    const std::size_t most_;
    std::size_t oldest_ = 0;  // in last_, once that is full
    std::vector<Token> last_;
    std::unordered_map<Token, std::uint32_t> counts_;
};

// Owned by one generation, or by a context for its steps; one thread. Remembers what it chose, for
// the penalties, and where its random numbers are.
class Sampler {
public:
    // `params` must be valid; `history`: most tokens that the penalties look back.
    Sampler(const SamplingParams& params, std::uint32_t vocabulary_size, std::uint32_t history);

    // `logits`: one for each token of the vocabulary. `mask`: null, or one that allows some token.
    // `forbidden`: not chosen, unless the mask allows nothing else.
    Token choose(std::span<const float> logits, const TokenMask* mask = nullptr,
                 std::span<const Token> forbidden = {});
    [[nodiscard]] const SamplingParams& params() const { return params_; }

private:
    void apply(std::span<const float> logits, const TokenMask* mask);
    void forbid(std::span<const float> logits, const TokenMask* mask,
                std::span<const Token> forbidden);
    void add_biases();
    void penalise();
    Token draw(std::span<const float> logits);

    const SamplingParams params_;
    const bool greedy_;
    const bool penalises_;
    std::mt19937 random_;
    RecentTokens recent_;
    Candidates candidates_;
    std::vector<float> adjusted_;  // logits after mask, bias and penalties
};

}  // namespace realm::inference
