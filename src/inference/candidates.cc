#include "inference/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace realm::inference {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Lists up to this long are sorted as a whole: it costs little, and the draws are llama.cpp's.
constexpr std::ptrdiff_t kSmallList = 256;

constexpr auto kByLogit = [](const auto& a, const auto& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
};

// The next smaller float: "above" that is "not below" the value.
float just_below(float value) {
    return std::nextafter(value, kNever);
}

template <class Iterator>
double sum_of(Iterator first, Iterator last) {
    double sum = 0.0;
    for (; first != last; ++first) {
        sum += static_cast<double>(first->weight);
    }
    return sum;
}

}  // namespace

void Candidates::take(std::span<const float> logits, std::size_t token) {
    list_.push_back({.token = static_cast<Token>(token), .logit = logits[token], .weight = 0.0F});
}

void Candidates::take_best(std::span<const float> logits, std::size_t count) {
    const auto cut = [&] {
        const auto end = list_.begin() + static_cast<std::ptrdiff_t>(count);
        std::nth_element(list_.begin(), end - 1, list_.end(), kByLogit);
        list_.erase(end, list_.end());
    };
    // Taken until there are four times too many, then cut: what follows must beat the worst left.
    float threshold = kNever;
    for_each_above(logits, threshold, [&](std::size_t token) {
        take(logits, token);
        if (list_.size() == 4 * count) {
            cut();
            threshold = list_.back().logit;
        }
    });
    if (list_.size() > count) {
        cut();
    }
    if (std::ssize(list_) <= kSmallList) {
        std::ranges::sort(list_, kByLogit);
    }
}

void Candidates::take_above(std::span<const float> logits, float threshold) {
    for_each_above(logits, threshold, [&](std::size_t token) { take(logits, token); });
}

// The best tokens that have `share` of all probability together.
void Candidates::take_mass(std::span<const float> logits, float largest, double share) {
    weigh(logits, largest, 1.0F, weights_);
    const double wanted = share * weights_.total;
    // n tokens below left / n have less than what may be left out. With n all of them no more is
    // needed than what is above; mostly that is so for far fewer.
    const double left = weights_.total - wanted;
    const auto size = static_cast<double>(logits.size());
    float threshold = 0.0F;
    for (double n = 16; n < size && threshold == 0.0F; n *= 4) {
        const auto tried = static_cast<float>(left / n);
        threshold = sum_above(weights_.of_token, tried) >= wanted ? tried : 0.0F;
    }
    for_each_above(weights_.of_token, threshold, [&](std::size_t token) {
        take(logits, token);
        list_.back().weight = weights_.of_token[token];
    });
    keep_mass(wanted, kByLogit);
}

// Keeps the fewest of the best that weigh `mass` together.
template <class Better>
void Candidates::keep_mass(double mass, Better better) {
    auto first = list_.begin();  // what is before it stays
    auto last = list_.end();     // what is from it on goes
    while (last - first > kSmallList) {
        const auto middle = first + (last - first) / 2;
        std::nth_element(first, middle, last, better);
        const double half = sum_of(first, middle);
        if (half >= mass) {
            last = middle;
        } else {
            mass -= half;
            first = middle;
        }
    }
    std::sort(first, last, better);
    for (; first != last && mass > 0.0; ++first) {
        mass -= static_cast<double>(first->weight);
    }
    list_.erase(first, list_.end());
}

// -log p is entropy away from its expected value by as much as the logit is from its own.
void Candidates::keep_typical(double share) {
    const double total = weigh_list(1.0F);
    double expected = 0.0;
    for (const Candidate& item : list_) {
        expected += static_cast<double>(item.logit) * static_cast<double>(item.weight) / total;
    }
    const auto distance = [&](const Candidate& item) {
        return std::abs(static_cast<double>(item.logit) - expected);
    };
    // llama.cpp goes on until there is more than the share.
    keep_mass(std::nextafter(share * total, std::numeric_limits<double>::infinity()),
              [&](const Candidate& a, const Candidate& b) {
                  const double difference = distance(a) - distance(b);
                  return difference != 0.0 ? difference < 0.0 : kByLogit(a, b);
              });
}

void Candidates::keep_min_p(float share) {
    float largest = kNever;
    for (const Candidate& item : list_) {
        largest = std::max(largest, item.logit);
    }
    const float least = largest + std::log(share);
    std::erase_if(list_, [&](const Candidate& item) { return item.logit < least; });
}

double Candidates::weigh_list(float scale) {
    float largest = kNever;
    for (const Candidate& item : list_) {
        largest = std::max(largest, item.logit);
    }
    for (Candidate& item : list_) {
        item.weight = weight_of(item.logit, largest, scale);
    }
    return sum_of(list_.begin(), list_.end());
}

void Candidates::narrow(const SamplingParams& params, std::span<const float> logits) {
    list_.clear();
    vocabulary_size_ = logits.size();
    const float scale = std::min(1.0F / params.temperature, std::numeric_limits<float>::max());
    const bool top_k = params.top_k > 0 && static_cast<std::size_t>(params.top_k) < logits.size();
    const bool typical = params.typical_p < 1.0F;
    const bool top_p = params.top_p < 1.0F;
    listed_ = top_k || typical || top_p || params.min_p > 0.0F;
    if (!listed_) {
        weigh(logits, largest_of(logits), scale, weights_);
        return;
    }
    if (top_k) {
        take_best(logits, static_cast<std::size_t>(params.top_k));
    } else if (typical) {
        take_above(logits, kNever);
    } else if (top_p) {
        take_mass(logits, largest_of(logits), static_cast<double>(params.top_p));
    } else {
        take_above(logits, just_below(largest_of(logits) + std::log(params.min_p)));
    }
    if (typical) {
        keep_typical(static_cast<double>(params.typical_p));
    }
    if (top_p && (top_k || typical)) {
        keep_mass(static_cast<double>(params.top_p) * weigh_list(1.0F), kByLogit);
    }
    if (params.min_p > 0.0F) {
        keep_min_p(params.min_p);
    }
    list_total_ = weigh_list(scale);
}

std::optional<Token> Candidates::at(double point) const {
    const double total = listed_ ? list_total_ : weights_.total;
    double left = point * total;
    std::optional<Token> last;  // where rounding leaves no other
    const auto reached = [&](Token token, float weight) {
        left -= static_cast<double>(weight);
        last = weight > 0.0F ? token : last;
        return left < 0.0;
    };
    if (listed_) {
        for (const Candidate& item : list_) {
            if (reached(item.token, item.weight)) {
                break;
            }
        }
        return last;
    }
    std::size_t block = 0;
    while (block + 1 < weights_.of_block.size() && left >= weights_.of_block[block]) {
        left -= weights_.of_block[block++];
    }
    const std::size_t begin = block * Weights::kBlock;
    const std::size_t end = std::min(begin + Weights::kBlock, weights_.of_token.size());
    for (std::size_t i = begin; i < end; ++i) {
        if (reached(static_cast<Token>(i), weights_.of_token[i])) {
            break;
        }
    }
    return last;
}

std::vector<double> Candidates::probabilities() const {
    std::vector<double> all(vocabulary_size_, 0.0);
    if (listed_) {
        for (const Candidate& item : list_) {
            all[static_cast<std::size_t>(item.token)] =
                static_cast<double>(item.weight) / list_total_;
        }
        return all;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i] = static_cast<double>(weights_.of_token[i]) / weights_.total;
    }
    return all;
}

}  // namespace realm::inference
