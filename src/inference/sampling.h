// How the next token is chosen from the logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"

namespace realm::inference {

// temperature 0 is greedy: the first token with the largest logit, as llama.cpp chooses it (after
// the penalties, where there are any). Otherwise, in llama.cpp's order: penalties, top-k, top-p,
// min-p, temperature, then a draw.
struct SamplingParams {
    float temperature = 0.0F;                          // >= 0
    std::int32_t top_k = 40;                           // <= 0: off
    float top_p = 0.95F;                               // (0, 1]; 1: off
    float min_p = 0.0F;                                // [0, 1]; 0: off
    float frequency_penalty = 0.0F;                    // [-2, 2]; counts what this generation chose
    float presence_penalty = 0.0F;                     // [-2, 2]
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

}  // namespace realm::inference
