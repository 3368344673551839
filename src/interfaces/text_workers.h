// The threads on which texts become tokens and tokens texts.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/allowance.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/worker_pool.h"

namespace realm::interfaces {

struct TextWorkerOptions {
    std::size_t threads = 1;
    std::size_t queue = 256;                          // tasks that wait, for each class of threads
    std::size_t large_bytes = std::size_t{32} << 10;  // from so many on a text is large
    base::AllowanceTerms allowance{};                 // of a tenant, on threads of normal priority
    // Of the calling thread, and now: other clocks for tests. Any thread.
    std::function<std::chrono::nanoseconds()> cpu_time = &base::thread_cpu_time;
    std::function<base::SteadyTime()> now = &base::SteadyClock::now;
};

// Some texts take long (a megabyte of spaces is one word for the tokenizer, and takes two seconds),
// and how long is known only afterwards. So that no tenant slows the engine down with them, large
// texts, and all of a tenant that has used up its allowance, go to a thread that gets only time
// which nobody else wants. Owned by the composition root; outlives the runs. Thread-safe.
class TextWorkers {
public:
    struct Counters {
        std::uint64_t normal = 0;
        std::uint64_t background = 0;
        friend bool operator==(const Counters&, const Counters&) = default;
    };

    explicit TextWorkers(TextWorkerOptions options);

    // Runs `task`, whose input has so many bytes, on account of the tenant. False: its queue is
    // full, and the task is not run. A task must not throw.
    [[nodiscard]] bool submit(const std::string& tenant, std::size_t bytes,
                              base::WorkerPool::Task task);

    // Tasks taken so far.
    [[nodiscard]] Counters counters() const {
        return {.normal = normal_, .background = background_};
    }

private:
    using Allowances = std::map<std::string, base::Allowance>;  // by tenant

    bool has_allowance(const std::string& tenant);
    void charge(const std::string& tenant, std::chrono::nanoseconds spent);

    const TextWorkerOptions options_;
    base::Guarded<Allowances> allowances_;
    std::atomic<std::uint64_t> normal_ = 0;
    std::atomic<std::uint64_t> background_ = 0;
    base::WorkerPool workers_;
    base::WorkerPool idle_worker_;
};

}  // namespace realm::interfaces
