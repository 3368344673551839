#include "serving/session.h"

#include <utility>

#include "base/task.h"
#include "envelope/error_table.h"
#include "sandbox/foreign_caller.h"
#include "serving/retry.h"

namespace realm::serving {
namespace {

using base::Task;
using envelope::Json;

// Ends a session whose program failed in the middle of its work.
bool leaves_unknown_state(const Error& error) {
    return error.type == ErrorType::kProgramTrap || error.type == ErrorType::kInternal;
}

Task<Result<void>> call_run(sandbox::Guest& guest, std::string entry) {
    auto results = co_await guest.call(entry, {});
    co_return results ? Result<void>() : std::unexpected(std::move(results.error()));
}

Error given_up() {
    return fail(ErrorType::kUnavailable, "instance_ended",
                "an earlier step left the instance in the middle of its work; send the steps that "
                "are left in another request, which gets a fresh instance")
        .error();
}

// Another attempt would find what this one left behind.
Error tried_again() {
    return fail(ErrorType::kUnavailable, "tried_again", "its first request is tried again").error();
}

}  // namespace

// What the program's host functions see as its run: the one that is served now. Written between
// jobs by the executor's thread.
class Session::Port final : public interfaces::RunPort, public interfaces::LogPort {
public:
    void serve(std::shared_ptr<Run> run) {
        if (run_) {
            run->mark_effect();  // it changes what earlier requests made
        }
        run_ = std::move(run);
    }

    [[nodiscard]] std::string_view data() const override { return run_->data(); }
    [[nodiscard]] std::string_view meta() const override { return run_->meta(); }
    [[nodiscard]] Result<void> check_chunk(std::size_t bytes) const override {
        return run_->check_chunk(bytes);
    }
    [[nodiscard]] Result<void> check_output(std::size_t bytes) const override {
        return run_->check_output(bytes);
    }
    void emit(std::string chunk, std::move_only_function<void(Result<void>)> done) override {
        run_->emit(std::move(chunk), std::move(done));
    }
    Result<void> reply(std::string json) override { return run_->reply(std::move(json)); }
    Result<void> fail(Error error) override { return run_->fail(std::move(error)); }
    [[nodiscard]] bool cancelled() const override { return run_->cancelled(); }
    [[nodiscard]] std::chrono::milliseconds time_left() const override { return run_->time_left(); }
    void line(std::int32_t level, std::string_view text) override { run_->line(level, text); }

private:
    std::shared_ptr<Run> run_;
};

struct Session::Caller {
    sandbox::ForeignCaller foreign;

