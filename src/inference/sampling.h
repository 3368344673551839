// How the next token is chosen from the logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"

namespace realm::inference {

// What is added to one token's logit.
struct LogitBias {
    std::int32_t token = 0;
    float bias = 0.0F;  // [-100, 100]

    friend bool operator==(const LogitBias&, const LogitBias&) = default;
};

// temperature 0 is greedy: the first token with the largest logit, as llama.cpp chooses it (after
// bias and penalties, where there are any). Otherwise, in llama.cpp's order: bias, penalties,
// top-k, typical, top-p, min-p, temperature, then a draw. The penalties are for tokens that this
// generation chose, not for those of the prompt.
struct SamplingParams {
    static constexpr std::size_t kMostBiases = 1024;

    float temperature = 0.0F;         // >= 0
    std::int32_t top_k = 40;          // <= 0: off
    float typical_p = 1.0F;           // (0, 1]; 1: off
    float top_p = 0.95F;              // (0, 1]; 1: off
    float min_p = 0.0F;               // [0, 1]; 0: off
    float frequency_penalty = 0.0F;   // [-2, 2]; subtracted for each time it was chosen
    float presence_penalty = 0.0F;    // [-2, 2]; subtracted once
    float repetition_penalty = 1.0F;  // [0.01, 100]; divides a positive logit; 1: off
    std::vector<LogitBias> logit_bias =
        {};  // at most kMostBiases; unknown tokens count for nothing
    std::optional<std::uint32_t> seed = std::nullopt;  // same seed, prompt and params: same tokens

    friend bool operator==(const SamplingParams&, const SamplingParams&) = default;
};

// Which tokens may be chosen. A value; made once, then shared.
class TokenMask {
public:
    // Bit i % 32 of word i / 32 allows token i; what lies beyond the words is forbidden.
    TokenMask(std::span<const std::uint32_t> words, std::uint32_t vocabulary_size);

    [[nodiscard]] bool allows(std::size_t token) const {
        return (words_[token / 32] >> (token % 32) & 1U) != 0;
    }
    [[nodiscard]] bool allows_any() const;

private:
    std::vector<std::uint32_t> words_;
};

// invalid_request/invalid_sampling, naming the first field that is out of range. Any thread.
[[nodiscard]] Result<void> validate(const SamplingParams& params);
[[nodiscard]] Result<void> validate_count(std::size_t biases);

}  // namespace realm::inference
