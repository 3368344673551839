#include "harness.h"

#include <algorithm>
#include <chrono>

namespace realm::sandbox::testing {

void Probe::note(std::int32_t value) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(value);
    changed_.notify_all();
}

std::uint32_t Probe::text(std::string_view text) {
    const std::lock_guard lock(mutex_);
    text_ = text;
    return static_cast<std::uint32_t>(text.size());
}

void Probe::fill(std::span<std::uint32_t> out) {
    std::ranges::fill(out, 7U);
}

std::int64_t Probe::sum(std::span<const std::int64_t> values) {
    std::int64_t total = 0;
    for (const std::int64_t value : values) {
        total += value;
    }
    return total;
}

void Probe::move_point(In<Point> from, Out<Point> to) {
    to.set({from->x + 1, from->y + 2});
}

HostResult<std::int32_t> Probe::refuse(std::int32_t really) {
    if (really == 0) {
        return 12;
    }
    return fail(ErrorType::kQuotaExceeded, "no_more", "the quota is used up");
}

HostResult<std::int32_t> Probe::follow(Caller caller, In<std::uint32_t> where) {
    const auto byte = caller.memory().span<const std::uint8_t>(where.value, 1);
    if (!byte) {
        return std::unexpected(caller.bad_pointer("inner pointer", byte.error()));
    }
    return byte->front();
}

void Probe::wait(std::int32_t /*value*/, Completion done) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
    changed_.notify_all();
}

void Probe::wait_with(std::string_view text, Completion done) {
    this->text(text);
    wait(0, std::move(done));
}

void Probe::fail_later(Completion done) {
    done.trap(Error{.type = ErrorType::kRateLimited,
                    .code = "slow_down",
                    .message = "too fast",
                    .retryable = true,
                    .retry_after_ms = 20,
                    .details = {}});
}

void Probe::boom_waiting(Completion done) {
    wait(0, std::move(done));
    throw std::runtime_error("boom while waiting");
}

void Probe::wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& reached) {
    // Only a failing test gets near this.
    if (!changed_.wait_for(lock, std::chrono::seconds(60), reached)) {
        throw std::runtime_error("no guest did what the test waits for");
    }
}

Completion Probe::take_waiting() {
    std::unique_lock lock(mutex_);
    wait_until(lock, [this] { return !waiting_.empty(); });
    Completion first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
}

std::vector<std::int32_t> Probe::notes(std::size_t count) {
    std::unique_lock lock(mutex_);
    wait_until(lock, [&] { return notes_.size() >= count; });
    return notes_;
}

std::string Probe::last_text() {
    const std::lock_guard lock(mutex_);
    return text_;
}

std::vector<HostFunction> test_functions() {
    std::vector<HostFunction> functions;
    functions.push_back(bind<&TestHost::probe, &Probe::add>("realm_add"));
    // The name of another module's function.
    functions.push_back(bind<&TestHost::probe, &Probe::multiply>("realm_add", "elsewhere"));
    functions.push_back(bind<&TestHost::probe, &Probe::mix>("realm_mix"));
    functions.push_back(bind<&TestHost::probe, &Probe::note>("realm_note"));
    functions.push_back(bind<&TestHost::probe, &Probe::text>("realm_text"));
    functions.push_back(bind<&TestHost::probe, &Probe::fill>("realm_fill"));
    functions.push_back(bind<&TestHost::probe, &Probe::sum>("realm_sum"));
    functions.push_back(bind<&TestHost::probe, &Probe::move_point>("realm_move_point"));
    functions.push_back(bind<&TestHost::probe, &Probe::refuse>("realm_refuse"));
    functions.push_back(bind<&TestHost::probe, &Probe::follow>("realm_follow"));
    functions.push_back(bind<&TestHost::probe, &Probe::cpu>("realm_cpu"));
    functions.push_back(bind<&TestHost::probe, &Probe::leave>("realm_leave"));
    functions.push_back(bind<&TestHost::probe, &Probe::boom>("realm_boom"));
    functions.push_back(bind<&TestHost::probe, &Probe::boom_number>("realm_boom_number"));
    functions.push_back(bind<&TestHost::probe, &Probe::answer>("realm_answer"));
    functions.push_back(bind<&TestHost::probe, &Probe::wait>("realm_wait"));
    functions.push_back(bind<&TestHost::probe, &Probe::wait_with>("realm_wait_with"));
    functions.push_back(bind<&TestHost::probe, &Probe::drop>("realm_drop"));
    functions.push_back(bind<&TestHost::probe, &Probe::fail_later>("realm_fail_later"));
    functions.push_back(bind<&TestHost::probe, &Probe::boom_waiting>("realm_boom_waiting"));
    return functions;
}

std::string module_text(std::string_view imports, std::string_view body) {
    std::string text = "(module ";
    text += imports;
    text += R"( (func (export "realm_abi_version") (result i32) i32.const 65536) )";
    text += body;
    return text + ")";
}

RuntimeOptions small_options() {
    return {.max_instances = 32, .max_memory_bytes = std::uint64_t{4} << 20};
}

Harness::Harness(const ExecutorOptions& executor, const RuntimeOptions& runtime)
    : runtime_(Runtime::create(runtime, test_functions()).value()),
      executor_(std::make_unique<Executor>(runtime_, executor)) {}

Result<std::shared_ptr<const Program>> Harness::compile(std::string_view text) {
    return runtime_->compile("p", base::as_bytes(text));
}

Started Harness::start(const std::shared_ptr<const Program>& program, const InstanceLimits& limits,
                       std::string entry) {
    std::promise<RunOutcome> promise;
    auto future = promise.get_future();
    auto execution = executor_->start(program, std::move(entry), host_, limits,
                                      [promise = std::move(promise)](RunOutcome outcome) mutable {
                                          promise.set_value(std::move(outcome));
                                      });
    return {.execution = std::move(execution), .outcome = std::move(future)};
}

RunOutcome Harness::run(std::string_view text, const InstanceLimits& limits, std::string entry) {
    auto program = compile(text);
    if (!program) {
        ADD_FAILURE() << program.error().message;
        return {.error = program.error(), .usage = {}};
    }
    return start(*program, limits, std::move(entry)).outcome.get();
}

std::string code_of(const RunOutcome& outcome) {
    return outcome.error ? outcome.error->code : "";
}

std::string message_of(const RunOutcome& outcome) {
    return outcome.error ? outcome.error->message : "";
}

}  // namespace realm::sandbox::testing
