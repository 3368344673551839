#include "sandbox/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/limit_error.h"
#include "sandbox/wording.h"

namespace realm::sandbox {

void CpuMeter::restart() {
    wall_mark_ = base::SteadyClock::now();
    cpu_mark_ = base::thread_cpu_time();
    short_spans_ = std::chrono::nanoseconds{0};
}

std::chrono::nanoseconds CpuMeter::lap() {
    const auto now = base::SteadyClock::now();
    const auto wall = now - std::exchange(wall_mark_, now);
    if (wall < kShort) {
        short_spans_ += wall;
        return wall;
    }
    const auto cpu = base::thread_cpu_time();
    const auto spent = cpu - std::exchange(cpu_mark_, cpu) -
                       std::exchange(short_spans_, std::chrono::nanoseconds{0});
    return std::max(spent, std::chrono::nanoseconds{0});
}

std::chrono::nanoseconds CpuMeter::so_far() const {
    return std::max(base::thread_cpu_time() - cpu_mark_ - short_spans_,
                    std::chrono::nanoseconds{0});
}

namespace {

constexpr std::chrono::hours kLongestWait{24 * 365};

base::SteadyTime after(std::chrono::milliseconds time) {
    return base::SteadyClock::now() + std::min<std::chrono::milliseconds>(time, kLongestWait);
}

base::SteadyTime deadline_of(const JobLimits& limits) {
    return after(std::max(limits.wall - limits.wall_used, std::chrono::milliseconds{0}));
}

}  // namespace

Error shutting_down() {
    return make_error(ErrorType::kUnavailable, "shutting_down",
                      "the server is shutting down; try again");
}

Run::Run(std::shared_ptr<Scheduler> scheduler, RunOrder order, std::optional<JobOrder> first)
    : scheduler_(std::move(scheduler)),
      share_(order.share ? order.share : scheduler_->common_share()),
      phase_(first ? Phase::kQueued : Phase::kIdle),
      job_(std::move(first)),
      deadline_(job_ ? deadline_of(job_->limits) : after(order.limits.idle)),
      order_(std::move(order)) {}

void Run::cancel(Error reason) {
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == Phase::kEnded || stop_) {
            return;
        }
        stop_ = std::move(reason);
        if (!wake()) {
            return;
        }
    }
    scheduler_->push(shared_from_this(), RunClass::kNormal);
}

Result<void> Run::submit(Job job, const JobLimits& limits, OnEnd on_end) {
    base::SteadyTime idle_until;
    const base::SteadyTime deadline = deadline_of(limits);
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == Phase::kEnded || stop_) {
            return fail(ErrorType::kUnavailable, "guest_ended", "the kept program has ended");
        }
        if (phase_ != Phase::kIdle) {
            return fail(ErrorType::kConflict, "guest_busy",
                        "the kept program is still busy with another request");
        }
        job_.emplace(std::move(job), limits, std::move(on_end));
        phase_ = Phase::kQueued;
        idle_until = std::exchange(deadline_, deadline);
    }
    scheduler_->disarm(*this, idle_until);
    arm(deadline);
    scheduler_->push_by_allowance(shared_from_this(), {});
    return {};
}

void Run::arm(base::SteadyTime deadline) {
    if (!scheduler_->arm(shared_from_this(), deadline)) {
        cancel(shutting_down());
    }
}

Error Run::wall_error() const {
    const auto wall = static_cast<std::uint64_t>(job_->limits.wall.count());
    return limit_error({.limit = "wall_time", .setting = "limits.wall_ms", .value = wall},
                       fmt::format("program '{}' did not end within {} ms, its limit or the "
                                   "request's deadline",
                                   order_.program->name(), wall),
                       ErrorType::kDeadlineExceeded);
}

Error Run::idle_error() const {
    const auto idle = static_cast<std::uint64_t>(order_.limits.idle.count());
    return limit_error({.limit = "idle_time", .setting = "limits.session_idle_ms", .value = idle},
                       fmt::format("program '{}' was kept for {} ms without a request",
                                   order_.program->name(), idle));
}

