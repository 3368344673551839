// Chooses tokens from logits as SamplingParams say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inference/model.h"
#include "inference/sampling.h"

struct llama_sampler;
struct llama_token_data;

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

    // `logits`: one for each token of the vocabulary.
    Token choose(std::span<const float> logits);
    [[nodiscard]] const SamplingParams& params() const { return params_; }

private:
    struct Deleter {
        void operator()(llama_sampler* sampler) const;
    };

    void fill(std::span<const float> logits);
    void fill_top(std::span<const float> logits, std::size_t count);

    const SamplingParams params_;
    const bool penalised_;
    std::unique_ptr<llama_sampler, Deleter> chain_;  // none: plain greedy
    std::vector<llama_token_data> candidates_;
};

}  // namespace realm::inference
