#include "inference/logit_passes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace realm::inference {
namespace {

constexpr float kLowest = -87.0F;  // exp of less is no normal float

// Cephes' expf for x <= 0, right to 2 units in the last place: the library's is a call for each
// value. Not a NaN, not infinite: 0.
[[gnu::always_inline]] inline float exp_of(float x) {
    constexpr float kRounder = 12582912.0F;  // adding 1.5 * 2^23 leaves a whole number
    constexpr float kLog2E = 1.44269504F;
    constexpr float kLn2High = 0.693359375F;
    constexpr float kLn2Low = -2.12194440e-4F;
    const float y = x > kLowest ? x : kLowest;
    const float rounded = y * kLog2E + kRounder;
    const float twos = rounded - kRounder;
    const float rest = (y - twos * kLn2High) - twos * kLn2Low;
    float power = 1.9875691500e-4F;
    power = power * rest + 1.3981999507e-3F;
    power = power * rest + 8.3334519073e-3F;
    power = power * rest + 4.1665795894e-2F;
    power = power * rest + 1.6666665459e-1F;
    power = power * rest + 5.0000001201e-1F;
    power = power * rest * rest + rest + 1.0F;
    // 2^twos goes into the exponent's bits.
    const std::uint32_t bits =
        std::bit_cast<std::uint32_t>(power) + (std::bit_cast<std::uint32_t>(rounded) << 23);
    return x > kLowest ? std::bit_cast<float>(bits) : 0.0F;
}

// One block of at most Weights::kBlock; returns its sum.
[[gnu::always_inline]] inline double weigh_block(std::span<const float> logits, float largest,
                                                 float scale, float* into) {
    std::array<float, kLanes> sums{};
    std::array<float, kLanes> weights;
    std::size_t i = 0;
    for (; i + kLanes <= logits.size(); i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            weights[lane] = exp_of((logits[i + lane] - largest) * scale);
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            sums[lane] += weights[lane];
        }
        std::ranges::copy(weights, into + i);
    }
    double sum = 0.0;
    for (const float lane : sums) {
        sum += static_cast<double>(lane);
    }
    for (; i < logits.size(); ++i) {
        into[i] = exp_of((logits[i] - largest) * scale);
        sum += static_cast<double>(into[i]);
    }
    return sum;
}

using WeighBlock = double(std::span<const float> logits, float largest, float scale, float* into);

double weigh_plain(std::span<const float> logits, float largest, float scale, float* into) {
    return weigh_block(logits, largest, scale, into);
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] double weigh_wide(std::span<const float> logits, float largest,
                                              float scale, float* into) {
    return weigh_block(logits, largest, scale, into);
}

WeighBlock* best_weigh() {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 ? weigh_wide
                                                                                     : weigh_plain;
}
#else
WeighBlock* best_weigh() {
    return weigh_plain;
}
#endif

}  // namespace

float largest_of(std::span<const float> values) {
    std::array<float, kLanes> lanes;
    lanes.fill(-std::numeric_limits<float>::infinity());
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const float value = values[i + lane];
            lanes[lane] = value > lanes[lane] ? value : lanes[lane];
        }
    }
    float largest = *std::ranges::max_element(lanes);
    for (; i < values.size(); ++i) {
        largest = values[i] > largest ? values[i] : largest;
    }
    return largest;
}

Token first_largest(std::span<const float> logits) {
    const auto found = std::ranges::find(logits, largest_of(logits));
    return static_cast<Token>(found == logits.end() ? 0 : found - logits.begin());
}

void weigh(std::span<const float> logits, float largest, float scale, Weights& into) {
    into.of_token.resize(logits.size());
    into.of_block.clear();
    into.total = 0.0;
    WeighBlock* const block = best_weigh();
    for (std::size_t i = 0; i < logits.size(); i += Weights::kBlock) {
        const std::size_t count = std::min(Weights::kBlock, logits.size() - i);
        const double sum =
            block(logits.subspan(i, count), largest, scale, into.of_token.data() + i);
        into.of_block.push_back(sum);
        into.total += sum;
    }
}

double sum_above(std::span<const float> values, float threshold) {
    double sum = 0.0;
    // In blocks, so that the lanes stay small and exact.
    for (std::size_t begin = 0; begin < values.size(); begin += Weights::kBlock) {
        const std::size_t end = std::min(begin + Weights::kBlock, values.size());
        std::array<float, kLanes> lanes{};
        std::size_t i = begin;
        for (; i + kLanes <= end; i += kLanes) {
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                const float value = values[i + lane];
                lanes[lane] += value > threshold ? value : 0.0F;
            }
        }
        for (const float lane : lanes) {
            sum += static_cast<double>(lane);
        }
        for (; i < end; ++i) {
            sum += values[i] > threshold ? static_cast<double>(values[i]) : 0.0;
        }
    }
    return sum;
}

float weight_of(float logit, float largest, float scale) {
    return exp_of((logit - largest) * scale);
}

}  // namespace realm::inference