void Run::expire(base::SteadyTime deadline) {
    std::optional<Error> reason;
    {
        const std::lock_guard lock(mutex_);
        if (deadline != deadline_) {
            // That of an earlier job, or of one that sleeps.
            if (deadline != wakes_at_) {
                return;
            }
            wakes_at_.reset();
            if (phase_ == Phase::kEnded || !call_open_ || answer_) {
                return;
            }
            answer_ = 0;
            if (!wake()) {
                return;
            }
        } else {
            reason = job_ ? wall_error() : idle_error();
        }
    }
    if (reason) {
        cancel(std::move(*reason));
    } else {
        scheduler_->push_by_allowance(shared_from_this(), {});
    }
}

void Run::sleep_until(base::SteadyTime time) {
    base::SteadyTime wakes_at;
    {
        const std::lock_guard lock(mutex_);
        call_open_ = true;
        answer_.reset();
        // Never the deadline of the job itself, which stands for another end.
        wakes_at = time == deadline_ ? time + std::chrono::nanoseconds{1} : time;
        wakes_at_ = wakes_at;
    }
    arm(wakes_at);
}

void Run::answer(CallAnswer answer) {
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == Phase::kEnded || !call_open_ || answer_) {
            return;
        }
        answer_ = std::move(answer);
        if (!wake()) {
            return;
        }
    }
    scheduler_->push_by_allowance(shared_from_this(), {});
}

bool Run::wake() {
    if (phase_ != Phase::kWaiting && phase_ != Phase::kIdle) {
        return false;
    }
    phase_ = Phase::kQueued;
    return true;
}

std::shared_ptr<Waiter> Run::open_call() {
    const std::lock_guard lock(mutex_);
    call_open_ = true;
    answer_.reset();
    return shared_from_this();
}

std::optional<CallAnswer> Run::take_answer() {
    const std::lock_guard lock(mutex_);
    if (!answer_) {
        return std::nullopt;
    }
    call_open_ = false;
    return std::exchange(answer_, std::nullopt);
}

std::chrono::nanoseconds Run::cpu_time() const {
    return usage_.cpu + meter_->so_far();
}

Run::Next Run::advance(CpuMeter& meter, std::chrono::nanoseconds& spent) {
    meter_ = &meter;
    std::optional<Error> stop = begin_poll();
    for (;;) {
        if (stop) {
            return finish(std::move(stop));
        }
        const auto progress = instance().poll();
        ++usage_.polls;
        const auto lap = meter.lap();
        spent += lap;
        usage_.cpu += lap;
        since_wait_ += lap;
        if (progress == Instance::Progress::kFailed) {
            return finish(instance_->take_failure());
        }
        if (auto limit = over_limit(usage_.cpu)) {
            return finish(std::move(limit));
        }
        if (progress == Instance::Progress::kResting) {
            if (drive_job()) {
                const auto rest = meter.lap();
                spent += rest;
                usage_.cpu += rest;
                return end_job();
            }
        } else if (const auto next = settle(stop)) {
            return *next;
        }
    }
}

std::optional<Error> Run::begin_poll() {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::kPolling;
    return stop_;
}

Instance& Run::instance() {
    if (!instance_) {
        instance_.emplace(order_.runtime->impl(), order_.program, order_.host.get(), order_.limits,
                          *this);
        guest_.emplace(*instance_);
    }
    return *instance_;
}

std::optional<Error> Run::interrupted() {
    {
        const std::lock_guard lock(mutex_);
        if (stop_) {
            return stop_;
        }
    }
    return over_limit(cpu_time());
}

std::optional<Error> Run::over_limit(std::chrono::nanoseconds used) const {
    const JobLimits& limits = job_->limits;
    if (used <= limits.cpu - limits.cpu_used) {
        return std::nullopt;
    }
    const auto cpu = static_cast<std::uint64_t>(limits.cpu.count());
    return limit_error(
        {.limit = "cpu_time", .setting = "limits.cpu_ms", .value = cpu},
        fmt::format("program '{}' used up its CPU time of {} ms", order_.program->name(), cpu));
}

