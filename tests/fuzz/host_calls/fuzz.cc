// A guest that calls host functions with whatever the input says: each call is the number of the
// function in interfaces::host_functions(), one byte, and then its arguments, little-endian. The
// input lies in the guest's memory from 0 on, so that pointers can mean it.

#include "tests/fuzz/fuzz.h"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/tests/manual_time.h"
#include "interfaces/run_host.h"
#include "interfaces/tests/fakes.h"
#include "sandbox/executor.h"

namespace {

using realm::fuzz::require;
using realm::sandbox::HostFunction;
using realm::sandbox::ValueType;

constexpr std::size_t kMostInput = 4096;

std::string_view name_of(ValueType type) {
    switch (type) {
        case ValueType::kI64:
            return "i64";
        case ValueType::kF32:
            return "f32";
        default:
            return "i32";
    }
}

std::string import_of(const HostFunction& function, std::size_t number) {
    std::string text = "(import \"" + function.module + "\" \"" + function.name + "\" (func $f" +
                       std::to_string(number);
    for (const ValueType type : function.signature.parameters) {
        text.append(" (param ").append(name_of(type)).append(")");
    }
    for (const ValueType type : function.signature.results) {
        text.append(" (result ").append(name_of(type)).append(")");
    }
    return text + "))\n";
}

// The call, when $number is this function's, with arguments from $at on; $at then is behind them.
std::string call_of(const HostFunction& function, std::size_t number) {
    const std::string own = std::to_string(number);
    std::string call = "(call $f" + own;
    std::size_t offset = 0;
    for (const ValueType type : function.signature.parameters) {
        call.append(" (").append(name_of(type)).append(".load offset=");
        call.append(std::to_string(offset)).append(" (local.get $at))");
        offset += type == ValueType::kI64 ? 8 : 4;
    }
    call += ")";
    return "(if (i32.eq (local.get $number) (i32.const " + own + ")) (then " +
           (function.signature.results.empty() ? call : "(drop " + call + ")") +
           "(local.set $at (i32.add (local.get $at) (i32.const " + std::to_string(offset) +
           ")))))\n";
}

std::string guest(const std::vector<HostFunction>& functions) {
    std::string imports;
    std::string calls;
    std::size_t read = 0;
    for (std::size_t i = 0; i < functions.size(); ++i) {
        imports += import_of(functions[i], i);
        calls += call_of(functions[i], i);
        read = functions[i].name == "realm_request_data" ? i : read;
    }
    return "(module " + imports + R"((memory (export "memory") 2 4)
        (func (export "realm_abi_version") (result i32) i32.const 65536)
        (func (export "realm_run") (local $at i32) (local $end i32) (local $number i32)
            (local.set $end (call $f)" +
           std::to_string(read) + R"( (i32.const 0) (i32.const 65536)))
            (loop $next
                (if (i32.ge_u (local.get $at) (local.get $end)) (then (return)))
                (local.set $number (i32.rem_u (i32.load8_u (local.get $at)) (i32.const )" +
           std::to_string(functions.size()) + R"()))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                )" +
           calls + "(br $next))))";
}

// Everything that lives from input to input.
struct Stage {
    Stage() {
        realm::sandbox::RuntimeOptions options;
        options.max_instances = 1;
        const auto functions = realm::interfaces::host_functions();
        runtime = realm::sandbox::Runtime::create(options, functions).value();
        executor =
            std::make_unique<realm::sandbox::Executor>(runtime, realm::sandbox::ExecutorOptions{});
        const std::string text = guest(functions);
        program = runtime->compile("fuzz", realm::base::as_bytes(text)).value();
    }

    realm::interfaces::ModelDirectory models;
    realm::interfaces::TextWorkers workers{{.threads = 1, .queue = 8}};
    std::shared_ptr<realm::sandbox::Runtime> runtime;
    std::shared_ptr<const realm::sandbox::Program> program;
    std::unique_ptr<realm::sandbox::Executor> executor;
};

Stage& stage() {
    static Stage stage;
    return stage;
}

// Lets a guest that waits for time have some years of it, then ends it.
void hurry(realm::base::testing::ManualTime& time, realm::sandbox::Execution& run,
           const std::future<realm::sandbox::RunOutcome>& ended) {
    constexpr int kTurns = 8;
    int turn = 0;
    while (ended.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
        if (time.timers() == 0) {
            continue;
        }
        if (turn == kTurns) {
            run.cancel(realm::fail(realm::ErrorType::kCancelled, "fuzz", "it waits").error());
            continue;
        }
        time.advance(std::chrono::seconds(1LL << (4 * turn)));
        ++turn;
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > kMostInput) {
        return 0;
    }
    using namespace realm::interfaces;
    Stage& there = stage();
    realm::base::testing::ManualTime time;
    const SharedServices services{.models = there.models, .workers = there.workers, .time = time};
    auto host = std::make_shared<RunHost>(
        services, RunHostLimits{}, realm::inference::Account{},
        std::make_shared<testing::FakeRun>(std::string(realm::fuzz::text_of(data, size))),
        std::make_shared<testing::FakeLog>(),
        WasiConfig{.arguments = {"fuzz", "argument"},
                   .environment = {"NAME=value"},
                   .scratch = {.bytes = 1U << 20, .entries = 16}});
    std::promise<realm::sandbox::RunOutcome> promise;
    auto ended = promise.get_future();
    const auto run = there.executor->start(
        there.program, "realm_run", std::move(host), {},
        [promise = std::move(promise)](realm::sandbox::RunOutcome outcome) mutable {
            promise.set_value(std::move(outcome));
        });
    hurry(time, *run, ended);
    const auto outcome = ended.get();
    require(!outcome.error || outcome.error->type != realm::ErrorType::kInternal,
            "no input is an internal error");
    return 0;
}
