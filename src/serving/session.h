// A program's instance that is kept between requests, with its memory and contexts.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/task.h"
#include "envelope/envelope.h"
#include "interfaces/run_host.h"
#include "sandbox/conventions.h"
#include "sandbox/executor.h"
#include "serving/run.h"
#include "telemetry/log.h"

namespace realm::serving {

// What an instance is made of and with.
struct InstancePlan {
    std::shared_ptr<const sandbox::Program> program;
    sandbox::Conventions conventions;  // of its exports, for steps
    interfaces::WasiConfig wasi;
    interfaces::RunHostLimits host;
    sandbox::InstanceLimits limits;
    std::shared_ptr<sandbox::Share> share;
    inference::Account account;
};

// Serves one request at a time. Thread-safe. Its instance ends when a request is cancelled, traps
// in its entry or goes beyond a limit, when its first request is to be tried again, when it is idle
// for too long, and with end().
class Session : public std::enable_shared_from_this<Session> {
public:
    // `executor` and `services` outlive it. `on_close` is called once, on an executor thread, when
    // the instance is gone.
    static std::shared_ptr<Session> open(sandbox::Executor& executor,
                                         const interfaces::SharedServices& services,
                                         InstancePlan plan,
                                         std::move_only_function<void(Error)> on_close);

    // Calls the run's entry. conflict/session_busy: it serves another request.
    // unavailable/session_ended. Otherwise the run ends with `on_end`.
    Result<void> start(const std::shared_ptr<Run>& run, const sandbox::JobLimits& limits,
                       sandbox::KeptGuest::OnEnd on_end);
    // Runs the order's steps (see sandbox/foreign_caller.h) one after another, whatever each gives;
    // the reply is {"results": [...]}, of each the lines of its callbacks and a step_line().
    Result<void> start_steps(const std::shared_ptr<Run>& run,
                             std::shared_ptr<const StepOrder> order,
                             const sandbox::JobLimits& limits, sandbox::KeptGuest::OnEnd on_end);

    void end(Error reason);
    // True from end() on, and from the failure after which nothing more is served.
    [[nodiscard]] bool ending() const { return *ending_; }

private:
    class Port;
    struct Caller;

    Session() = default;
    static base::Task<Result<void>> serve(std::shared_ptr<Session> session,
                                          std::shared_ptr<Run> run, sandbox::Job job,
                                          sandbox::Guest& guest);
    static base::Task<Result<void>> run_steps(std::weak_ptr<Session> session,
                                              std::shared_ptr<Caller> caller,
                                              std::shared_ptr<Run> run,
                                              std::shared_ptr<const StepOrder> order,
                                              sandbox::Guest& guest);
    Result<void> submit(const std::shared_ptr<Run>& run, sandbox::Job job,
                        const sandbox::JobLimits& limits, sandbox::KeptGuest::OnEnd on_end);

    const std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
    std::shared_ptr<Port> port_;
    std::weak_ptr<interfaces::RunHost> host_;  // the instance's, used during its jobs
    std::shared_ptr<Caller> caller_;           // of the executor's thread
    std::shared_ptr<sandbox::KeptGuest> guest_;
};

// {"ok": value} or {"error": {"type", "code", "message"}}, of a result in JSON.
std::string step_line(const Result<std::string>& result);

}  // namespace realm::serving
