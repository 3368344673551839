// Runs guests: the threads that poll runnable instances, their limits, their end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "sandbox/runtime.h"

namespace realm::sandbox {

struct InstanceLimits {
    std::uint64_t memory_bytes = std::uint64_t{64} << 20;
    std::uint32_t table_elements = 16384;
    std::chrono::milliseconds cpu{10'000};    // on our threads, all polls together
    std::chrono::milliseconds wall{300'000};  // from start to end, waiting included
};

struct RunUsage {
    std::chrono::nanoseconds cpu{0};
    std::uint64_t polls = 0;
    std::uint64_t yields = 0;        // given way at an epoch tick
    std::uint64_t suspensions = 0;   // waited for the host
    std::uint64_t memory_bytes = 0;  // linear memory at the end
};

// How a run ended. `error` is empty when the export returned. Else: program_trap (trap, with the
// program, the function names of the backtrace and the reason), program_limit (which limit, its
// value), deadline_exceeded (wall), cancelled, unavailable (no instance free), or what a host
// function ended it with.
struct RunOutcome {
    std::optional<Error> error;
    RunUsage usage;
};

struct ExecutorOptions {
    std::size_t threads = 1;
    std::size_t background_threads = 1;   // nice 19: guests that used up their slice
    std::chrono::milliseconds slice{20};  // CPU time without waiting before a guest goes there
};

// One run; shared by whoever may cancel it. Thread-safe.
class Execution {
public:
    virtual ~Execution() = default;
    // Ends the run with `reason` at its next tick or suspension; no effect once it has ended.
    virtual void cancel(Error reason) = 0;
};

// Owned by the composition root; destroyed before the Runtime. Thread-safe.
class Executor {
public:
    using OnEnd = std::move_only_function<void(RunOutcome)>;

    Executor(std::shared_ptr<Runtime> runtime, const ExecutorOptions& options);
    // Cancels what still runs with `unavailable` and waits for it.
    ~Executor();
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    // Instantiates `program` afresh and calls its export `entry` () -> () (after `_initialize`,
    // if it exports that). `host` is what the bound functions get; it is kept until the instance is
    // gone, then released before `on_end`. Host functions are called from executor threads, one at
    // a time for a run. `on_end` is called once, on an executor thread; it must not block or throw.
    std::shared_ptr<Execution> start(std::shared_ptr<const Program> program, std::string entry,
                                     std::shared_ptr<void> host, const InstanceLimits& limits,
                                     OnEnd on_end);

    [[nodiscard]] std::size_t running() const;

    class Impl;

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace realm::sandbox
