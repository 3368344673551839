#include "inference/sampler.h"

#include <llama.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace realm::inference {
namespace {

// Up to this top-k the candidates are picked out before llama.cpp's chain sees them, which saves it
// a structure for each token of the vocabulary.
constexpr std::int32_t kLargestPreselection = 256;

constexpr float kNever = -std::numeric_limits<float>::infinity();

// The first largest value. The maxima of sixteen lanes let the compiler use vector registers.
Token first_largest(std::span<const float> logits) {
    constexpr std::size_t kLanes = 16;
    if (logits.size() < kLanes) {
        return static_cast<Token>(std::ranges::max_element(logits) - logits.begin());
    }
    std::array<float, kLanes> lanes{};
    std::copy_n(logits.begin(), kLanes, lanes.begin());
    std::size_t i = kLanes;
    for (; i + kLanes <= logits.size(); i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const float value = logits[i + lane];
            lanes[lane] = value > lanes[lane] ? value : lanes[lane];
        }
    }
    float largest = *std::ranges::max_element(lanes);
    for (; i < logits.size(); ++i) {
        largest = std::max(largest, logits[i]);
    }
    const auto found = std::ranges::find(logits, largest);
    return static_cast<Token>(found == logits.end() ? 0 : found - logits.begin());
}

// llama.cpp reads this one value as "choose a seed for me".
std::uint32_t usable_seed(const SamplingParams& params) {
    const std::uint32_t seed = params.seed.has_value() ? *params.seed : std::random_device{}();
    return seed == LLAMA_DEFAULT_SEED ? seed - 1 : seed;
}

bool has_penalties(const SamplingParams& params) {
    return params.frequency_penalty != 0.0F || params.presence_penalty != 0.0F;
}

}  // namespace

// llama.cpp's samplers in their order, and the candidates that they work on.
class Sampler::Chain {
public:
    Chain(const SamplingParams& params, std::uint32_t vocabulary_size, std::uint32_t history);
    Token choose(std::span<const float> logits);

private:
    struct Deleter {
        void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
    };

    void add(llama_sampler* part) { llama_sampler_chain_add(samplers_.get(), part); }
    void fill(std::span<const float> logits);
    void fill_top(std::span<const float> logits, std::size_t count);

    std::unique_ptr<llama_sampler, Deleter> samplers_;
    std::size_t preselected_ = 0;  // candidates that are picked out beforehand; 0: all are taken
    std::vector<llama_token_data> candidates_;
};

Sampler::Chain::Chain(const SamplingParams& params, std::uint32_t vocabulary_size,
                      std::uint32_t history)
    : samplers_(llama_sampler_chain_init({.no_perf = true})) {
    const bool penalised = has_penalties(params);
    if (penalised) {
        add(llama_sampler_init_penalties(static_cast<std::int32_t>(vocabulary_size),
                                         static_cast<std::int32_t>(history), 1.0F,
                                         params.frequency_penalty, params.presence_penalty));
    }
    if (params.temperature == 0.0F) {
        add(llama_sampler_init_greedy());
        return;
    }
    if (params.top_k > 0) {
        add(llama_sampler_init_top_k(params.top_k));
    }
    if (!penalised && params.top_k > 0 && params.top_k <= kLargestPreselection) {
        preselected_ = std::min(static_cast<std::uint32_t>(params.top_k), vocabulary_size);
    }
    if (params.top_p < 1.0F) {
        add(llama_sampler_init_top_p(params.top_p, 1));
    }
    if (params.min_p > 0.0F) {
        add(llama_sampler_init_min_p(params.min_p, 1));
    }
    add(llama_sampler_init_temp(params.temperature));
    add(llama_sampler_init_dist(usable_seed(params)));
}

void Sampler::Chain::fill(std::span<const float> logits) {
    candidates_.resize(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) {
        candidates_[i] = {.id = static_cast<Token>(i), .logit = logits[i], .p = 0.0F};
    }
}

void Sampler::Chain::fill_top(std::span<const float> logits, std::size_t count) {
    // A heap with the worst of the best in front; of equal logits the earlier token is the better.
    std::array<std::pair<float, Token>, kLargestPreselection> heap;
    const auto end = heap.begin() + static_cast<std::ptrdiff_t>(count);
    for (std::size_t i = 0; i < count; ++i) {
        heap[i] = {logits[i], -static_cast<Token>(i)};
    }
    std::make_heap(heap.begin(), end, std::greater<>());
    for (std::size_t i = count; i < logits.size(); ++i) {
        if (logits[i] > heap.front().first) {
            std::pop_heap(heap.begin(), end, std::greater<>());
            *(end - 1) = {logits[i], -static_cast<Token>(i)};
            std::push_heap(heap.begin(), end, std::greater<>());
        }
    }
    std::sort_heap(heap.begin(), end, std::greater<>());
    candidates_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        candidates_[i] = {.id = -heap[i].second, .logit = heap[i].first, .p = 0.0F};
    }
}

Token Sampler::Chain::choose(std::span<const float> logits) {
    if (preselected_ > 0) {
        fill_top(logits, preselected_);
    } else {
        fill(logits);
    }
    llama_token_data_array array{.data = candidates_.data(),
                                 .size = candidates_.size(),
                                 .selected = -1,
                                 .sorted = preselected_ > 0};
    llama_sampler_apply(samplers_.get(), &array);
    const Token token = array.data[array.selected].id;
    llama_sampler_accept(samplers_.get(), token);
    return token;
}

Sampler::Sampler(const SamplingParams& params, std::uint32_t vocabulary_size, std::uint32_t history)
    : params_(params) {
    if (params.temperature != 0.0F || has_penalties(params)) {
        chain_ = std::make_unique<Chain>(params, vocabulary_size, history);
    }
}

Sampler::~Sampler() = default;

void Sampler::apply(std::span<const float> logits, const TokenMask* mask) {
    masked_.assign(logits.begin(), logits.end());
    for (std::size_t i = 0; mask != nullptr && i < logits.size(); ++i) {
        masked_[i] = mask->allows(i) ? logits[i] : kNever;
    }
}

Token Sampler::choose(std::span<const float> logits, const TokenMask* mask,
                      std::span<const Token> forbidden) {
    if (!chain_ && mask == nullptr) {
        // Mostly the best token is not a forbidden one, and nothing has to be copied.
        const Token best = first_largest(logits);
        if (std::ranges::find(forbidden, best) == forbidden.end()) {
            return best;
        }
    }
    if (mask != nullptr || !forbidden.empty()) {
        apply(logits, mask);
        for (const Token token : forbidden) {
            masked_[static_cast<std::size_t>(token)] = kNever;
        }
        if (!forbidden.empty() && std::ranges::max(masked_) == kNever) {
            apply(logits, mask);
        }
        logits = masked_;
    }
    return chain_ ? chain_->choose(logits) : first_largest(logits);
}

}  // namespace realm::inference
