#include "sandbox/ticker.h"

#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/worker_pool.h"

namespace realm::sandbox {

Result<std::unique_ptr<Ticker>> Ticker::start(std::chrono::microseconds interval,
                                              std::function<void()> on_tick) {
    base::UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    if (!timer.valid()) {
        return fail(
            ErrorType::kUnavailable, "runtime_start_failed",
            fmt::format("the clock of the programs could not be made: {}", std::strerror(errno)));
    }
    return std::unique_ptr<Ticker>(new Ticker(std::move(timer), interval, std::move(on_tick)));
}

Ticker::Ticker(base::UniqueFd timer, std::chrono::microseconds interval,
               std::function<void()> on_tick)
    : interval_(interval),
      on_tick_(std::move(on_tick)),
      timer_(std::move(timer)),
      thread_([this] { run(); }) {}

Ticker::~Ticker() {
    stopping_ = true;
    {
        const std::lock_guard lock(mutex_);
        set_timer(std::chrono::nanoseconds(1), {});
    }
    thread_.join();
}

void Ticker::set_timer(std::chrono::nanoseconds first, std::chrono::nanoseconds every) {
    const auto spec = [](std::chrono::nanoseconds time) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
        return timespec{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
    };
    const itimerspec setting{.it_interval = spec(every), .it_value = spec(first)};
    ::timerfd_settime(timer_.get(), 0, &setting, nullptr);
}

void Ticker::arm() {
    const std::lock_guard lock(mutex_);
    if (!armed_.load()) {
        set_timer(interval_, interval_);
        armed_.store(true);
    }
}

void Ticker::rest() {
    if (!armed_.load() || active_.load() > 0) {
        return;
    }
    const std::lock_guard lock(mutex_);
    armed_.store(false);
    if (active_.load() > 0) {
        armed_.store(true);
    } else if (!stopping_) {
        set_timer({}, {});
    }
}

void Ticker::run() {
    base::set_thread_name("realm-ticker");
    while (!stopping_) {
        std::uint64_t expirations = 0;
        if (::read(timer_.get(), &expirations, sizeof expirations) < 0 || stopping_) {
            continue;
        }
        if (active_.load() == 0) {
            rest();
            continue;
        }
        ticks_.fetch_add(1, std::memory_order_relaxed);
        on_tick_();
    }
}

}  // namespace realm::sandbox
