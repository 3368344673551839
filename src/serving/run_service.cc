#include "serving/run_service.h"

#include <algorithm>
#include <chrono>
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

inference::Account account_of(const Run& run) {
    return {.tenant = run.tenant(), .weight = run.weight()};
}

interfaces::WasiConfig wasi_of(const Run& run, const std::string& program) {
    interfaces::WasiConfig wasi = run.wasi();
    wasi.arguments.insert(wasi.arguments.begin(), program);
    return wasi;
}

void add(sandbox::RunUsage& sum, const sandbox::RunUsage& usage) {
    sum.cpu += usage.cpu;
    sum.polls += usage.polls;
    sum.yields += usage.yields;
    sum.suspensions += usage.suspensions;
    sum.memory_bytes = usage.memory_bytes;
}

}  // namespace

// A run and what each attempt at it is made of.
struct RunService::Order {
    std::shared_ptr<const sandbox::Program> program;
    std::shared_ptr<Run> run;
    std::shared_ptr<const StepOrder> steps;  // null: the entry is called
    RunLimits limits;                        // of all attempts together
    base::SteadyTime deadline;
    sandbox::RunUsage used{};  // by the attempts that are over

    // The limits, with what they have left for an attempt that begins now.
    [[nodiscard]] RunLimits attempt_limits(base::SteadyTime now) const {
        using std::chrono::milliseconds;
        RunLimits all = limits;
        if (run->attempt() > 1) {
            all.instance.cpu_used = std::chrono::floor<milliseconds>(used.cpu);
            all.instance.wall_used =
                all.instance.wall - std::chrono::ceil<milliseconds>(deadline - now);
        }
        return all;
    }
};

// Runs by address; shared with the callbacks of executions.
struct RunService::Runs {
    struct Entry {
        std::shared_ptr<Run> run;
        std::shared_ptr<RetryWait> wait;  // null where an attempt is under way
    };

    mutable std::mutex mutex;
    std::condition_variable idle;
    std::unordered_map<const Run*, Entry> active;
    std::size_t beginning = 0;  // attempts that the end of a wait is just beginning
    bool stopping = false;
    RunCounters counters;

    void remove(const Run* run) {
        const std::lock_guard lock(mutex);
        active.erase(run);
        idle.notify_all();
    }

    // False when the service is stopping.
    bool begin_wait(const Run* run, std::shared_ptr<RetryWait> wait) {
        const std::lock_guard lock(mutex);
        if (!stopping) {
            active.at(run).wait = std::move(wait);
        }
        return !stopping;
    }

    // False when no attempt may follow; else end_beginning() does.
    bool end_wait(const Run* run, bool cancelled) {
        const std::lock_guard lock(mutex);
        active.at(run).wait.reset();
        if (cancelled || stopping) {
            return false;
        }
        ++beginning;
        ++counters.retries;
        return true;
    }

    void end_beginning() {
        const std::lock_guard lock(mutex);
        --beginning;
        idle.notify_all();
    }

    // Refuses runs and attempts; what waits for its next attempt ends.
    void stop() {
        std::vector<std::shared_ptr<RetryWait>> waits;
        {
            const std::lock_guard lock(mutex);
            stopping = true;
            for (const auto& [key, entry] : active) {
                if (entry.wait) {
                    waits.push_back(entry.wait);
                }
            }
        }
        for (const auto& wait : waits) {
            wait->hurry();
        }
    }
};

RunService::RunService(sandbox::Executor& executor, interfaces::SharedServices services,
                       const RunServiceOptions& options, telemetry::Logger logger)
    : executor_(executor),
      services_(services),
      options_(options),
      policy_(options.retry),
      logger_(std::move(logger)),
      runs_(std::make_shared<Runs>()),
      sessions_(std::make_shared<SessionTable>(options.max_sessions)) {}

RunService::~RunService() {
    runs_->stop();
    std::unique_lock lock(runs_->mutex);
    runs_->idle.wait(lock, [this] { return runs_->active.empty() && runs_->beginning == 0; });
}

Result<std::shared_ptr<Run>> RunService::start(std::shared_ptr<const sandbox::Program> program,
                                               RunRequest request, std::shared_ptr<RunSink> sink) {
    RunLimits limits = request.limits.value_or(options_.limits);
    std::chrono::milliseconds& wall = limits.bounds.wall;
    if (request.meta.deadline_ms) {
        wall = std::min(wall, std::chrono::milliseconds(*request.meta.deadline_ms));
    }
    limits.instance.wall = wall;
    auto steps = std::exchange(request.steps, std::nullopt);
    auto run = std::make_shared<Run>(std::move(request), program->name(), limits.bounds,
                                     std::move(sink), logger_);
    auto order = std::make_shared<Order>(
        Order{.program = std::move(program),
              .run = run,
              .steps = steps ? std::make_shared<const StepOrder>(std::move(*steps)) : nullptr,
              .limits = limits,
              .deadline = services_.time.now() + wall});
    if (auto admitted = admit(run); !admitted) {
        return std::unexpected(std::move(admitted.error()));
    }
    auto begun = begin(order);
    if (!begun && !retry(order, begun.error())) {
        const Error error = final_error(*order, begun.error());
        runs_->remove(run.get());
        return std::unexpected(error);
    }
    return run;
}

