#include "interfaces/tests/guest_harness.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace realm::interfaces::testing {
namespace {

std::string type_of(const sandbox::Signature& signature) {
    const auto name = [](sandbox::ValueType type) {
        return type == sandbox::ValueType::kI64   ? " i64"
               : type == sandbox::ValueType::kF32 ? " f32"
                                                  : " i32";
    };
    std::string text;
    for (const sandbox::ValueType type : signature.parameters) {
        text += std::string(" (param") + name(type) + ")";
    }
    for (const sandbox::ValueType type : signature.results) {
        text += std::string(" (result") + name(type) + ")";
    }
    return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    const std::size_t at = text.find(what);
    return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

}  // namespace

GuestTest::GuestTest() {
    sandbox::RuntimeOptions options;
    options.max_instances = 4;
    auto runtime = sandbox::Runtime::create(options, host_functions());
    EXPECT_TRUE(runtime.has_value());
    runtime_ = *runtime;
    executor_ = std::make_unique<sandbox::Executor>(runtime_, sandbox::ExecutorOptions{});
}

std::string GuestTest::module(const std::string& body, const std::string& data) {
    std::string text = "(module\n";
    for (const sandbox::HostFunction& function : host_functions()) {
        if (body.contains("$" + function.name)) {
            text += "(import \"" + function.module + "\" \"" + function.name + "\" (func $" +
                    function.name + type_of(function.signature) + "))\n";
        }
    }
    return text + R"((memory (export "memory") 1)
        (func (export "realm_abi_version") (result i32) i32.const 65536)
        (data (i32.const 64) ")" +
           data + R"(")
        (func (export "realm_run") )" +
           body + "))";
}

std::future<sandbox::RunOutcome> GuestTest::start(std::span<const std::byte> wasm,
                                                  const std::string& entry, WasiConfig wasi) {
    std::promise<sandbox::RunOutcome> promise;
    auto ended = promise.get_future();
    auto program = runtime_->compile("guest", wasm);
    if (!program) {
        ADD_FAILURE() << program.error().message;
        promise.set_value({.error = program.error(), .usage = {}});
        return ended;
    }
    const SharedServices services{.models = models_, .workers = workers_, .time = time_};
    auto host = std::make_shared<RunHost>(services, RunHostLimits{}, inference::Account{}, run_,
                                          log_, std::move(wasi));
    executor_->start(*program, entry, std::move(host), {},
                     [promise = std::move(promise)](sandbox::RunOutcome outcome) mutable {
                         promise.set_value(std::move(outcome));
                     });
    return ended;
}

std::optional<Error> GuestTest::run(const std::string& wat, WasiConfig wasi) {
    return start(base::as_bytes(wat), "realm_run", std::move(wasi)).get().error;
}

void GuestTest::expect_status(const std::string& call, std::int32_t expected,
                              const std::string& data) {
    const auto error = run(module("(if (i32.ne " + call + " (i32.const " +
                                      std::to_string(expected) + ")) (then unreachable))",
                                  data));
    EXPECT_FALSE(error.has_value()) << call << ": " << error->message;
}

std::string call_of(const PointerCase& item, std::uint32_t pointer, std::uint32_t count) {
    const auto constant = [](std::uint32_t value) {
        return "(i32.const " + std::to_string(static_cast<std::int32_t>(value)) + ")";
    };
    const std::string arguments =
        replaced(replaced(item.arguments, "%P", constant(pointer)), "%N", constant(count));
    const std::string call = std::string("(call $") + item.function + " " + arguments + ")";
    return std::string(item.function) == "realm_log" ? call : "(drop " + call + ")";
}

}  // namespace realm::interfaces::testing
