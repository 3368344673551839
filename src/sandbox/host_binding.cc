#include "sandbox/host_binding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <set>
#include <string_view>
#include <utility>

#include "sandbox/fiber_scope.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::size_t kMostParameters = 32;

static_assert(sizeof(RawValue) == sizeof(wasmtime_val_raw_t));
static_assert(alignof(RawValue) <= alignof(wasmtime_val_raw_t));

// Runs `work`; no exception leaves it.
template <class Work>
void run_caught(const HostFunction& function, HostCall& call, Work&& work) {
    const auto failed = [&](std::string_view why) {
        call.fail(make_error(ErrorType::kInternal, "host_function_failed",
                             fmt::format("{} failed: {}", function.name, why)));
    };
    try {
        work();
    } catch (const std::exception& exception) {
        failed(exception.what());
    } catch (...) {
        failed("unknown exception");
    }
}

void log_call(const Instance& instance, const HostFunction& function,
              std::span<const RawValue> arguments) {
    if (const DebugLog* const log = instance.debug_log()) [[unlikely]] {
        log->host_call(function, arguments);
    }
}

// The trap for what came of a call, if it ends the guest.
wasm_trap_t* trap_of(Instance& instance, const HostFunction& function, HostCall& call) {
    if (auto error = call.take_error()) {
        add_context(*error, fmt::format("host function '{}.{}'", function.module, function.name));
        if (error->type == ErrorType::kProgramTrap) {
            error->message =
                fmt::format("program '{}': {}", instance.program_name(), error->message);
        }
        return instance.end_with(std::move(*error));
    }
    return call.ends_run() ? instance.end_well() : nullptr;
}

wasm_trap_t* call_immediate(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                            std::size_t count) noexcept {
    [[maybe_unused]] const FiberScope scope;
    Instance& instance = Instance::of(wasmtime_caller_context(caller));
    const auto& function = *static_cast<const HostFunction*>(env);
    HostCall call(instance.host(), function.name, instance.memory(caller),
                  {reinterpret_cast<RawValue*>(values), count}, instance.port());
    log_call(instance, function, {reinterpret_cast<RawValue*>(values), count});
    run_caught(function, call, [&] { function.thunk(call); });
    return trap_of(instance, function, call);
}

bool nothing_to_wait_for(void* /*env*/) noexcept {
    return true;
}

// Asked by Wasmtime at each poll while the call is open.
bool poll_answer(void* env) noexcept {
    [[maybe_unused]] const FiberScope scope;
    auto& open = *static_cast<Instance::OpenCall*>(env);
    auto answer = open.instance->port().take_answer();
    if (!answer) {
        return false;
    }
    if (const auto* const value = std::get_if<std::int32_t>(&*answer)) {
        open.result->of.i32 = *value;
        return true;
    }
    Instance& instance = *open.instance;
    HostCall call(instance.host(), open.function->name, instance.memory(), {}, instance.port());
    run_caught(*open.function, call, [&] {
        if (auto* const error = std::get_if<Error>(&*answer)) {
            call.fail(std::move(*error));
        } else if (auto value = std::get<Finish>(*answer)(call.memory())) {
            open.result->of.i32 = *value;
        } else {
            call.fail(std::move(value.error()));
        }
    });
    *open.trap = trap_of(instance, *open.function, call);
    return true;
}

RawValue raw_value(const wasmtime_val_t& value) {
    RawValue raw;
    raw.i64 = 0;
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
        default:
            raw.f64 = value.of.f64;
    }
    return raw;
}