Result<void> RunService::admit(const std::shared_ptr<Run>& run) {
    const std::lock_guard lock(runs_->mutex);
    if (runs_->stopping) {
        return fail(ErrorType::kUnavailable, "stopping", "The server is shutting down.");
    }
    if (runs_->active.size() >= options_.max_runs) {
        return fail(ErrorType::kOverloaded, "too_many_runs",
                    "The server runs " + std::to_string(options_.max_runs) +
                        " requests already; try again in a moment.");
    }
    runs_->active.emplace(run.get(), Runs::Entry{.run = run, .wait = nullptr});
    return {};
}

Result<void> RunService::begin(const SharedOrder& order) {
    const auto& run = order->run;
    const RunLimits limits = order->attempt_limits(services_.time.now());
    auto on_end = [this, order](sandbox::RunOutcome outcome) {
        conclude(order, std::move(outcome));
    };
    if (run->session().empty() && !order->steps) {
        auto host =
            std::make_shared<interfaces::RunHost>(services_, limits.host, account_of(*run), run,
                                                  run, wasi_of(*run, order->program->name()));
        const std::uint32_t attempt = run->attempt();
        run->attach(executor_.start(order->program, run->entry(), std::move(host), limits.instance,
                                    std::move(on_end), share_of(*run)),
                    attempt);
        return {};
    }
    auto conventions = order->steps ? order->steps->conventions : sandbox::Conventions();
    auto plan = plan_for(order->program, std::move(conventions), *run, limits);
    auto session = session_for(*run, std::move(plan));
    return session ? start_in(*session, *order, limits.instance.job(), std::move(on_end))
                   : std::unexpected(std::move(session.error()));
}

Result<void> RunService::start_in(const std::shared_ptr<Session>& session, const Order& order,
                                  const sandbox::JobLimits& limits,
                                  sandbox::KeptGuest::OnEnd on_end) {
    if (!order.steps) {
        return session->start(order.run, limits, std::move(on_end));
    }
    if (order.run->session().empty()) {
        // One that nobody can name ends with its request.
        on_end = [session, on_end = std::move(on_end)](sandbox::RunOutcome outcome) mutable {
            session->end(ended_by_client());
            on_end(std::move(outcome));
        };
    }
    return session->start_steps(order.run, order.steps, limits, std::move(on_end));
}

void RunService::conclude(const SharedOrder& order, sandbox::RunOutcome outcome) {
    add(order->used, outcome.usage);
    outcome.usage = order->used;
    const Run& run = *order->run;
    if (const Error* const found = run.failure(outcome.error ? &*outcome.error : nullptr)) {
        // A copy: what the program said is forgotten with its attempt.
        const Error failure = *found;
        if (retry(order, failure)) {
            return;
        }
        if (Error last = final_error(*order, failure); last != failure) {
            outcome.error = std::move(last);
        }
    } else if (run.attempt() > 1) {
        const std::lock_guard lock(runs_->mutex);
        ++runs_->counters.recovered;
    }
    finish(*order, std::move(outcome));
}

bool RunService::retry(const SharedOrder& order, const Error& failure) {
    Run& run = *order->run;
    const base::SteadyTime now = services_.time.now();
    const auto wait = policy_.wait_after({.error = failure,
                                          .attempt = run.attempt(),
                                          .had_effect = run.had_effect(),
                                          .now = now,
                                          .deadline = order->deadline});
    if (!wait || order->used.cpu >= order->limits.instance.cpu) {
        return false;
    }
    auto pause = std::make_shared<RetryWait>(
        services_.time,
        [this, order, last = final_error(*order, failure)](std::optional<Error> cancelled) {
            resume(order, last, std::move(cancelled));
        });
    // Until it is over the wait stands for the next attempt. Once it is known it may end any time.
    const std::uint32_t attempt = run.begin_attempt();
    const bool stopping = !runs_->begin_wait(&run, pause);
    run.attach(pause, attempt);
    if (stopping) {
        pause->hurry();
    } else {
        pause->begin(now + *wait);
    }
    return true;
}

void RunService::resume(const SharedOrder& order, const Error& last,
                        std::optional<Error> cancelled) {
    const auto runs = runs_;
    const Run& run = *order->run;
    if (!runs->end_wait(&run, cancelled.has_value())) {
        finish(*order, {.error = cancelled ? std::move(cancelled) : std::optional(last),
                        .usage = order->used});
        return;
    }
    logger_.info("run is tried again", {{"run", run.id()},
                                        {"tenant", run.tenant()},
                                        {"code", last.code},
                                        {"attempt", run.attempt()}});
    if (auto begun = begin(order); !begun) {
        conclude(order, {.error = std::move(begun.error()), .usage = {}});
    }
    runs->end_beginning();
}

void RunService::finish(const Order& order, sandbox::RunOutcome outcome) {
    const auto runs = runs_;
    order.run->end(std::move(outcome));
    runs->remove(order.run.get());
}

Error RunService::final_error(const Order& order, const Error& failure) const {
    const bool advised = is_transient(failure) && !order.run->had_effect();
    return advised ? policy_.with_advice(failure, order.run->attempt()) : failure;
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
            .share = share_of(run),
            .account = account_of(run)};
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

RunCounters RunService::counters() const {
    const std::lock_guard lock(runs_->mutex);
    return runs_->counters;
}

void RunService::stop_admission() {
    runs_->stop();
}

void RunService::cancel_all(const Error& reason) {
    std::vector<std::shared_ptr<Run>> runs;
    {
        const std::lock_guard lock(runs_->mutex);
        for (const auto& [key, entry] : runs_->active) {
            runs.push_back(entry.run);
        }
    }
    for (const auto& run : runs) {
        run->cancel(reason);
    }
}

}  // namespace realm::serving
