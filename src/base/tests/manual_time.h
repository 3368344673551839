// A time that passes when a test says so.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/time_source.h"

namespace realm::base::testing {

// Begins 1,000 s after the steady clock's epoch and 1,000,000 s after Unix's. Thread-safe.
class ManualTime final : public TimeSource {
public:
    [[nodiscard]] SteadyTime now() const override {
        const std::lock_guard lock(mutex_);
        return now_;
    }
    [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override {
        const std::lock_guard lock(mutex_);
        return std::chrono::system_clock::time_point(std::chrono::seconds(1'000'000)) +
               (now_ - kStart);
    }

    // Calls what becomes due, on the caller's thread.
    void advance(std::chrono::nanoseconds by) {
        std::unique_lock lock(mutex_);
        now_ += by;
        while (auto due = timers_.pop_due(now_)) {
            lock.unlock();
            due();
            due = nullptr;
            lock.lock();
        }
    }
    // Blocks until a timer waits.
    void wait_for_timer() {
        std::unique_lock lock(mutex_);
        added_.wait(lock, [this] { return timers_.size() > 0; });
    }
    [[nodiscard]] std::size_t timers() const {
        const std::lock_guard lock(mutex_);
        return timers_.size();
    }

protected:
    TimerKey add(SteadyTime when, Callback callback) override {
        const std::lock_guard lock(mutex_);
        added_.notify_all();
        return timers_.add(when, std::move(callback));
    }
    void remove(const TimerKey& key) override {
        Callback dropped;
        const std::lock_guard lock(mutex_);
        dropped = timers_.remove(key);
    }

private:
    static constexpr SteadyTime kStart{std::chrono::seconds(1000)};

    mutable std::mutex mutex_;
    std::condition_variable added_;
    TimerQueue timers_;
    SteadyTime now_ = kStart;
};

}  // namespace realm::base::testing
