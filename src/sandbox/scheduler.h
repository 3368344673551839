// The run queues and the deadlines that executor threads share. Internal to this folder.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "sandbox/executor.h"

namespace realm::sandbox {

class Run;

enum class RunClass : std::uint8_t { kNormal, kBackground };

// Thread-safe. Shared by the executor and its runs, so that a late wake-up finds it.
class Scheduler {
public:
    // `before_sleep` is called by each thread that pop() is about to make wait; it must not block.
    explicit Scheduler(
        const ExecutorOptions& options, std::function<void()> before_sleep = [] {})
        : options_(options),
          terms_{.burst = options.burst, .part = options.part},
          before_sleep_(std::move(before_sleep)) {}
    ~Scheduler() = default;
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    [[nodiscard]] const ExecutorOptions& options() const { return options_; }

    // Of the runs for which no share was named.
    [[nodiscard]] const std::shared_ptr<Share>& common_share() const { return common_share_; }

    // Puts a run that is ready at the tail of its share's queue.
    void push(std::shared_ptr<Run> run, RunClass where);
    // The same, in the class that the share's allowance gives a run which has used `since_wait`
    // without waiting.
    void push_by_allowance(std::shared_ptr<Run> run, std::chrono::nanoseconds since_wait);
    // Waits for a ready run, that of the share which got least for its weight; nothing once the
    // scheduler is closed and no run is left. `waited` says whether the thread slept.
    std::shared_ptr<Run> pop(RunClass from, bool& waited);
    // What a run of `share` used since it was popped.
    void charge(Share& share, RunClass where, std::chrono::nanoseconds spent);

    // A run is alive from admit() to retire(); until its deadline the timer keeps it. False when
    // the scheduler is closed: the run then only goes through the queue to be told so.
    bool admit(const std::shared_ptr<Run>& run, base::SteadyTime deadline);
    // Another deadline for a run that is alive. False when the scheduler is closed.
    bool arm(const std::shared_ptr<Run>& run, base::SteadyTime deadline);
    // No deadline any more; the run still counts as alive.
    void disarm(const Run& run, base::SteadyTime deadline);
    void retire();
    [[nodiscard]] std::size_t alive() const;

    // Ends every run with `reason` and lets the threads go when the last has retired.
    void close(const Error& reason);

    // The timer's thread: ends runs at their deadlines until the scheduler is closed.
    void watch_deadlines();

private:
    using DeadlineKey = std::pair<base::SteadyTime, const Run*>;
    // Shares with ready runs, by what they were served. One that had none begins at the present
    // level: rest earns no credit.
    struct Queue {
        std::set<std::pair<double, Share*>> waiting;
        double level = 0;
        std::condition_variable ready;
    };

    // With mutex_ held.
    void enqueue(std::shared_ptr<Run> run, RunClass where);
    void notify_all();
    void stop_expired(base::SteadyTime now);

    const ExecutorOptions options_;
    const base::AllowanceTerms terms_;
    const std::function<void()> before_sleep_;
    const std::shared_ptr<Share> common_share_ = std::make_shared<Share>(1.0);

    mutable std::mutex mutex_;
    std::array<Queue, 2> queues_;
    std::size_t alive_ = 0;
    bool draining_ = false;

    // Never taken with mutex_ held.
    std::mutex timer_mutex_;
    std::condition_variable timer_wake_;
    std::map<DeadlineKey, std::shared_ptr<Run>> deadlines_;
    base::SteadyTime timer_sleeps_until_ = base::SteadyTime::max();
    bool closed_ = false;
};

}  // namespace realm::sandbox
