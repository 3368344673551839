// When drafted tokens are worth a row in a decode step. Policy alone: knows no clock and no model.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace realm::inference {

// What a decode step costs by its number of rows, learned from steps. Owned by the engine; its
// thread only.
class StepCost {
public:
    using Seconds = std::chrono::duration<double>;

    void note(std::size_t rows, Seconds took);
    // How many times as long as a step of `few` rows, >= 1, one of `many` is expected to take. What
    // was not seen yet is taken from what lies beside it; at first each row beyond one is expected
    // to cost kRow of a step of one.
    [[nodiscard]] double ratio(std::size_t few, std::size_t many) const;

    static constexpr double kRow = 0.45;

private:
    [[nodiscard]] double of(std::size_t rows) const;

    std::map<std::size_t, double> seen_;  // seconds by rows, mostly of late
};

// What one context's guesses were worth of late. Costs are in steps as the context would have them
// without guessing. Whatever was drafted wrong is paid from a credit, which begins with one step,
// grows by kAllowance of each step and by what guesses saved; so a text of n tokens that nothing
// can be drafted of loses at most 1 + kAllowance * n steps, where rows cost what StepCost expects.
// A value; the engine's thread only.
class Speculation {
public:
    static constexpr double kAllowance = 0.015;
    static constexpr double kMostCredit = 8;
    // Tokens until the next try after one that did not pay, doubled with each further one.
    static constexpr std::uint64_t kFirstPause = 8;
    static constexpr std::uint64_t kLongestPause = 1024;

    // Whether a guess may be tried at all; for each step in which a token will be chosen.
    [[nodiscard]] bool may_try() const { return made_ >= next_try_; }
    // Tokens that a step is expected to give with so many drafted ones: 1 to 1 + drafted.
    [[nodiscard]] double expected(std::size_t drafted) const;
    // Whether it could pay for `extra` steps' worth of time if all was drafted wrong.
    [[nodiscard]] bool affords(double extra) const { return extra <= credit_; }
    // After a step: how many were drafted and accepted, and the steps' worth of time this took
    // more.
    void note(std::size_t drafted, std::size_t accepted, double extra);

private:
    // With less no draft would ever be worth a try again.
    static constexpr double kHope = 0.7;

    double acceptance_ = kHope;  // of the next drafted token, as it is believed
    double credit_ = 1;
    std::uint64_t made_ = 0;
    std::uint64_t next_try_ = 0;
    std::uint64_t pause_ = kFirstPause;
};

// A context of a step for which something could be drafted.
struct Drafter {
    const Speculation* speculation = nullptr;
    std::size_t most = 0;  // tokens
};

inline constexpr std::size_t kMostDrafted = 15;

// How many tokens each of the drafters may add to a step of `contexts` rows, which then has
// `most_rows` rows at most; 0: nobody. Nobody may lose by what others guess, so either all contexts
// of the step gain or the step takes hardly longer.
[[nodiscard]] std::size_t drafts_worth(const StepCost& cost, std::size_t contexts,
                                       std::size_t most_rows, std::span<const Drafter> drafters);

}  // namespace realm::inference
