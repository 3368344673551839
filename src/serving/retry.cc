#include "serving/retry.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace realm::serving {
namespace {

constexpr std::array<std::string_view, 5> kTransientCodes = {
    "no_instance_free",  // sandbox: all instances are in use
    "kv_exhausted",      // inference: no page of the KV cache is free
    "kv_move_failed",    // inference: pages could not be moved
    "decode_failed",     // inference: a batch could not be computed
    "session_ended",     // serving: between finding the session and asking it
};

// Doubled more often than that, a wait would be of no use to anybody.
constexpr std::uint32_t kMostDoublings = 16;

std::uint64_t kernel_random(std::uint64_t most) {
    std::uint64_t number = 0;
    base::fill_random(std::as_writable_bytes(std::span(&number, 1)));
    return number % (most + 1);
}

RetryOptions completed(RetryOptions options) {
    if (!options.random) {
        options.random = kernel_random;
    }
    return options;
}

}  // namespace

bool is_transient(const Error& error) {
    return error.type == ErrorType::kUnavailable &&
           std::ranges::find(kTransientCodes, error.code) != kTransientCodes.end();
}

RetryPolicy::RetryPolicy(RetryOptions options) : options_(completed(std::move(options))) {}

std::optional<std::chrono::microseconds> RetryPolicy::wait_after(const Failure& failure) const {
    if (!is_transient(failure.error) || failure.had_effect ||
        failure.attempt >= options_.attempts) {
        return std::nullopt;
    }
    const auto most = static_cast<std::uint64_t>(longest_wait(failure.attempt).count());
    const std::chrono::microseconds wait{options_.random(most)};
    if (failure.now + wait >= failure.deadline) {
        return std::nullopt;
    }
    return wait;
}

Error RetryPolicy::with_advice(Error error, std::uint32_t attempt) const {
    using std::chrono::milliseconds;
    error.retryable = true;
    error.retry_after_ms = std::chrono::ceil<milliseconds>(longest_wait(attempt)).count();
    return error;
}

std::chrono::microseconds RetryPolicy::longest_wait(std::uint32_t attempt) const {
    return options_.back_off * (1U << std::min(attempt - 1, kMostDoublings));
}

void RetryWait::begin(base::SteadyTime until) {
    const std::lock_guard lock(mutex_);
    if (done_) {
        timer_ = time_.call_at(until, [self = shared_from_this()] { self->hurry(); });
    }
}

void RetryWait::end(std::optional<Error> cancelled) {
    Done done;
    {
        base::Timer dropped;
        const std::lock_guard lock(mutex_);
        done = std::exchange(done_, nullptr);
        dropped = std::move(timer_);
    }
    if (done) {
        done(std::move(cancelled));
    }
}

}  // namespace realm::serving