void call_suspending(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* arguments,
                     std::size_t argument_count, wasmtime_val_t* results,
                     std::size_t /*result_count*/, wasm_trap_t** trap,
                     wasmtime_async_continuation_t* continuation) noexcept {
    [[maybe_unused]] const FiberScope scope;
    // Wasmtime ends the process where none is set, also when the call traps.
    *continuation = {.callback = &nothing_to_wait_for, .env = nullptr, .finalizer = nullptr};
    Instance& instance = Instance::of(wasmtime_caller_context(caller));
    const auto& function = *static_cast<const HostFunction*>(env);
    std::array<RawValue, kMostParameters> values;
    std::transform(arguments, arguments + argument_count, values.begin(), raw_value);
    HostCall call(instance.host(), function.name, instance.memory(caller),
                  {values.data(), argument_count}, instance.port());
    log_call(instance, function, {values.data(), argument_count});
    results[0].kind = WASMTIME_I32;
    results[0].of.i32 = 0;
    run_caught(function, call,
               [&] { function.suspending_thunk(call, Completion(instance.port().open_call())); });
    if (wasm_trap_t* const ended = trap_of(instance, function, call)) {
        *trap = ended;
        return;
    }
    instance.open_call = {
        .instance = &instance, .function = &function, .result = results, .trap = trap};
    continuation->callback = &poll_answer;
    continuation->env = &instance.open_call;
}

wasm_trap_t* call_unknown(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* /*values*/,
                          std::size_t /*count*/) noexcept {
    [[maybe_unused]] const FiberScope scope;
    Instance& instance = Instance::of(wasmtime_caller_context(caller));
    const auto& import = *static_cast<const UnknownImport*>(env);
    return instance.end_with(make_error(
        ErrorType::kProgramTrap, "unknown_import",
        fmt::format("program '{}' called import '{}', which this server does not provide",
                    instance.program_name(), import.full_name)));
}

wasm_valtype_t* new_type(ValueType type) {
    switch (type) {
        case ValueType::kI32:
            return wasm_valtype_new(WASM_I32);
        case ValueType::kI64:
            return wasm_valtype_new(WASM_I64);
        case ValueType::kF32:
            return wasm_valtype_new(WASM_F32);
        case ValueType::kF64:
            break;
    }
    return wasm_valtype_new(WASM_F64);
}

FunctionTypeHandle new_function_type(const Signature& signature) {
    const auto fill = [](wasm_valtype_vec_t& into, const std::vector<ValueType>& types) {
        wasm_valtype_vec_new_uninitialized(&into, types.size());
        std::ranges::transform(types, into.data, new_type);
    };
    wasm_valtype_vec_t parameters;
    wasm_valtype_vec_t results;
    fill(parameters, signature.parameters);
    fill(results, signature.results);
    return FunctionTypeHandle(wasm_functype_new(&parameters, &results));
}

Result<void> to_result(wasmtime_error_t* raw, std::string_view name) {
    const ErrorHandle error(raw);
    if (!error) {
        return {};
    }
    return fail(ErrorType::kInternal, "bad_import_table",
                fmt::format("cannot define {}: {}", name, message_of(*error)));
}

}  // namespace

Result<void> define_host_functions(wasmtime_linker_t* linker,
                                   std::span<const HostFunction> functions) {
    for (const HostFunction& function : functions) {
        const bool suspends = function.suspending_thunk != nullptr;
        if (suspends == (function.thunk != nullptr) ||
            function.signature.parameters.size() > kMostParameters ||
            (suspends && function.signature.results != std::vector{ValueType::kI32})) {
            return fail(ErrorType::kInternal, "bad_import_table",
                        fmt::format("{} is no proper host function", function.name));
        }
        const FunctionTypeHandle type = new_function_type(function.signature);
        auto* const self = const_cast<HostFunction*>(&function);  // only ever read
        wasmtime_error_t* const error =
            suspends
                ? wasmtime_linker_define_async_func(
                      linker, function.module.data(), function.module.size(), function.name.data(),
                      function.name.size(), type.get(), &call_suspending, self, nullptr)
                : wasmtime_linker_define_func_unchecked(
                      linker, function.module.data(), function.module.size(), function.name.data(),
                      function.name.size(), type.get(), &call_immediate, self, nullptr);
        if (auto defined = to_result(error, function.name); !defined) {
            return defined;
        }
    }
    return {};
}

