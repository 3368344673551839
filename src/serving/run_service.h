// Starts runs and keeps track of them: admission, the host object, the end.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "interfaces/run_host.h"
#include "sandbox/conventions.h"
#include "sandbox/executor.h"
#include "serving/run.h"
#include "serving/session_table.h"
#include "telemetry/log.h"

namespace realm::serving {

struct RunServiceOptions {
    std::size_t max_runs = 256;
    std::size_t max_sessions = 64;  // of one tenant
    RunLimits limits{};             // of a run that brings none of its own
};

// Owned by the composition root; `executor` and `services` outlive it. Thread-safe.
class RunService {
public:
    RunService(sandbox::Executor& executor, interfaces::SharedServices services,
               const RunServiceOptions& options, telemetry::Logger logger);
    // Waits until the last run has ended; call cancel_all() before to make that soon.
    ~RunService();
    RunService(const RunService&) = delete;
    RunService& operator=(const RunService&) = delete;

    // Calls the entry of `program`, in a fresh instance or, where the meta names a session, in that
    // of the session. A deadline in the meta shortens the wall limit. overloaded/too_many_runs: the
    // server runs as many as it may; unavailable: it is stopping; else what Session::start gives.
    // The sink is used only when a run is returned.
    Result<std::shared_ptr<Run>> start(std::shared_ptr<const sandbox::Program> program,
                                       RunRequest request, std::shared_ptr<RunSink> sink);

    // not_found/session_not_found.
    Result<void> end_session(const SessionKey& key);

    [[nodiscard]] std::size_t running() const;
    // Refuses new runs from now on.
    void stop_admission();
    void cancel_all(const Error& reason);

private:
    struct Runs;
    using Begin =
        std::function<Result<void>(const std::shared_ptr<Run>& run, const RunLimits& limits,
                                   sandbox::KeptGuest::OnEnd on_end)>;

    // Admits a run and lets `begin` begin it.
    Result<std::shared_ptr<Run>> admit(const std::string& program, RunRequest request,
                                       std::shared_ptr<RunSink> sink, const Begin& begin);
    Result<void> start_in(const std::shared_ptr<Session>& session, const std::shared_ptr<Run>& run,
                          std::optional<StepOrder> steps, const RunLimits& limits,
                          sandbox::KeptGuest::OnEnd on_end);
    InstancePlan plan_for(std::shared_ptr<const sandbox::Program> program,
                          sandbox::Conventions conventions, const Run& run,
                          const RunLimits& limits);
    Result<std::shared_ptr<Session>> session_for(const Run& run, InstancePlan plan);
    std::shared_ptr<sandbox::Share> share_of(const Run& run);

    sandbox::Executor& executor_;
    interfaces::SharedServices services_;
    const RunServiceOptions options_;
    telemetry::Logger logger_;
    std::shared_ptr<Runs> runs_;
    std::shared_ptr<SessionTable> sessions_;
    base::Guarded<std::map<std::string, std::shared_ptr<sandbox::Share>>> shares_;  // by tenant
};

}  // namespace realm::serving