bool Run::drive_job() {
    instance_->begin_turn();
    if (!task_begun_) {
        task_begun_ = true;
        task_ = job_->job(*guest_);
        task_.start();
    } else if (const auto caller = instance_->take_caller()) {
        caller.resume();
    }
    return task_.done() || !instance_->calling();
}

Result<void> Run::job_result() {
    if (!task_.done()) {
        return fail(ErrorType::kInternal, "job_stuck", "a job waits for something else than calls");
    }
    try {
        return task_.take();
    } catch (const std::exception& exception) {
        return fail(ErrorType::kInternal, "job_failed", exception.what());
    }
}

std::optional<Run::Next> Run::settle(std::optional<Error>& stop) {
    const std::lock_guard lock(mutex_);
    if (stop_) {
        stop = stop_;
        return std::nullopt;
    }
    if (call_open_ && !answer_) {
        ++usage_.suspensions;
        since_wait_ = std::chrono::nanoseconds{0};
        phase_ = Phase::kWaiting;
        return Next::kNothing;
    }
    if (call_open_) {
        // The answer came while the guest was being put aside.
        ++usage_.suspensions;
        if (since_wait_ < scheduler_->options().slice) {
            return std::nullopt;
        }
    } else {
        ++usage_.yields;
    }
    phase_ = Phase::kQueued;
    return Next::kYielded;
}

Run::Next Run::end_job() {
    Result<void> result = job_result();
    std::optional<Error> error;
    if (!result) {
        error = std::move(result.error());
    }
    if (!order_.on_close) {
        return finish(std::move(error));
    }
    forget_job();
    usage_.memory_bytes = instance_->memory_bytes();
    const RunOutcome outcome{.error = std::move(error), .usage = std::exchange(usage_, RunUsage{})};
    since_wait_ = std::chrono::nanoseconds{0};
    auto on_end = std::move(job_->on_end);
    scheduler_->disarm(*this, deadline_);
    const base::SteadyTime idle_until = after(order_.limits.idle);
    {
        const std::lock_guard lock(mutex_);
        job_.reset();
        deadline_ = idle_until;
    }
    arm(idle_until);
    bool stopped = false;
    {
        const std::lock_guard lock(mutex_);
        stopped = stop_.has_value();
        phase_ = stopped ? Phase::kQueued : Phase::kIdle;
    }
    on_end(outcome);
    return stopped ? Next::kStopped : Next::kRested;
}

// The guest is unwound before the job that waits for it goes.
void Run::forget_job() {
    std::optional<base::SteadyTime> wakes_at;
    {
        const std::lock_guard lock(mutex_);
        wakes_at = std::exchange(wakes_at_, std::nullopt);
        call_open_ = call_open_ && !wakes_at;
    }
    if (wakes_at) {
        scheduler_->disarm(*this, *wakes_at);
    }
    instance_->abandon();
    task_ = {};
    task_begun_ = false;
}

Run::Next Run::finish(std::optional<Error> error) {
    std::optional<JobOrder> job;
    {
        const std::lock_guard lock(mutex_);
        phase_ = Phase::kEnded;
        answer_.reset();
    }
    if (instance_) {
        forget_job();
        usage_.memory_bytes = instance_->memory_bytes();
        guest_.reset();
        instance_.reset();
    }
    scheduler_->disarm(*this, deadline_);
    order_.host.reset();
    order_.runtime.reset();
    auto on_close = std::exchange(order_.on_close, std::nullopt);
    {
        const std::lock_guard lock(mutex_);
        job = std::exchange(job_, std::nullopt);
    }
    if (on_close && error) {
        (*on_close)(*error);
    }
    if (job) {
        job->on_end(RunOutcome{.error = std::move(error), .usage = usage_});
    }
    return Next::kEnded;
}

}  // namespace realm::sandbox