namespace {

// One import that no host function provides.
struct OtherImport {
    std::string_view module;
    std::string_view name;
    const wasm_functype_t* type = nullptr;
};

std::vector<wasm_valkind_t> kinds_of(const wasm_valtype_vec_t* types) {
    std::vector<wasm_valkind_t> kinds;
    for (std::size_t i = 0; i < types->size; ++i) {
        kinds.push_back(wasm_valtype_kind(types->data[i]));
    }
    return kinds;
}

wasmtime_error_t* define_unchecked(wasmtime_linker_t* linker, const OtherImport& import,
                                   wasmtime_func_unchecked_callback_t callback, void* env) {
    return wasmtime_linker_define_func_unchecked(linker, import.module.data(), import.module.size(),
                                                 import.name.data(), import.name.size(),
                                                 import.type, callback, env, nullptr);
}

wasmtime_error_t* define_adapted(wasmtime_linker_t* linker, const OtherImport& import,
                                 const glue::Import& described, Program::Impl& program) {
    const bool calls = described.unsupported.empty() &&
                       program.bindgen->functions()[described.function].body.may_call;
    auto made = std::make_unique<AdaptedImport>();
    made->import = &described;
    made->parameters = kinds_of(wasm_functype_params(import.type));
    made->results = kinds_of(wasm_functype_results(import.type));
    // What the raw form cannot be trusted with goes the way that checks types.
    const auto unusual = [](wasm_valkind_t kind) {
        return kind != WASM_I32 && kind != WASM_I64 && kind != WASM_F32 && kind != WASM_F64 &&
               kind != WASM_EXTERNREF;
    };
    made->may_call = calls || described.catches || made->parameters.size() > kMostParameters ||
                     made->results.size() > 1 || std::ranges::any_of(made->results, unusual) ||
                     std::ranges::any_of(made->parameters, unusual);
    AdaptedImport* const env = made.get();
    program.adapted_imports.push_back(std::move(made));
    return env->may_call
               ? wasmtime_linker_define_async_func(
                     linker, import.module.data(), import.module.size(), import.name.data(),
                     import.name.size(), import.type, &call_adapted_suspending, env, nullptr)
               : define_unchecked(linker, import, &call_adapted, env);
}

wasmtime_error_t* define_other(wasmtime_linker_t* linker, const OtherImport& import,
                               Program::Impl& program) {
    if (program.bindgen) {
        if (const auto* const described = program.bindgen->bindings().find_import(import.name)) {
            return define_adapted(linker, import, *described, program);
        }
    }
    program.unknown_imports.push_back(std::make_unique<UnknownImport>(
        fmt::format("{}.{}", shown(import.module), shown(import.name))));
    return define_unchecked(linker, import, &call_unknown, program.unknown_imports.back().get());
}

}  // namespace

Result<void> define_other_imports(wasmtime_linker_t* linker, std::span<const HostFunction> known,
                                  Program::Impl& program) {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    OwnedImports imports;
    wasmtime_module_imports(program.module.get(), &imports.value);
    for (std::size_t i = 0; i < imports.value.size; ++i) {
        const wasm_importtype_t* const import = imports.value.data[i];
        const OtherImport other{
            .module = text_of(*wasm_importtype_module(import)),
            .name = text_of(*wasm_importtype_name(import)),
            .type = wasm_externtype_as_functype_const(wasm_importtype_type(import))};
        const bool provided = find_function(known, other.module, other.name) != nullptr;
        if (other.type == nullptr || provided || !seen.emplace(other.module, other.name).second) {
            continue;
        }
        if (auto defined = to_result(define_other(linker, other, program), other.name); !defined) {
            return defined;
        }
    }
    return {};
}

}  // namespace realm::sandbox
