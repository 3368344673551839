// The epoch's clock: a thread that ticks while guests run and sleeps while none does. Internal.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace realm::sandbox {

// Thread-safe. `on_tick` runs on the ticker's own thread.
class Ticker {
public:
    Ticker(std::chrono::microseconds interval, std::function<void()> on_tick);
    ~Ticker();
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;

    // Around each poll of a guest.
    void enter();
    void leave() { active_.fetch_sub(1, std::memory_order_release); }

    [[nodiscard]] std::uint64_t ticks() const { return ticks_.load(std::memory_order_relaxed); }

private:
    void run();

    const std::chrono::microseconds interval_;
    const std::function<void()> on_tick_;
    std::atomic<std::uint64_t> ticks_{0};
    std::atomic<int> active_{0};
    std::atomic<bool> parked_{false};
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace realm::sandbox
