// Another attempt at a run that failed for a reason which passes: which failures, how often, when.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/time_source.h"
#include "sandbox/executor.h"

namespace realm::serving {

struct RetryOptions {
    std::uint32_t attempts = 4;                  // in all
    std::chrono::microseconds back_off{10'000};  // the longest wait before the second; then doubled
    // A number from 0 to `most`, both included; any thread. Empty: the kernel's random numbers.
    std::function<std::uint64_t(std::uint64_t most)> random{};
};

// Unavailable because of something that passes soon: a full pool, a full KV cache, a batch that
// failed, a session that ended meanwhile.
bool is_transient(const Error& error);

// Back-off with full jitter: each wait is anything between nothing and a bound that doubles, so
// that runs which failed together do not come back together. Thread-safe.
class RetryPolicy {
public:
    explicit RetryPolicy(RetryOptions options);

    // An attempt that failed.
    struct Failure {
        const Error& error;
        std::uint32_t attempt = 1;  // the first is 1
        bool had_effect = false;    // somebody saw something of it
        base::SteadyTime now;
        base::SteadyTime deadline;  // of the run
    };

    // How long to wait before the next attempt; nothing: there is none.
    [[nodiscard]] std::optional<std::chrono::microseconds> wait_after(const Failure& failure) const;

    // A transient error as it is reported when no attempt follows: with the advice to come again
    // after the wait that would have been the next.
    [[nodiscard]] Error with_advice(Error error, std::uint32_t attempt) const;

private:
    [[nodiscard]] std::chrono::microseconds longest_wait(std::uint32_t attempt) const;

    const RetryOptions options_;
};

// The time between two attempts, in the place of the execution that there is none of: whoever
// cancels the run ends it. Shared by the run and the service. Thread-safe.
class RetryWait final : public sandbox::Execution, public std::enable_shared_from_this<RetryWait> {
public:
    // Called once, without a lock: with nothing when it is time, or with why the run was cancelled.
    using Done = std::move_only_function<void(std::optional<Error> cancelled)>;

    // `time` outlives it.
    RetryWait(base::TimeSource& time, Done done) : time_(time), done_(std::move(done)) {}

    // From now on; no effect when it is over already.
    void begin(base::SteadyTime until);
    void cancel(Error reason) override { end(std::move(reason)); }
    // As if the time had come.
    void hurry() { end(std::nullopt); }

private:
    void end(std::optional<Error> cancelled);

    base::TimeSource& time_;
    std::mutex mutex_;  // guards what follows
    Done done_;         // empty: it is over
    base::Timer timer_;
};

}  // namespace realm::serving
