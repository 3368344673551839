// One run: a program answering one request, from start to end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/limits.h"
#include "envelope/envelope.h"
#include "interfaces/log.h"
#include "interfaces/request.h"
#include "interfaces/run_host.h"
#include "interfaces/wasi_system.h"
#include "sandbox/conventions.h"
#include "sandbox/executor.h"
#include "telemetry/log.h"

namespace realm::serving {

struct RunBounds {
    std::size_t output_bytes = std::size_t{8} << 20;  // chunks and reply together
    std::size_t chunk_bytes = std::size_t{1} << 20;
    std::chrono::milliseconds wall{300'000};
};

// All that one run may use.
struct RunLimits {
    RunBounds bounds;
    interfaces::RunHostLimits host;
    sandbox::InstanceLimits instance;
};
RunLimits run_limits(const config::Limits& limits);

// Calls of a module's exports instead of its entry, as Session::start_steps describes them.
struct StepOrder {
    std::vector<std::string> steps;    // JSON
    sandbox::Conventions conventions;  // count where an instance is made for them
    // Takes each line as soon as its step is done, on an executor thread; the reply then holds
    // none. May be empty.
    std::function<void(std::string_view)> on_line;
};

// What a program is to answer. `meta` has its request_id, operation and tenant set.
struct RunRequest {
    envelope::Meta meta;
    std::string data;                   // JSON
    double weight = 1.0;                // the tenant's share of CPU time
    std::string entry = "realm_run";    // the export that is called
    std::optional<StepOrder> steps{};   // instead of the entry
    std::optional<RunLimits> limits{};  // nothing: the service's
    // Traps with their function names and backtrace: for those who own the program.
    bool show_faults = true;
    // A fault's cause in the log as well: not where whoever gets the result reads the log.
    bool log_faults = true;
    // The arguments without the program's name.
    interfaces::WasiConfig wasi{};
};

struct RunResult {
    Result<std::string> reply;  // JSON
    sandbox::RunUsage usage;
    std::chrono::milliseconds duration{0};
};

// Whoever listens to a run. Called one at a time, in order: from executor threads, and between two
// attempts from a timer's thread or that of whoever cancels the run.
class RunSink {
public:
    virtual ~RunSink() = default;
    // One chunk, JSON. `taken` is to be called once, from any thread, when there is room for
    // another; until then the program waits.
    virtual void on_chunk(std::string json, std::move_only_function<void(Result<void>)> taken) = 0;
    // Called exactly once, last.
    virtual void on_end(RunResult result) = 0;
};

// Shared by the service, the instance's host object and whoever may cancel it. Thread-safe.
class Run final : public interfaces::RunPort, public interfaces::LogPort {
public:
    Run(RunRequest request, std::string program, const RunBounds& bounds,
        std::shared_ptr<RunSink> sink, telemetry::Logger logger);

    [[nodiscard]] const std::string& id() const { return request_.meta.request_id; }

    [[nodiscard]] const std::string& tenant() const { return request_.meta.tenant; }
    [[nodiscard]] const std::string& session() const { return request_.meta.session; }
    [[nodiscard]] const std::string& entry() const { return request_.entry; }
    [[nodiscard]] double weight() const { return request_.weight; }
    [[nodiscard]] const interfaces::WasiConfig& wasi() const { return request_.wasi; }

    // Ends the run with `reason` soon; no effect once it has ended.
    void cancel(Error reason);

    // The service's side: the execution behind an attempt at this run, and the run's end. What
    // comes for an attempt that is over has no effect.
    void attach(std::shared_ptr<sandbox::Execution> execution, std::uint32_t attempt);
    void end(sandbox::RunOutcome outcome);

    // The first is 1.
    [[nodiscard]] std::uint32_t attempt() const;
    // Another attempt follows, of the number that is returned: what the program said is forgotten.
    // Between two executions.
    std::uint32_t begin_attempt();
    // Whether somebody saw something of the attempt: a chunk, a log line, a kept instance's state.
    // It can then not be made again. Between the execution's calls or after its end.
    [[nodiscard]] bool had_effect() const { return had_effect_; }
    void mark_effect() { had_effect_ = true; }
    // The error with which the run would end if its execution ended with `error` (null: with none),
    // which is its own or what the program said; null for none.
    [[nodiscard]] const Error* failure(const Error* error) const;

    // RunPort, for the program.
    [[nodiscard]] std::string_view data() const override { return request_.data; }
    [[nodiscard]] std::string_view meta() const override { return meta_json_; }
    [[nodiscard]] Result<void> check_chunk(std::size_t bytes) const override;
    [[nodiscard]] Result<void> check_output(std::size_t bytes) const override;
    void emit(std::string chunk, std::move_only_function<void(Result<void>)> done) override;
    Result<void> reply(std::string json) override;
    Result<void> fail(Error error) override;
    [[nodiscard]] bool cancelled() const override { return cancelled_; }
    [[nodiscard]] std::chrono::milliseconds time_left() const override;

    // LogPort.
    void line(std::int32_t level, std::string_view text) override;

private:
    Result<void> account(std::size_t bytes);
    Result<void> check_open() const;
    void add_context(Error& error) const;
    void hide_fault(Error& error) const;
    void log_end(const RunResult& result) const;

    const RunRequest request_;
    const std::string program_;
    const std::string meta_json_;
    const RunBounds bounds_;
    const std::shared_ptr<RunSink> sink_;
    const telemetry::Logger logger_;
    const base::SteadyTime started_ = base::SteadyClock::now();

    // Touched by the program's calls alone, which come one at a time.
    std::size_t output_bytes_ = 0;
    std::optional<Result<std::string>> answer_;
    bool had_effect_ = false;

    std::atomic<bool> cancelled_ = false;
    mutable std::mutex mutex_;  // guards what follows
    std::uint32_t attempt_ = 1;
    std::shared_ptr<sandbox::Execution> execution_;
    std::optional<Error> cancel_reason_;
    bool ended_ = false;
};

}  // namespace realm::serving
