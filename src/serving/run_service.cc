#include "serving/run_service.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace realm::serving {
namespace {

Error ended_by_client() {
    return fail(ErrorType::kCancelled, "session_closed", "The session was ended.").error();
}

interfaces::WasiConfig wasi_of(const Run& run, const std::string& program) {
    interfaces::WasiConfig wasi = run.wasi();
    wasi.arguments.insert(wasi.arguments.begin(), program);
    return wasi;
}

sandbox::JobLimits job_limits(const RunLimits& limits) {
    return {.cpu = limits.instance.cpu, .wall = limits.instance.wall};
}

}  // namespace

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
      runs_(std::make_shared<Runs>()),
      sessions_(std::make_shared<SessionTable>(options.max_sessions)) {}

RunService::~RunService() {
    std::unique_lock lock(runs_->mutex);
    runs_->stopping = true;
    runs_->empty.wait(lock, [this] { return runs_->active.empty(); });
}

Result<std::shared_ptr<Run>> RunService::start(std::shared_ptr<const sandbox::Program> program,
                                               RunRequest request, std::shared_ptr<RunSink> sink) {
    const std::string name = program->name();
    auto steps = std::exchange(request.steps, std::nullopt);
    return admit(
        name, std::move(request), std::move(sink),
        [&](const std::shared_ptr<Run>& run, const RunLimits& limits,
            sandbox::KeptGuest::OnEnd on_end) -> Result<void> {
            if (run->session().empty() && !steps) {
                auto host = std::make_shared<interfaces::RunHost>(services_, limits.host, run, run,
                                                                  wasi_of(*run, program->name()));
                run->attach(executor_.start(std::move(program), run->entry(), std::move(host),
                                            limits.instance, std::move(on_end), share_of(*run)));
                return {};
            }
            auto conventions = steps ? steps->conventions : sandbox::Conventions();
            auto plan = plan_for(std::move(program), std::move(conventions), *run, limits);
            auto session = session_for(*run, std::move(plan));
            return session ? start_in(*session, run, std::move(steps), limits, std::move(on_end))
                           : std::unexpected(std::move(session.error()));
        });
}

Result<void> RunService::start_in(const std::shared_ptr<Session>& session,
                                  const std::shared_ptr<Run>& run, std::optional<StepOrder> steps,
                                  const RunLimits& limits, sandbox::KeptGuest::OnEnd on_end) {
    if (!steps) {
        return session->start(run, job_limits(limits), std::move(on_end));
    }
    if (run->session().empty()) {
        // One that nobody can name ends with its request.
        on_end = [session, on_end = std::move(on_end)](sandbox::RunOutcome outcome) mutable {
            session->end(ended_by_client());
            on_end(std::move(outcome));
        };
    }
    return session->start_steps(run, std::move(steps->steps), job_limits(limits),
                                std::move(on_end));
}

Result<std::shared_ptr<Run>> RunService::admit(const std::string& program, RunRequest request,
                                               std::shared_ptr<RunSink> sink, const Begin& begin) {
    RunLimits limits = request.limits.value_or(options_.limits);
    RunBounds& bounds = limits.bounds;
    if (request.meta.deadline_ms) {
        bounds.wall = std::min(bounds.wall, std::chrono::milliseconds(*request.meta.deadline_ms));
    }
    limits.instance.wall = bounds.wall;
    auto run = std::make_shared<Run>(std::move(request), program, bounds, std::move(sink), logger_);
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
    auto begun = begin(run, limits, [runs = runs_, run](sandbox::RunOutcome outcome) {
        run->end(std::move(outcome));
        runs->remove(run.get());
    });
    if (!begun) {
        runs_->remove(run.get());
        return std::unexpected(std::move(begun.error()));
    }
    return run;
}

InstancePlan RunService::plan_for(std::shared_ptr<const sandbox::Program> program,
                                  sandbox::Conventions conventions, const Run& run,
                                  const RunLimits& limits) {
    auto wasi = wasi_of(run, program->name());
    return {.program = std::move(program),
            .conventions = std::move(conventions),
            .wasi = std::move(wasi),
            .host = limits.host,
            .limits = limits.instance,
            .share = share_of(run)};
}

Result<std::shared_ptr<Session>> RunService::session_for(const Run& run, InstancePlan plan) {
    if (run.session().empty()) {
        return Session::open(executor_, services_, std::move(plan), [](const Error&) {});
    }
    const SessionKey key{
        .tenant = run.tenant(), .program = plan.program->name(), .name = run.session()};
    return sessions_->obtain(key, [&](std::move_only_function<void(Error)> on_close) {
        return Session::open(executor_, services_, std::move(plan), std::move(on_close));
    });
}

std::shared_ptr<sandbox::Share> RunService::share_of(const Run& run) {
    return shares_.with([&](auto& shares) {
        auto& share = shares[run.tenant()];
        if (!share) {
            share = std::make_shared<sandbox::Share>(run.weight());
        }
        return share;
    });
}

Result<void> RunService::end_session(const SessionKey& key) {
    return sessions_->end(key, ended_by_client());
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
