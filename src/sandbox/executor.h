// Runs guests: the threads that poll runnable instances, their limits, their end.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/allowance.h"
#include "base/clock.h"
#include "base/error.h"
#include "sandbox/guest.h"
#include "sandbox/runtime.h"

namespace realm::sandbox {

class Run;

// What one job of a guest may use.
struct JobLimits {
    std::chrono::milliseconds cpu{10'000};    // on our threads, all polls together
    std::chrono::milliseconds wall{300'000};  // from start to end, waiting included
    // Of both, what earlier attempts at the same have used: errors name the whole limit.
    std::chrono::milliseconds cpu_used{0};
    std::chrono::milliseconds wall_used{0};
};

// What stands in for JavaScript beside a guest that wants it.
struct BindgenLimits {
    std::uint64_t values = 200'000;  // alive at one time; handles as many
    std::uint64_t value_bytes = std::uint64_t{64} << 20;
    std::uint32_t timers = 1000;
    std::uint32_t microtasks = 100'000;
    std::uint32_t names = 1000;           // that steps gave to results
    std::uint32_t nesting = 64;           // calls of the guest within imports within calls
    std::uint64_t steps = 1'000'000'000;  // of our own work, in one call from outside
    std::chrono::milliseconds turn{500};  // of that work, without giving way
};

struct InstanceLimits {
    std::uint64_t memory_bytes = std::uint64_t{64} << 20;
    std::uint32_t table_elements = 16384;
    std::chrono::milliseconds cpu{10'000};  // this and wall: of its only job
    std::chrono::milliseconds wall{300'000};
    std::chrono::milliseconds idle{300'000};  // a kept guest without a job
    std::chrono::milliseconds cpu_used{0};    // this and wall_used: as in JobLimits
    std::chrono::milliseconds wall_used{0};
    BindgenLimits bindgen{};

    [[nodiscard]] JobLimits job() const {
        return {.cpu = cpu, .wall = wall, .cpu_used = cpu_used, .wall_used = wall_used};
    }
};

// One party among which the executor divides its CPU time: while several have runs that are ready,
// each gets time in proportion to its weight. A tenant has one for all its runs.
class Share {
public:
    explicit Share(double weight) : weight_(weight) {}
    ~Share() = default;
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

private:
    friend class Scheduler;
    struct Lane {
        std::deque<std::shared_ptr<Run>> ready;
        double served = 0;  // seconds of CPU over weight
    };

    const double weight_;
    // Guarded by the scheduler.
    std::array<Lane, 2> lanes_;  // by class of threads
    base::Allowance allowance_;  // of time on normal threads
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
    std::size_t background_threads = 1;   // only for time that nobody else on the machine wants
    std::chrono::milliseconds slice{20};  // CPU time without waiting before a guest goes there
    // What a share may use of normal threads: as much at once, and in the long run this part of one
    // processor. The slice of its guests shrinks with what is left; with nothing left, they begin
    // in the background.
    std::chrono::milliseconds burst{40};
    double part = 0.1;
};

// One run; shared by whoever may cancel it. Thread-safe.
class Execution {
public:
    virtual ~Execution() = default;
    // Ends the run with `reason` at its next tick or suspension; no effect once it has ended.
    virtual void cancel(Error reason) = 0;
};

// A guest that is kept between jobs, with its memory and what its host object holds. Ends when it
// is cancelled, idle for too long, or a job goes beyond a limit. Thread-safe.
class KeptGuest : public Execution {
public:
    using OnEnd = std::move_only_function<void(RunOutcome)>;

    // Starts `job`; `on_end` is called once, on an executor thread, with what it returned and used;
    // the next job may be submitted from there. conflict/guest_busy: one job at a time.
    // unavailable/guest_ended. In both cases `on_end` is not called.
    virtual Result<void> submit(Job job, const JobLimits& limits, OnEnd on_end) = 0;
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
    // `share`: whose CPU time it uses; null: that of all who name none.
    std::shared_ptr<Execution> start(std::shared_ptr<const Program> program, std::string entry,
                                     std::shared_ptr<void> host, const InstanceLimits& limits,
                                     OnEnd on_end, std::shared_ptr<Share> share = nullptr);

    // A guest that is instantiated (and initialised) by its first job and then kept. Its `limits`
    // for CPU and wall time are those of submit(). `on_close` is called once, on an executor
    // thread, when it is gone, with the reason, before the `on_end` of a job that it ends.
    std::shared_ptr<KeptGuest> keep(std::shared_ptr<const Program> program,
                                    std::shared_ptr<void> host, const InstanceLimits& limits,
                                    std::move_only_function<void(Error)> on_close,
                                    std::shared_ptr<Share> share = nullptr);

    [[nodiscard]] std::size_t running() const;

    class Impl;

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace realm::sandbox
