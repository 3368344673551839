// One run: the state that its executor thread, its cancellers, its deadline and the completion of
// its open call share. Internal to this folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/task.h"
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

// What ends runs when the executor goes.
Error shutting_down();

// What a run is of.
struct RunOrder {
    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<const Program> program;
    std::shared_ptr<void> host;
    InstanceLimits limits;
    std::shared_ptr<Share> share;
    // Set for a guest that is kept: told when it is gone.
    std::optional<std::move_only_function<void(Error)>> on_close;
};

// What it is to do.
struct JobOrder {
    Job job;
    JobLimits limits;
    KeptGuest::OnEnd on_end;
};

// Its public functions may be called from any thread, advance() by one executor thread at a time.
class Run final : public KeptGuest,
                  public Waiter,
                  public CallPort,
                  public std::enable_shared_from_this<Run> {
public:
    // kYielded: ready to go on. kStopped: ready to be ended. kRested: the job is done and the guest
    // is kept.
    enum class Next : std::uint8_t { kNothing, kYielded, kStopped, kRested, kEnded };

    // Starts with a job, or idle.
    Run(std::shared_ptr<Scheduler> scheduler, RunOrder order, std::optional<JobOrder> first);

    void cancel(Error reason) override;
    Result<void> submit(Job job, const JobLimits& limits, OnEnd on_end) override;
    // The time for its job, or for waiting for one, is over.
    void expire(base::SteadyTime deadline);
    // Before it is first pushed.
    [[nodiscard]] base::SteadyTime first_deadline() const { return deadline_; }
    [[nodiscard]] Share& share() const { return *share_; }

    void resolve(std::int32_t value) override { answer(value); }
    void resolve_with(Finish finish) override { answer(std::move(finish)); }
    void trap(Error error) override { answer(std::move(error)); }

    std::shared_ptr<Waiter> open_call() override;
    std::optional<CallAnswer> take_answer() override;
    void sleep_until(base::SteadyTime time) override;
    std::optional<Error> interrupted() override;
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const override;

    // Polls the guest until it waits, has to give way, rests or ends. After kNothing and kRested
    // the run may already be in another thread's hands. `spent`: CPU time of this turn.
    Next advance(CpuMeter& meter, std::chrono::nanoseconds& spent);
    // CPU time since the guest last waited. Of the polling thread.
    [[nodiscard]] std::chrono::nanoseconds since_wait() const { return since_wait_; }

private:
    // kIdle: kept, without a job. kQueued: in a queue or on its way there. kWaiting: for its open
    // call.
    enum class Phase : std::uint8_t { kIdle, kQueued, kPolling, kWaiting, kEnded };

    void answer(CallAnswer answer);
    void arm(base::SteadyTime deadline);
    // Under mutex_: true when the caller has to push the run.
    bool wake();
    Instance& instance();
    std::optional<Error> begin_poll();
    std::optional<Error> over_limit(std::chrono::nanoseconds used) const;
    Error wall_error() const;
    Error idle_error() const;
    // Gives the guest at rest back to its job; true when the job is done.
    bool drive_job();
    Result<void> job_result();
    // What a poll that returned 'pending' means; nothing: poll again at once.
    std::optional<Next> settle(std::optional<Error>& stop);
    Next end_job();
    Next finish(std::optional<Error> error);
    void forget_job();

    const std::shared_ptr<Scheduler> scheduler_;
    const std::shared_ptr<Share> share_;

    std::mutex mutex_;
    Phase phase_ = Phase::kQueued;
    std::optional<Error> stop_;
    bool call_open_ = false;
    std::optional<base::SteadyTime> wakes_at_;  // a job that sleeps
    std::optional<CallAnswer> answer_;

    // Written with mutex_ held; by the polling thread, or by who submits while the run is idle.
    std::optional<JobOrder> job_;
    base::SteadyTime deadline_;

    // Of the polling thread.
    RunOrder order_;
    base::Task<Result<void>> task_;
    bool task_begun_ = false;
    std::optional<Instance> instance_;
    std::optional<Guest> guest_;
    RunUsage usage_;
    const CpuMeter* meter_ = nullptr;  // of the thread that polls
    std::chrono::nanoseconds since_wait_{0};
};

}  // namespace realm::sandbox
