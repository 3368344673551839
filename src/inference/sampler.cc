#include "inference/sampler.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "inference/logit_passes.h"

namespace realm::inference {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

bool has_penalties(const SamplingParams& params) {
    return params.frequency_penalty != 0.0F || params.presence_penalty != 0.0F ||
           params.repetition_penalty != 1.0F;
}

std::uint32_t seed_of(const SamplingParams& params) {
    if (params.temperature == 0.0F) {
        return 0;  // nothing is drawn
    }
    return params.seed ? *params.seed : std::random_device{}();
}

}  // namespace

void RecentTokens::add(Token token) {
    if (most_ == 0) {
        return;
    }
    ++counts_[token];
    if (last_.size() < most_) {
        last_.push_back(token);
        return;
    }
    const auto forgotten = counts_.find(last_[oldest_]);
    if (--forgotten->second == 0) {
        counts_.erase(forgotten);
    }
    last_[oldest_] = token;
    oldest_ = (oldest_ + 1) % most_;
}

Sampler::Sampler(const SamplingParams& params, std::uint32_t vocabulary_size, std::uint32_t history)
    : params_(params),
      greedy_(params.temperature == 0.0F),
      penalises_(has_penalties(params)),
      random_(seed_of(params)),
      recent_(history) {
    if (penalises_ || !params.logit_bias.empty()) {
        adjusted_.reserve(vocabulary_size);
    }
}

void Sampler::apply(std::span<const float> logits, const TokenMask* mask) {
    adjusted_.assign(logits.begin(), logits.end());
    for (std::size_t i = 0; mask != nullptr && i < logits.size(); ++i) {
        adjusted_[i] = mask->allows(i) ? logits[i] : kNever;
    }
}

void Sampler::forbid(std::span<const float> logits, const TokenMask* mask,
                     std::span<const Token> forbidden) {
    for (const Token token : forbidden) {
        adjusted_[static_cast<std::size_t>(token)] = kNever;
    }
    if (!forbidden.empty() && largest_of(adjusted_) == kNever) {
        apply(logits, mask);
    }
}

void Sampler::add_biases() {
    for (const LogitBias& item : params_.logit_bias) {
        const auto token = static_cast<std::size_t>(item.token);
        if (token < adjusted_.size()) {
            adjusted_[token] += item.bias;
        }
    }
}

// A positive logit is divided and another one multiplied: both make the token less likely.
void Sampler::penalise() {
    for (const auto& [token, count] : recent_.counts()) {
        float& logit = adjusted_[static_cast<std::size_t>(token)];
        logit =
            logit > 0.0F ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
        logit -= static_cast<float>(count) * params_.frequency_penalty + params_.presence_penalty;
    }
}

Token Sampler::draw(std::span<const float> logits) {
    candidates_.narrow(params_, logits);
    const double point = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
    const std::optional<Token> token = candidates_.at(point);
    return token ? *token : first_largest(logits);
}

Token Sampler::choose(std::span<const float> logits, const TokenMask* mask,
                      std::span<const Token> forbidden) {
    const bool changes = penalises_ || !params_.logit_bias.empty();
    if (greedy_ && !changes && mask == nullptr) {
        // Mostly the best token is not a forbidden one, and nothing has to be copied.
        const Token best = first_largest(logits);
        if (std::ranges::find(forbidden, best) == forbidden.end()) {
            return best;
        }
    }
    if (changes || mask != nullptr || !forbidden.empty()) {
        apply(logits, mask);
        forbid(logits, mask, forbidden);
        add_biases();
        penalise();
        logits = adjusted_;
    }
    const Token token = greedy_ ? first_largest(logits) : draw(logits);
    if (penalises_) {
        recent_.add(token);
    }
    return token;
}

}  // namespace realm::inference
