#include "sandbox/bindgen_import.h"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <memory>
#include <utility>

#include "sandbox/bindgen_host.h"
#include "sandbox/fiber_scope.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

using values::Eventual;
using values::Thrown;
using JsValue = values::Value;

constexpr std::size_t kMostParameters = 32;

// Ends the guest's frames with what was thrown.
wasm_trap_t* trap_with(BindgenHost& host, const AdaptedImport& import, Thrown thrown) {
    Instance& instance = host.instance();
    if (thrown.is_fault()) {
        Error error = thrown.fault();
        add_context(error, fmt::format("import '{}'", shown(import.import->name)));
        return instance.end_with(std::move(error));
    }
    host.throw_through(std::move(thrown));
    return new_trap("an import threw an error");
}

values::Completion<void> check_supported(BindgenHost& host, const AdaptedImport& import) {
    if (import.import->unsupported.empty()) {
        return {};
    }
    return std::unexpected(Thrown(make_error(
        ErrorType::kProgramTrap, "unknown_import",
        fmt::format("program '{}' called import '{}', which this server does not provide: {}",
                    host.instance().program_name(), shown(import.import->name),
                    shown(import.import->unsupported)))));
}

Eventual<JsValue> call_body(BindgenHost& host, const AdaptedImport& import,
                            std::span<const JsValue> arguments) {
    if (auto supported = check_supported(host, import); !supported) {
        return std::unexpected(std::move(supported.error()));
    }
    return host.call_function(import.import->function, {}, JsValue(), arguments);
}

// `catch`: what is thrown is kept for the guest, which asks for it when the call has returned.
Eventual<JsValue> store_thrown(BindgenHost& host, JsValue thrown) {
    const std::string& name = host.plan().bindings().helpers.exn_store;
    const GuestFunction* const store = co_await host.wasm_function(name);
    const std::uint32_t handle = co_await host.add_handle(std::move(thrown));
    static_cast<void>(co_await host.call_words(*store, handle));
    co_return JsValue();
}

Eventual<wasmtime_val_t> run_import(BindgenHost& host, const AdaptedImport& import,
                                    std::vector<JsValue> arguments) {
    auto result = co_await values::caught(call_body(host, import, arguments));
    if (!result && import.import->catches && !result.error().is_fault() &&
        !host.plan().bindings().helpers.exn_store.empty()) {
        result = co_await values::caught(store_thrown(host, result.error().value()));
    }
    if (!result) {
        co_return std::unexpected(std::move(result.error()));
    }
    co_await host.check_values();
    if (import.results.empty()) {
        co_return wasmtime_val_t{};
    }
    if (const auto raw = host.to_raw(import.results.front(), *result)) {
        co_return *raw;
    }
    if (import.results.front() == WASM_I64 && result->is_undefined()) {
        wasmtime_val_t zero{};
        zero.kind = WASMTIME_I64;
        co_return zero;
    }
    wasmtime_val_t converted = co_await host.convert(import.results.front(), std::move(*result));
    co_return converted;
}

// A call that the guest waits in while another of its functions has given way.
struct OpenImport {
    BindgenHost* host = nullptr;
    const AdaptedImport* import = nullptr;
    wasmtime_val_t* results = nullptr;
    wasm_trap_t** trap = nullptr;
    BindgenActivation activation;
};

void settle(BindgenHost& host, const AdaptedImport& import,
            values::Completion<wasmtime_val_t> outcome, wasmtime_val_t* results,
            wasm_trap_t** trap) {
    if (!outcome) {
        *trap = trap_with(host, import, std::move(outcome.error()));
    } else if (!import.results.empty()) {
        results[0] = *outcome;
    }
}

Error host_failure(const AdaptedImport& import, std::string_view why) {
    return make_error(ErrorType::kInternal, "host_function_failed",
                      fmt::format("import '{}' failed: {}", shown(import.import->name), why));
}

// Runs `work`; what it throws ends the guest.
template <class Work>
void run_caught(BindgenHost& host, const AdaptedImport& import, wasm_trap_t** trap, Work&& work) {
    try {
        work();
    } catch (const std::exception& exception) {
        *trap = host.instance().end_with(host_failure(import, exception.what()));
    } catch (...) {
        *trap = host.instance().end_with(host_failure(import, "unknown exception"));
    }
}

bool poll_import(void* env) noexcept {
    [[maybe_unused]] const FiberScope scope;
    auto& open = *static_cast<OpenImport*>(env);
    const BindgenHost::StackScope stack(*open.host);
    bool done = true;
    run_caught(*open.host, *open.import, open.trap, [&] {
        while (open.activation.waiting != nullptr) {
            if (!open.activation.waiting->poll()) {
                done = false;
                return;
            }
        }
        settle(*open.host, *open.import, open.activation.outcome->take(), open.results, open.trap);
    });
    return done;
}

