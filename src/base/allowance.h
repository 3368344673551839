// What one party may use of something that all share: an amount at once, and a part of the time in
// the long run.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"

namespace realm::base {

struct AllowanceTerms {
    std::chrono::duration<double> burst{0.1};  // at once
    double part = 0.1;                         // of the time that passes
};

// A value; whoever owns it guards it.
class Allowance {
public:
    // The part of the burst that is left at `now`; 0 or less: nothing.
    double left(const AllowanceTerms& terms, SteadyTime now) {
        const Seconds passed = now - std::exchange(at_, now);
        used_ = std::max(Seconds(0), used_ - terms.part * passed);
        return (terms.burst - used_) / terms.burst;
    }
    void charge(const AllowanceTerms& terms, std::chrono::nanoseconds spent) {
        used_ = std::min(used_ + Seconds(spent), kLongestDebt * terms.burst);
    }

private:
    using Seconds = std::chrono::duration<double>;
    // In bursts. What took long once shall not cost minutes.
    static constexpr double kLongestDebt = 10;

    Seconds used_{0};  // that the part has not yet covered
    SteadyTime at_;
};

}  // namespace realm::base
