// The epoch's clock: a thread that ticks while guests run and sleeps while none does. Internal.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"

namespace realm::sandbox {

// Thread-safe. `on_tick` runs on the ticker's own thread, which is woken by the kernel's timer: a
// poll that ends before the next tick wakes nobody.
class Ticker {
public:
    static Result<std::unique_ptr<Ticker>> start(std::chrono::microseconds interval,
                                                 std::function<void()> on_tick);
    ~Ticker();
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;

    // Around each poll of a guest.
    void enter() {
        // Sequentially consistent, as in rest(): either this thread sees that the timer is off, or
        // that one sees that a guest runs.
        active_.fetch_add(1);
        if (!armed_.load()) {
            arm();
        }
    }
    void leave() { active_.fetch_sub(1, std::memory_order_release); }
    // Before a thread that polls guests goes to sleep: spares the tick that nobody needs.
    void rest();

    [[nodiscard]] std::uint64_t ticks() const { return ticks_.load(std::memory_order_relaxed); }

private:
    Ticker(base::UniqueFd timer, std::chrono::microseconds interval, std::function<void()> on_tick);
    void arm();
    // The first time, and how long after each; 0: never.
    void set_timer(std::chrono::nanoseconds first, std::chrono::nanoseconds every);
    void run();

    const std::chrono::microseconds interval_;
    const std::function<void()> on_tick_;
    const base::UniqueFd timer_;
    std::atomic<std::uint64_t> ticks_{0};
    std::atomic<int> active_{0};
    std::atomic<bool> armed_{false};
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;  // held where the timer is set
    std::thread thread_;
};

}  // namespace realm::sandbox