// Also where the guest is unwound in the middle of it.
void drop_import(void* env) noexcept {
    [[maybe_unused]] const FiberScope scope;
    const std::unique_ptr<OpenImport> open(static_cast<OpenImport*>(env));
    open->activation.outcome.reset();
    open->host->leave(open->activation);
}

bool nothing_to_wait_for(void* /*env*/) noexcept {
    return true;
}

JsValue from_raw(BindgenHost& host, wasm_valkind_t kind, const wasmtime_val_raw_t& raw) {
    wasmtime_val_t value{};
    switch (kind) {
        case WASM_I32:
            value.kind = WASMTIME_I32;
            value.of.i32 = raw.i32;
            break;
        case WASM_I64:
            value.kind = WASMTIME_I64;
            value.of.i64 = raw.i64;
            break;
        case WASM_F32:
            value.kind = WASMTIME_F32;
            value.of.f32 = raw.f32;
            break;
        case WASM_F64:
            value.kind = WASMTIME_F64;
            value.of.f64 = raw.f64;
            break;
        case WASM_EXTERNREF:
            value.kind = WASMTIME_EXTERNREF;
            wasmtime_externref_from_raw(host.context(), raw.externref, &value.of.externref);
            break;
        default:
            return {};
    }
    return host.take_raw(value);
}

void to_raw(BindgenHost& host, wasmtime_val_t value, wasmtime_val_raw_t& raw) {
    switch (value.kind) {
        case WASMTIME_I32:
            raw.i32 = value.of.i32;
            break;
        case WASMTIME_I64:
            raw.i64 = value.of.i64;
            break;
        case WASMTIME_F32:
            raw.f32 = value.of.f32;
            break;
        case WASMTIME_F64:
            raw.f64 = value.of.f64;
            break;
        case WASMTIME_EXTERNREF:
            raw.externref = wasmtime_externref_to_raw(host.context(), &value.of.externref);
            break;
        default:
            break;
    }
    wasmtime_val_unroot(&value);
}

values::Completion<wasmtime_val_t> immediate_result(BindgenHost& host, const AdaptedImport& import,
                                                    values::Completion<JsValue> result) {
    if (!result) {
        return std::unexpected(std::move(result.error()));
    }
    if (auto checked = host.check_values(); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    if (import.results.empty()) {
        return wasmtime_val_t{};
    }
    if (const auto raw = host.to_raw(import.results.front(), *result)) {
        return *raw;
    }
    // Of an object that would be a number: its conversion might call the guest, which cannot be
    // waited for here.
    JsValue primitive = result->is_object() ? JsValue() : std::move(*result);
    return host.convert(import.results.front(), std::move(primitive)).take();
}

}  // namespace

wasm_trap_t* call_adapted(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                          std::size_t /*count*/) noexcept {
    [[maybe_unused]] const FiberScope scope;
    BindgenHost& host = *Instance::of(wasmtime_caller_context(caller)).bindgen();
    const auto& import = *static_cast<const AdaptedImport*>(env);
    const BindgenHost::StackScope stack(host);
    wasm_trap_t* trap = nullptr;
    run_caught(host, import, &trap, [&] {
        std::array<JsValue, kMostParameters> arguments;
        for (std::size_t i = 0; i < import.parameters.size(); ++i) {
            arguments[i] = from_raw(host, import.parameters[i], values[i]);
        }
        const std::span given(arguments.data(), import.parameters.size());
        auto outcome = immediate_result(host, import, call_body(host, import, given).take());
        if (!outcome) {
            trap = trap_with(host, import, std::move(outcome.error()));
        } else if (!import.results.empty()) {
            to_raw(host, *outcome, values[0]);
        }
    });
    return trap;
}

void call_adapted_suspending(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* arguments,
                             std::size_t argument_count, wasmtime_val_t* results,
                             std::size_t /*result_count*/, wasm_trap_t** trap,
                             wasmtime_async_continuation_t* continuation) noexcept {
    [[maybe_unused]] const FiberScope scope;
    *continuation = {.callback = &nothing_to_wait_for, .env = nullptr, .finalizer = nullptr};
    BindgenHost& host = *Instance::of(wasmtime_caller_context(caller)).bindgen();
    const auto& import = *static_cast<const AdaptedImport*>(env);
    const BindgenHost::StackScope stack(host);
    run_caught(host, import, trap, [&] {
        auto open = std::make_unique<OpenImport>(&host, &import, results, trap);
        host.enter(open->activation);
        std::vector<JsValue> given;
        given.reserve(argument_count);
        for (std::size_t i = 0; i < argument_count; ++i) {
            given.push_back(host.value_of(arguments[i]));
        }
        try {
            open->activation.outcome.emplace(run_import(host, import, std::move(given)));
            if (!open->activation.outcome->ready()) {
                continuation->callback = &poll_import;
                continuation->finalizer = &drop_import;
                continuation->env = open.release();
                return;
            }
            settle(host, import, open->activation.outcome->take(), results, trap);
        } catch (...) {
            host.leave(open->activation);
            throw;
        }
        host.leave(open->activation);
    });
}

}  // namespace realm::sandbox