    // False once a step has left the instance in the middle of its work.
    Task<Result<bool>> run(sandbox::Guest& guest, std::shared_ptr<Run> run,
                           std::shared_ptr<const StepOrder> order) {
        std::string results;
        bool usable = true;
        const sandbox::OnStepLine add = [&](std::string_view line) {
            if (order->on_line) {
                order->on_line(line);
                return;
            }
            results += results.empty() ? "" : ",";
            results += line;
        };
        for (const std::string& text : order->steps) {
            sandbox::StepResult made;
            auto step = sandbox::read_foreign_step(text);
            if (!step) {
                made.result = std::unexpected(std::move(step.error()));
            } else if (!usable) {
                made.result = std::unexpected(given_up());
            } else {
                made = co_await foreign.run(guest, std::move(*step), add);
            }
            add(step_line(made.result));
            usable = usable && !made.ends_instance;
        }
        auto replied = run->reply("{\"results\":[" + results + "]}");
        if (!replied) {
            co_return std::unexpected(std::move(replied.error()));
        }
        co_return usable;
    }
};

std::shared_ptr<Session> Session::open(sandbox::Executor& executor,
                                       const interfaces::SharedServices& services,
                                       InstancePlan plan,
                                       std::move_only_function<void(Error)> on_close) {
    std::shared_ptr<Session> session(new Session);
    session->port_ = std::make_shared<Port>();
    session->caller_ =
        std::make_shared<Caller>(sandbox::ForeignCaller(std::move(plan.conventions)));
    auto host =
        std::make_shared<interfaces::RunHost>(services, plan.host, std::move(plan.account),
                                              session->port_, session->port_, std::move(plan.wasi));
    session->host_ = host;
    session->guest_ = executor.keep(std::move(plan.program), std::move(host), plan.limits,
                                    std::move(on_close), std::move(plan.share));
    return session;
}

Result<void> Session::start(const std::shared_ptr<Run>& run, const sandbox::JobLimits& limits,
                            sandbox::KeptGuest::OnEnd on_end) {
    return submit(
        run, [entry = run->entry()](sandbox::Guest& guest) { return call_run(guest, entry); },
        limits,
        [guest = guest_, ending = ending_,
         on_end = std::move(on_end)](sandbox::RunOutcome outcome) mutable {
            if (outcome.error && leaves_unknown_state(*outcome.error)) {
                *ending = true;
                guest->cancel(*outcome.error);
            }
            on_end(std::move(outcome));
        });
}

Result<void> Session::start_steps(const std::shared_ptr<Run>& run,
                                  std::shared_ptr<const StepOrder> order,
                                  const sandbox::JobLimits& limits,
                                  sandbox::KeptGuest::OnEnd on_end) {
    return submit(
        run,
        [session = weak_from_this(), caller = caller_, run, order = std::move(order)](
            sandbox::Guest& guest) { return run_steps(session, caller, run, order, guest); },
        limits, std::move(on_end));
}

// All by value but the guest: it is the job's own coroutine.
Task<Result<void>> Session::run_steps(std::weak_ptr<Session> session,
                                      std::shared_ptr<Caller> caller, std::shared_ptr<Run> run,
                                      std::shared_ptr<const StepOrder> order,
                                      sandbox::Guest& guest) {
    const auto usable = co_await caller->run(guest, std::move(run), std::move(order));
    if (!usable) {
        co_return std::unexpected(usable.error());
    }
    if (const auto kept = session.lock(); kept && !*usable) {
        kept->end(given_up());
    }
    co_return Result<void>();
}

// All by value but the guest: it is the job's own coroutine.
Task<Result<void>> Session::serve(std::shared_ptr<Session> session, std::shared_ptr<Run> run,
                                  sandbox::Job job, sandbox::Guest& guest) {
    session->port_->serve(run);
    auto result = co_await job(guest);
    // What it has printed without ending its line belongs to its own run.
    if (const auto kept = session->host_.lock()) {
        kept->flush();
    }
    const Error* const failure = run->failure(result ? nullptr : &result.error());
    if (failure != nullptr && is_transient(*failure) && !run->had_effect()) {
        // From within the job: no other request gets the instance first.
        session->end(tried_again());
    }
    co_return result;
}

Result<void> Session::submit(const std::shared_ptr<Run>& run, sandbox::Job job,
                             const sandbox::JobLimits& limits, sandbox::KeptGuest::OnEnd on_end) {
    const std::uint32_t attempt = run->attempt();
    auto submitted = guest_->submit(
        [session = shared_from_this(), run, job = std::move(job)](sandbox::Guest& guest) mutable {
            return serve(session, run, std::move(job), guest);
        },
        limits, std::move(on_end));
    if (submitted) {
        run->attach(guest_, attempt);
        return {};
    }
    const bool busy = submitted.error().type == ErrorType::kConflict;
    return busy ? fail(ErrorType::kConflict, "session_busy",
                       "the session serves another request; wait for its end")
                : fail(ErrorType::kUnavailable, "session_ended", "the session has just ended");
}

void Session::end(Error reason) {
    *ending_ = true;
    guest_->cancel(std::move(reason));
}

std::string step_line(const Result<std::string>& result) {
    if (result) {
        return "{\"ok\":" + *result + "}";
    }
    const Error& error = result.error();
    return envelope::dump({{"error",
                            {{"type", envelope::error_row(error.type).name},
                             {"code", error.code},
                             {"message", error.message}}}});
}

}  // namespace realm::serving
