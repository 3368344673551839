// Passes over one value for each token of the vocabulary, written for vector registers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "inference/model.h"

namespace realm::inference {

// What is read together: so many floats fill whole vector registers everywhere.
inline constexpr std::size_t kLanes = 16;

// The largest value; minus infinity where there is none. NaN counts for nothing.
[[nodiscard]] float largest_of(std::span<const float> values);

// The first token that has the largest logit; 0 where there is none.
[[nodiscard]] Token first_largest(std::span<const float> logits);

// A weight for each token, and the sums of blocks of them, so that a point among the weights is
// found without a walk through all.
struct Weights {
    static constexpr std::size_t kBlock = 1024;

    std::vector<float> of_token;
    std::vector<double> of_block;
    double total = 0.0;
};

// exp((logit - largest) * scale) for each logit, none of which is above `largest`; 0 below
// exp(-87). `scale` must be finite.
void weigh(std::span<const float> logits, float largest, float scale, Weights& into);
[[nodiscard]] float weight_of(float logit, float largest, float scale);

// The sum of the values above `threshold`.
[[nodiscard]] double sum_above(std::span<const float> values, float threshold);

// Calls take(index) for each value above `threshold`, in order; take may raise the threshold.
template <class Take>
void for_each_above(std::span<const float> values, const float& threshold, Take take) {
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes) {
        int some = 0;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            some |= static_cast<int>(values[i + lane] > threshold);
        }
        for (std::size_t lane = 0; some != 0 && lane < kLanes; ++lane) {
            if (values[i + lane] > threshold) {
                take(i + lane);
            }
        }
    }
    for (; i < values.size(); ++i) {
        if (values[i] > threshold) {
            take(i);
        }
    }
}

}  // namespace realm::inference
