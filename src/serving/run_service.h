// Starts runs and keeps track of them: admission, the host object, the end.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "interfaces/run_host.h"
#include "sandbox/executor.h"
#include "serving/run.h"
#include "telemetry/log.h"

namespace realm::serving {

struct RunServiceOptions {
    std::size_t max_runs = 256;
    RunBounds bounds;
    interfaces::RunHostLimits host;
    sandbox::InstanceLimits instance;
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

    // Starts `program` in a fresh instance. A deadline in the meta shortens the wall limit.
    // overloaded/too_many_runs: the server runs as many as it may; unavailable: it is stopping.
    // The sink is used only when a run is returned.
    Result<std::shared_ptr<Run>> start(std::shared_ptr<const sandbox::Program> program,
                                       RunRequest request, std::shared_ptr<RunSink> sink);

    [[nodiscard]] std::size_t running() const;
    // Refuses new runs from now on.
    void stop_admission();
    void cancel_all(const Error& reason);

private:
    struct Runs;

    sandbox::Executor& executor_;
    interfaces::SharedServices services_;
    const RunServiceOptions options_;
    telemetry::Logger logger_;
    std::shared_ptr<Runs> runs_;
};

}  // namespace realm::serving
