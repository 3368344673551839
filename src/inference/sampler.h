// Chooses tokens from logits as SamplingParams say.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inference/model.h"
#include "inference/sampling.h"

namespace realm::inference {

// Owned by one generation, or by a context for its steps; one thread. Remembers what it chose, for
// the penalties, and where its random numbers are.
class Sampler {
public:
    // `params` must be valid; `history`: most tokens that the penalties look back.
    Sampler(const SamplingParams& params, std::uint32_t vocabulary_size, std::uint32_t history);
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    // `logits`: one for each token of the vocabulary. `mask`: null, or one that allows some token.
    // `forbidden`: not chosen, unless the mask allows nothing else.
    Token choose(std::span<const float> logits, const TokenMask* mask = nullptr,
                 std::span<const Token> forbidden = {});
    [[nodiscard]] const SamplingParams& params() const { return params_; }

private:
    class Chain;

    void apply(std::span<const float> logits, const TokenMask* mask);

    const SamplingParams params_;
    std::unique_ptr<Chain> chain_;  // none: plain greedy
    std::vector<float> masked_;
};

}  // namespace realm::inference
