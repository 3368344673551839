// WASI apart from files: arguments, environment, clocks, random bytes, waiting, the end.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time_source.h"
#include "interfaces/scratch.h"
#include "interfaces/wasi_abi.h"
#include "interfaces/wasi_files.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// What WASI gives one run. Texts hold no zero byte.
struct WasiConfig {
    std::vector<std::string> arguments;    // the program's name first
    std::vector<std::string> environment;  // "NAME=value"
    ScratchQuota scratch;                  // bytes = 0: no file system
};

// The functions of one instance; they return WASI's error numbers. Used from executor threads, by
// one call at a time.
class WasiSystem {
public:
    using Status = std::int32_t;
    template <class T>
    using Out = sandbox::Out<T>;

    // Of one call of random_get; above it answers EINVAL.
    static constexpr std::size_t kMostRandomBytes = std::size_t{256} << 10;
    // Of one call of poll_oneoff; above it answers EINVAL.
    static constexpr std::uint32_t kMostSubscriptions = 128;

    // `files` and `time` outlive it.
    WasiSystem(WasiConfig config, const WasiFiles& files, base::TimeSource& time)
        : config_(std::move(config)), files_(files), time_(time) {}

    sandbox::HostResult<Status> args_get(sandbox::Caller caller, std::uint32_t pointers,
                                         std::uint32_t text);
    Status args_sizes_get(Out<std::uint32_t> count, Out<std::uint32_t> bytes);
    sandbox::HostResult<Status> environ_get(sandbox::Caller caller, std::uint32_t pointers,
                                            std::uint32_t text);
    Status environ_sizes_get(Out<std::uint32_t> count, Out<std::uint32_t> bytes);

    // The CPU clocks are those of the run.
    Status clock_res_get(std::uint32_t clock, Out<std::uint64_t> resolution);
    Status clock_time_get(sandbox::Caller caller, std::uint32_t clock, std::uint64_t precision,
                          Out<std::uint64_t> now);

    // Waits for the first of its subscriptions: clocks by the host's timers, without a thread;
    // descriptors are always ready.
    void poll_oneoff(sandbox::Caller caller, std::uint32_t subscriptions, std::uint32_t events,
                     std::uint32_t count, std::uint32_t event_count,
                     sandbox::Completion completion);

    // Ends the run; another status than 0 is program_trap/exit.
    sandbox::HostResult<void> proc_exit(sandbox::Caller caller, std::uint32_t status);
    Status proc_raise(std::uint32_t signal);
    Status random_get(std::span<std::byte> bytes);
    Status sched_yield();

private:
    struct Poll;

    const WasiConfig config_;
    const WasiFiles& files_;
    base::TimeSource& time_;
    base::Timer timer_;  // of the poll that waits
};

}  // namespace realm::interfaces
