#include "sandbox/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

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

void Run::expire() {
    cancel(make_error(ErrorType::kDeadlineExceeded, "wall_time",
                      fmt::format("program '{}' did not end within {} ms (limits.wall_ms in the "
                                  "configuration, or the request's deadline)",
                                  order_.program->name(), order_.limits.wall.count())));
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
    scheduler_->push(shared_from_this(), RunClass::kNormal);
}

bool Run::wake() {
    if (phase_ != Phase::kWaiting) {
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

Run::Next Run::advance(CpuMeter& meter) {
    meter_ = &meter;
    std::optional<Error> stop = begin_poll();
    for (;;) {
        if (stop) {
            return finish(std::move(stop));
        }
        const auto progress = instance().poll();
        ++usage_.polls;
        const auto spent = meter.lap();
        usage_.cpu += spent;
        since_wait_ += spent;
        if (progress == Instance::Progress::kEnded) {
            return finish(instance_->take_failure());
        }
        if (auto limit = over_limit()) {
            return finish(std::move(limit));
        }
        if (const auto next = settle(stop)) {
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
        instance_.emplace(order_.runtime->impl(), order_.program, order_.entry, order_.host.get(),
                          order_.limits, *this);
    }
    return *instance_;
}

std::optional<Error> Run::over_limit() const {
    if (usage_.cpu <= order_.limits.cpu) {
        return std::nullopt;
    }
    return make_error(ErrorType::kProgramLimit, "cpu_time",
                      fmt::format("program '{}' used up its CPU time of {} ms (limits.cpu_ms in "
                                  "the configuration raises it)",
                                  order_.program->name(), order_.limits.cpu.count()));
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
    return queue_of_slice();
}

Run::Next Run::queue_of_slice() const {
    const ExecutorOptions& options = scheduler_->options();
    return options.background_threads > 0 && since_wait_ >= options.slice ? Next::kBackgroundQueue
                                                                          : Next::kNormalQueue;
}

Run::Next Run::finish(std::optional<Error> error) {
    {
        const std::lock_guard lock(mutex_);
        phase_ = Phase::kEnded;
        answer_.reset();
    }
    if (instance_) {
        instance_->abandon();
        usage_.memory_bytes = instance_->memory_bytes();
        instance_.reset();
    }
    scheduler_->disarm(*this);
    auto on_end = std::move(order_.on_end);
    order_.host.reset();
    order_.runtime.reset();
    on_end(RunOutcome{.error = std::move(error), .usage = usage_});
    return Next::kEnded;
}

}  // namespace realm::sandbox
