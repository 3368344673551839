// One run: the state that its executor thread, its cancellers, its deadline and the completion of
// its open call share. Internal to this folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "sandbox/executor.h"
#include "sandbox/instance.h"
#include "sandbox/scheduler.h"
#include "sandbox/waiter.h"

namespace realm::sandbox {

// CPU time of the calling thread since the last call; what lies between two polls without a wait
// is the next guest's. Reading the thread's clock is a system call of some 300 ns, so a span too
// short for a preemption is taken from the cheap clock, and the next long one is set right by it.
class CpuMeter {
public:
    void restart();
    std::chrono::nanoseconds lap();
    // What lap() would give now.
    [[nodiscard]] std::chrono::nanoseconds so_far() const;

private:
    static constexpr std::chrono::microseconds kShort{50};

    base::SteadyTime wall_mark_;
    std::chrono::nanoseconds cpu_mark_{0};
    std::chrono::nanoseconds short_spans_{0};  // since cpu_mark_
};

// What Executor::start was asked for.
struct RunOrder {
    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<const Program> program;
    std::string entry;
    std::shared_ptr<void> host;
    InstanceLimits limits;
    Executor::OnEnd on_end;
};

// Its public functions may be called from any thread, advance() by one executor thread at a time.
class Run final : public Execution,
                  public Waiter,
                  public CallPort,
                  public std::enable_shared_from_this<Run> {
public:
    enum class Next : std::uint8_t { kNothing, kNormalQueue, kBackgroundQueue, kEnded };

    Run(std::shared_ptr<Scheduler> scheduler, RunOrder order, base::SteadyTime deadline)
        : scheduler_(std::move(scheduler)), deadline_(deadline), order_(std::move(order)) {}

    void cancel(Error reason) override;
    // Its deadline has passed.
    void expire();
    [[nodiscard]] base::SteadyTime deadline() const { return deadline_; }

    void resolve(std::int32_t value) override { answer(value); }
    void resolve_with(Finish finish) override { answer(std::move(finish)); }
    void trap(Error error) override { answer(std::move(error)); }

    std::shared_ptr<Waiter> open_call() override;
    std::optional<CallAnswer> take_answer() override;
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const override;

    // Polls the guest until it waits, has to give way or ends. After kNothing the run may already
    // be in another thread's hands.
    Next advance(CpuMeter& meter);

private:
    // kQueued: in a queue or on its way there. kWaiting: for its open call.
    enum class Phase : std::uint8_t { kQueued, kPolling, kWaiting, kEnded };

    void answer(CallAnswer answer);
    // Under mutex_: true when the caller has to push the run.
    bool wake();
    Instance& instance();
    std::optional<Error> begin_poll();
    std::optional<Error> over_limit() const;
    // What a poll that returned 'pending' means; nothing: poll again at once.
    std::optional<Next> settle(std::optional<Error>& stop);
    [[nodiscard]] Next queue_of_slice() const;
    Next finish(std::optional<Error> error);

    const std::shared_ptr<Scheduler> scheduler_;
    const base::SteadyTime deadline_;

    std::mutex mutex_;
    Phase phase_ = Phase::kQueued;
    std::optional<Error> stop_;
    bool call_open_ = false;
    std::optional<CallAnswer> answer_;

    // Of the polling thread.
    RunOrder order_;
    std::optional<Instance> instance_;
    RunUsage usage_;
    const CpuMeter* meter_ = nullptr;  // of the thread that polls
    std::chrono::nanoseconds since_wait_{0};
};

}  // namespace realm::sandbox
