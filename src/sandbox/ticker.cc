#include "sandbox/ticker.h"

#include <utility>

#include "base/worker_pool.h"

namespace realm::sandbox {

Ticker::Ticker(std::chrono::microseconds interval, std::function<void()> on_tick)
    : interval_(interval), on_tick_(std::move(on_tick)), thread_([this] { run(); }) {}

Ticker::~Ticker() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void Ticker::enter() {
    // Sequentially consistent, as are the two accesses in run(): either this thread sees that the
    // ticker is parked, or the ticker sees that a guest runs.
    active_.fetch_add(1);
    if (parked_.load()) {
        const std::lock_guard lock(mutex_);
        wake_.notify_all();
    }
}

void Ticker::run() {
    base::set_thread_name("realm-ticker");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        parked_.store(true);
        wake_.wait(lock, [this] { return stopping_ || active_.load() > 0; });
        parked_.store(false);
        while (!stopping_ && active_.load() > 0) {
            wake_.wait_for(lock, interval_, [this] { return stopping_; });
            if (!stopping_) {
                ticks_.fetch_add(1, std::memory_order_relaxed);
                on_tick_();
            }
        }
    }
}

}  // namespace realm::sandbox
