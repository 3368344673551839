// Starts runs and keeps track of them: admission, the host object, attempts, the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/guarded.h"
#include "interfaces/run_host.h"
#include "sandbox/conventions.h"
#include "sandbox/executor.h"
#include "serving/retry.h"
#include "serving/run.h"
#include "serving/session_table.h"
#include "telemetry/log.h"

namespace realm::serving {

struct RunServiceOptions {
    std::size_t max_runs = 256;
    std::size_t max_sessions = 64;  // of one tenant
    RunLimits limits{};             // of a run that brings none of its own
    RetryOptions retry{};
};

struct RunCounters {
    std::uint64_t retries = 0;    // attempts after a run's first
    std::uint64_t recovered = 0;  // runs that ended well with one of those
    friend bool operator==(const RunCounters&, const RunCounters&) = default;
};

// Owned by the composition root; `executor` and `services` outlive it. Thread-safe.
class RunService {
public:
    RunService(sandbox::Executor& executor, interfaces::SharedServices services,
               const RunServiceOptions& options, telemetry::Logger logger);
    // Waits until the last run has ended; call cancel_all() before to make that soon. Nothing is
    // tried again meanwhile.
    ~RunService();
    RunService(const RunService&) = delete;
    RunService& operator=(const RunService&) = delete;

    // Calls the entry of `program`, in a fresh instance or, where the meta names a session, in that
    // of the session. A deadline in the meta shortens the wall limit. overloaded/too_many_runs: the
    // server runs as many as it may; unavailable: it is stopping; else what Session::start gives.
    // The sink is used only when a run is returned.
    //
    // A run that fails with a transient error (see retry.h) before it has had an effect is started
    // anew after a while, within its limits, which are those of all attempts together.
    Result<std::shared_ptr<Run>> start(std::shared_ptr<const sandbox::Program> program,
                                       RunRequest request, std::shared_ptr<RunSink> sink);

    // not_found/session_not_found.
    Result<void> end_session(const SessionKey& key);

    [[nodiscard]] std::size_t running() const;
    [[nodiscard]] RunCounters counters() const;
    // Refuses new runs and new attempts from now on.
    void stop_admission();
    void cancel_all(const Error& reason);

private:
    struct Runs;
    struct Order;
    using SharedOrder = std::shared_ptr<Order>;

    Result<void> admit(const std::shared_ptr<Run>& run);
    // Begins an attempt; when that succeeds it ends with conclude().
    Result<void> begin(const SharedOrder& order);
    Result<void> start_in(const std::shared_ptr<Session>& session, const Order& order,
                          const sandbox::JobLimits& limits, sandbox::KeptGuest::OnEnd on_end);
    // After an attempt: the next one, or the run's end.
    void conclude(const SharedOrder& order, sandbox::RunOutcome outcome);
    // Lets another attempt follow if it may.
    bool retry(const SharedOrder& order, const Error& failure);
    // After the wait that retry() began; `last` is the error if no attempt follows after all.
    void resume(const SharedOrder& order, const Error& last, std::optional<Error> cancelled);
    // The last use of the service for this run.
    void finish(const Order& order, sandbox::RunOutcome outcome);
    [[nodiscard]] Error final_error(const Order& order, const Error& failure) const;
    InstancePlan plan_for(std::shared_ptr<const sandbox::Program> program,
                          sandbox::Conventions conventions, const Run& run,
                          const RunLimits& limits);
    Result<std::shared_ptr<Session>> session_for(const Run& run, InstancePlan plan);
    std::shared_ptr<sandbox::Share> share_of(const Run& run);

    sandbox::Executor& executor_;
    interfaces::SharedServices services_;
    const RunServiceOptions options_;
    const RetryPolicy policy_;
    telemetry::Logger logger_;
    std::shared_ptr<Runs> runs_;
    std::shared_ptr<SessionTable> sessions_;
    base::Guarded<std::map<std::string, std::shared_ptr<sandbox::Share>>> shares_;  // by tenant
};

}  // namespace realm::serving
