// What the time is, and who wakes whom when: the machine's clocks, or a test's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace realm::base {

class Timer;

// Thread-safe. Outlives its timers.
class TimeSource {
public:
    using Callback = std::move_only_function<void()>;
    // When, and a number that tells timers of one time apart.
    using TimerKey = std::pair<SteadyTime, std::uint64_t>;

    TimeSource() = default;
    TimeSource(const TimeSource&) = delete;
    TimeSource& operator=(const TimeSource&) = delete;
    virtual ~TimeSource() = default;

    [[nodiscard]] virtual SteadyTime now() const = 0;
    [[nodiscard]] virtual std::chrono::system_clock::time_point wall_now() const = 0;

    // Calls `callback` once, as soon as now() is `when` or later, unless the timer is gone by then.
    // It runs on a thread for all timers: it must neither block, throw nor take long.
    [[nodiscard]] Timer call_at(SteadyTime when, Callback callback);

protected:
    friend class Timer;
    virtual TimerKey add(SteadyTime when, Callback callback) = 0;
    // No effect for one that has been called.
    virtual void remove(const TimerKey& key) = 0;
};

// A call that is to come; destroyed, it drops the callback, unless that runs already.
class Timer {
public:
    Timer() = default;
    Timer(Timer&& other) noexcept
        : source_(std::exchange(other.source_, nullptr)), key_(std::move(other.key_)) {}
    Timer& operator=(Timer&& other) noexcept;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

private:
    friend class TimeSource;
    Timer(TimeSource& source, TimeSource::TimerKey key) : source_(&source), key_(std::move(key)) {}

    TimeSource* source_ = nullptr;
    TimeSource::TimerKey key_;
};

// The timers of a source, in their order. Not thread-safe.
class TimerQueue {
public:
    TimeSource::TimerKey add(SteadyTime when, TimeSource::Callback callback);
    // The callback that was taken out, for the caller to drop without a lock; empty if none was.
    TimeSource::Callback remove(const TimeSource::TimerKey& key);
    // The first one that is due at `now`, taken out; empty when none is.
    TimeSource::Callback pop_due(SteadyTime now);
    // SteadyTime::max() when there is none.
    [[nodiscard]] SteadyTime next() const;
    [[nodiscard]] std::size_t size() const { return timers_.size(); }

private:
    std::map<TimeSource::TimerKey, TimeSource::Callback> timers_;
    std::uint64_t last_number_ = 0;
};

// The machine's clocks and one thread for all timers. Owned by the composition root.
class SystemTime final : public TimeSource {
public:
    SystemTime();
    SystemTime(const SystemTime&) = delete;
    SystemTime& operator=(const SystemTime&) = delete;
    ~SystemTime() override;

    [[nodiscard]] SteadyTime now() const override { return SteadyClock::now(); }
    [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override {
        return std::chrono::system_clock::now();
    }

protected:
    TimerKey add(SteadyTime when, Callback callback) override;
    void remove(const TimerKey& key) override;

private:
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    TimerQueue timers_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace realm::base
