#include "inference/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

namespace realm::inference {
namespace {

std::unexpected<Error> out_of_range(std::string_view field, std::string_view range, float value) {
    return fail(ErrorType::kInvalidRequest, "invalid_sampling",
                fmt::format("{} must be {}, not {}", field, range, value));
}

// Written so that a NaN is outside.
bool within(float value, float low, float high) {
    return value >= low && value <= high;
}

}  // namespace

TokenMask::TokenMask(std::span<const std::uint32_t> words, std::uint32_t vocabulary_size)
    : words_((vocabulary_size + 31) / 32, 0) {
    std::copy_n(words.begin(), std::min(words.size(), words_.size()), words_.begin());
    if (vocabulary_size % 32 != 0) {
        words_.back() &= (1U << (vocabulary_size % 32)) - 1;
    }
}

bool TokenMask::allows_any() const {
    return std::ranges::any_of(words_, [](std::uint32_t word) { return word != 0; });
}

Result<void> validate_count(std::size_t biases) {
    if (biases > SamplingParams::kMostBiases) {
        return fail(ErrorType::kInvalidRequest, "invalid_sampling",
                    fmt::format("logit_bias must have at most {} tokens, not {}",
                                SamplingParams::kMostBiases, biases));
    }
    return {};
}

Result<void> validate(const SamplingParams& params) {
    if (!within(params.temperature, 0.0F, std::numeric_limits<float>::max())) {
        return out_of_range("temperature", "0 or more", params.temperature);
    }
    if (!within(params.typical_p, 0.0F, 1.0F) || params.typical_p == 0.0F) {
        return out_of_range("typical_p", "above 0 and at most 1", params.typical_p);
    }
    if (!within(params.top_p, 0.0F, 1.0F) || params.top_p == 0.0F) {
        return out_of_range("top_p", "above 0 and at most 1", params.top_p);
    }
    if (!within(params.min_p, 0.0F, 1.0F)) {
        return out_of_range("min_p", "between 0 and 1", params.min_p);
    }
    if (!within(params.frequency_penalty, -2.0F, 2.0F)) {
        return out_of_range("frequency_penalty", "between -2 and 2", params.frequency_penalty);
    }
    if (!within(params.presence_penalty, -2.0F, 2.0F)) {
        return out_of_range("presence_penalty", "between -2 and 2", params.presence_penalty);
    }
    if (!within(params.repetition_penalty, 0.01F, 100.0F)) {
        return out_of_range("repetition_penalty", "between 0.01 and 100",
                            params.repetition_penalty);
    }
    for (const LogitBias& item : params.logit_bias) {
        if (!within(item.bias, -100.0F, 100.0F)) {
            return out_of_range(fmt::format("logit_bias of token {}", item.token),
                                "between -100 and 100", item.bias);
        }
    }
    return validate_count(params.logit_bias.size());
}

}  // namespace realm::inference
