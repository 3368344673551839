#include "inference/speculation.h"

#include <algorithm>
#include <iterator>

namespace realm::inference {
namespace {

// Least gain for which a guess is made, and most that a context without guesses may lose.
constexpr double kLeastGain = 1.05;
constexpr double kMostLoss = 1.01;
constexpr double kNew = 0.2;       // weight of what was seen last
constexpr double kForgets = 0.01;  // what a step without drafts changes of a bad experience

}  // namespace

void StepCost::note(std::size_t rows, Seconds took) {
    const auto [entry, first] = seen_.try_emplace(rows, took.count());
    if (!first) {
        entry->second += kNew * (took.count() - entry->second);
    }
}

double StepCost::of(std::size_t rows) const {
    const auto expected = [](std::size_t count) {
        return 1 + kRow * (static_cast<double>(count) - 1);
    };
    if (seen_.empty()) {
        return expected(rows);
    }
    const auto above = seen_.lower_bound(rows);
    if (above != seen_.end() && above->first == rows) {
        return above->second;
    }
    if (above == seen_.begin() || (above == seen_.end() && seen_.size() == 1)) {
        const auto& [known, seconds] = above == seen_.begin() ? *above : *std::prev(above);
        return seconds * expected(rows) / expected(known);
    }
    if (above == seen_.end()) {
        // Further than was seen: as rows cost so far, which one measurement says less well than
        // many.
        const auto& [few, fastest] = *seen_.begin();
        const auto& [most, slowest] = *std::prev(above);
        const double doubt = 2 * static_cast<double>(seen_.size());
        const double slope = std::max((slowest - fastest) / static_cast<double>(most - few),
                                      kRow * fastest / expected(few) / doubt);
        return slowest + slope * static_cast<double>(rows - most);
    }
    const auto low = std::prev(above);
    return low->second + (above->second - low->second) * static_cast<double>(rows - low->first) /
                             static_cast<double>(above->first - low->first);
}

double StepCost::ratio(std::size_t few, std::size_t many) const {
    const double base = of(few);
    return base > 0 ? std::max(1.0, of(many) / base) : 1.0;
}

double Speculation::expected(std::size_t drafted) const {
    double tokens = 1;
    double chance = 1;
    for (std::size_t i = 0; i < drafted; ++i) {
        chance *= acceptance_;
        tokens += chance;
    }
    return tokens;
}

void Speculation::note(std::size_t drafted, std::size_t accepted, double extra) {
    made_ += 1 + accepted;
    credit_ = std::min(kMostCredit, credit_ + kAllowance + static_cast<double>(accepted) - extra);
    if (drafted == 0) {
        acceptance_ += kForgets * std::max(0.0, kHope - acceptance_);
        return;
    }
    for (std::size_t i = 0; i < accepted; ++i) {
        acceptance_ += kNew * (1 - acceptance_);
    }
    acceptance_ -= accepted < drafted ? kNew * acceptance_ : 0;
    if (static_cast<double>(accepted) >= extra) {
        pause_ = kFirstPause;
        return;
    }
    next_try_ = made_ + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
    acceptance_ = std::max(acceptance_, kHope);
}

std::size_t drafts_worth(const StepCost& cost, std::size_t contexts, std::size_t most_rows,
                         std::span<const Drafter> drafters) {
    std::size_t best = 0;
    double best_gain = 0;
    for (std::size_t drafted = 1; !drafters.empty() && drafted <= kMostDrafted; ++drafted) {
        std::size_t rows = contexts;
        for (const Drafter& drafter : drafters) {
            rows += std::min(drafted, drafter.most);
        }
        if (rows > most_rows) {
            break;
        }
        const double ratio = cost.ratio(contexts, rows);
        bool good = drafters.size() == contexts || ratio <= kMostLoss;
        double gain = 0;
        for (const Drafter& drafter : drafters) {
            const double tokens = drafter.speculation->expected(std::min(drafted, drafter.most));
            good = good && tokens >= kLeastGain * ratio && drafter.speculation->affords(ratio - 1);
            gain += tokens / ratio;
        }
        if (good && gain > best_gain) {
            best = drafted;
            best_gain = gain;
        }
    }
    return best;
}

}  // namespace realm::inference
