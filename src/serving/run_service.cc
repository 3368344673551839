#include "serving/run_service.h"

#include <algorithm>
#include <condition_variable>
#include <utility>
#include <vector>

namespace realm::serving {

// Runs by address; shared with the callbacks of executions.
struct RunService::Runs {
    mutable std::mutex mutex;
    std::condition_variable empty;
    std::unordered_map<const Run*, std::shared_ptr<Run>> active;
    bool stopping = false;

    void remove(const Run* run) {
        const std::lock_guard lock(mutex);
        active.erase(run);
        empty.notify_all();
    }
};

RunService::RunService(sandbox::Executor& executor, interfaces::SharedServices services,
                       const RunServiceOptions& options, telemetry::Logger logger)
    : executor_(executor),
      services_(services),
      options_(options),
      logger_(std::move(logger)),
      runs_(std::make_shared<Runs>()) {}

RunService::~RunService() {
    std::unique_lock lock(runs_->mutex);
    runs_->stopping = true;
    runs_->empty.wait(lock, [this] { return runs_->active.empty(); });
}

Result<std::shared_ptr<Run>> RunService::start(std::shared_ptr<const sandbox::Program> program,
                                               RunRequest request, std::shared_ptr<RunSink> sink) {
    RunBounds bounds = options_.bounds;
    if (request.meta.deadline_ms) {
        bounds.wall = std::min(bounds.wall, std::chrono::milliseconds(*request.meta.deadline_ms));
    }
    sandbox::InstanceLimits limits = options_.instance;
    limits.wall = bounds.wall;
    interfaces::WasiConfig wasi = std::move(request.wasi);
    wasi.arguments.insert(wasi.arguments.begin(), program->name());
    auto run = std::make_shared<Run>(std::move(request), program->name(), bounds, std::move(sink),
                                     logger_);
    {
        const std::lock_guard lock(runs_->mutex);
        if (runs_->stopping) {
            return fail(ErrorType::kUnavailable, "stopping", "The server is shutting down.");
        }
        if (runs_->active.size() >= options_.max_runs) {
            return fail(ErrorType::kOverloaded, "too_many_runs",
                        "The server runs " + std::to_string(options_.max_runs) +
                            " requests already; try again in a moment.");
        }
        runs_->active.emplace(run.get(), run);
    }
    auto host =
        std::make_shared<interfaces::RunHost>(services_, options_.host, run, run, std::move(wasi));
    run->attach(executor_.start(std::move(program), "realm_run", std::move(host), limits,
                                [runs = runs_, run](sandbox::RunOutcome outcome) {
                                    run->end(std::move(outcome));
                                    runs->remove(run.get());
                                }));
    return run;
}

std::size_t RunService::running() const {
    const std::lock_guard lock(runs_->mutex);
    return runs_->active.size();
}

void RunService::stop_admission() {
    const std::lock_guard lock(runs_->mutex);
    runs_->stopping = true;
}

void RunService::cancel_all(const Error& reason) {
    std::vector<std::shared_ptr<Run>> runs;
    {
        const std::lock_guard lock(runs_->mutex);
        for (const auto& [key, run] : runs_->active) {
            runs.push_back(run);
        }
    }
    for (const auto& run : runs) {
        run->cancel(reason);
    }
}

}  // namespace realm::serving
