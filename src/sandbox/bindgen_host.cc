#include "sandbox/bindgen_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/limit_error.h"
#include "sandbox/bindgen_eval.h"
#include "sandbox/bindgen_services.h"
#include "sandbox/bindgen_steps.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"
#include "values/bigint.h"
#include "values/collections.h"
#include "values/convert.h"
#include "values/error_object.h"
#include "values/operations.h"
#include "values/step_json.h"

namespace realm::sandbox {

using values::Arguments;
using values::Eventual;
using values::Thrown;
using JsValue = values::Value;

namespace {

values::WorldLimits world_limits(const BindgenLimits& limits) {
    values::WorldLimits made;
    made.heap = {.max_cells = limits.values, .max_bytes = limits.value_bytes};
    made.max_steps = limits.steps;
    made.max_timers = limits.timers;
    made.max_microtasks = limits.microtasks;
    return made;
}

// What a tree's function runs, and what it holds while it does.
Eventual<JsValue> run_function(BindgenHost& host, const BindgenFunction& function,
                               BindgenFrame frame) {
    const values::World::Depth depth(host.world());
    co_await depth.check();
    if (host.is_out_of_breath()) {
        BindgenBreath breath(host);
        co_await breath.taken();
    }
    BindgenEvaluator evaluator(host, frame);
    static_cast<void>(co_await evaluator.eval(function.body));
    co_return frame.flow == BindgenFlow::kReturn ? std::move(frame.result) : JsValue();
}

std::unexpected<Thrown> fault(ErrorType type, std::string_view code, std::string message) {
    return std::unexpected(Thrown(make_error(type, code, std::move(message))));
}

}  // namespace

class BindgenHost::Callable final : public values::Callable {
public:
    Callable(BindgenHost& host, std::uint32_t function, std::vector<JsValue> captured)
        : host_(host), function_(function), captured_(std::move(captured)) {}

    Eventual<JsValue> run(values::World& /*world*/, values::Call call) override {
        return host_.call_function(function_, captured_, std::move(call.self), call.arguments);
    }
    void trace(values::Tracer& tracer) const override {
        for (const JsValue& value : captured_) {
            value.trace(tracer);
        }
    }
    void clear() override { captured_.clear(); }

private:
    BindgenHost& host_;
    std::uint32_t function_;
    std::vector<JsValue> captured_;
};

BindgenHost::BindgenHost(Instance& instance, std::shared_ptr<const BindgenPlan> plan,
                         const BindgenLimits& limits, std::size_t stack_bytes)
    : instance_(instance),
      plan_(std::move(plan)),
      limits_(limits),
      services_(std::make_unique<BindgenServices>(instance)),
      world_(*services_, world_limits(limits)),
      texts_(plan_->texts().size()),
      keys_(plan_->texts().size()),
      wasm_exports_(plan_->wasm_names().size()),
      variables_(plan_->bindings().variables.size()),
      classes_(plan_->bindings().classes.size()),
      slab_(plan_->bindings().slab_reserved),
      collect_at_cells_(limits.values / 2),
      collect_at_bytes_(limits.value_bytes / 2),
      stack_bytes_(stack_bytes),
      steps_(std::make_unique<BindgenSteps>(*this)) {}

BindgenHost::~BindgenHost() = default;

wasmtime_context_t* BindgenHost::context() const {
    return instance_.context();
}

bool BindgenHost::is_out_of_breath() {
    constexpr std::uint32_t kInARow = 64;  // looking at the clock takes longer than most turns
    return ++rounds_ % kInARow == 0 && instance_.turn_is_over();
}

void BindgenHost::Sleep::await_suspend(std::coroutine_handle<> waiting) {
    const std::chrono::duration<double, std::milli> until(std::min(until_ms_, 1e12));
    host_.instance().begin_sleep(
        host_.services_->began() + std::chrono::ceil<std::chrono::milliseconds>(until), waiting);
}

// --- Functions of the bindings -------------------------------------------------------------------

Eventual<JsValue> BindgenHost::call_function(std::uint32_t function,
                                             std::span<const JsValue> captured, JsValue self,
                                             Arguments arguments, values::Object* new_target) {
    const BindgenFunction& called = plan_->functions()[function];
    BindgenFrame frame = make_frame(world_, called, captured, std::move(self), arguments);
    frame.new_target = new_target;
    if (called.body.may_call) {
        return run_function(*this, called, std::move(frame));
    }
    auto done = BindgenEvaluator(*this, frame).plain(called.body);
    if (!done) {
        return std::unexpected(std::move(done.error()));
    }
    return frame.flow == BindgenFlow::kReturn ? std::move(frame.result) : JsValue();
}

JsValue BindgenHost::function_value(std::uint32_t function, std::vector<JsValue> captured) {
    const BindgenFunction& made = plan_->functions()[function];
    return JsValue(
        world_.function(made.name, made.parameters,
                        std::make_unique<Callable>(*this, function, std::move(captured))));
}

// --- Texts ---------------------------------------------------------------------------------------

const JsValue& BindgenHost::text(std::uint32_t index) {
    if (texts_[index].is_undefined()) {
        texts_[index] = world_.string(plan_->texts()[index]);
    }
    return texts_[index];
}

const values::PropertyKey& BindgenHost::key(std::uint32_t index) {
    if (keys_[index].is_empty()) {
        keys_[index] = world_.key(plan_->texts()[index]);
    }
    return keys_[index];
}

values::Completion<JsValue> BindgenHost::constant(std::uint32_t index) {
    return constant_named(plan_->texts()[index]);
}

values::Completion<JsValue> BindgenHost::constant_named(const std::string& name) {
    if (const auto made = constants_.find(name); made != constants_.end()) {
        return made->second;
    }
    const auto& constants = plan_->bindings().constants;
    const auto found = constants.find(name);
    if (found == constants.end()) {
        return world_.fail(values::Builtin::kReferenceError, name + " is not defined");
    }
    const std::string json = found->second.dump();
    BindgenNoNames nothing;
    auto value = values::read_step(world_, json, nothing);
    if (value) {
        constants_.emplace(name, *value);
    }
    return value;
}

std::optional<JsValue> BindgenHost::global(std::uint32_t index) {
    const values::PropertyKey& name = key(index);
    values::Object& global = world_.global();
    if (!values::has_property(world_, global, name)) {
        return std::nullopt;
    }
    auto value = values::get_from(world_, global, name, JsValue::of(global));
    auto taken = value.ready() ? value.take() : values::Completion<JsValue>();
    return taken ? std::move(*taken) : JsValue();
}

Eventual<JsValue> BindgenHost::variable(std::uint32_t index) {
    if (variables_[index]) {
        return *variables_[index];
    }
    const auto& function = plan_->bindings().variables[index].function;
    if (!function) {
        return JsValue();
    }
    return first_value(index, *function);
}

Eventual<JsValue> BindgenHost::first_value(std::uint32_t index, std::uint32_t function) {
    const std::span<const JsValue> nothing;
    JsValue value = co_await call_function(function, nothing, JsValue(), nothing);
    variables_[index] = value;
    co_return value;
}

// --- Values of the module
// --------------------------------------------------------------------------

JsValue BindgenHost::value_of(const wasmtime_val_t& raw) {
    switch (raw.kind) {
        case WASMTIME_I32:
            return JsValue(raw.of.i32);
        case WASMTIME_I64:
            return values::make_bigint(world_, raw.of.i64);
        case WASMTIME_F32:
            return JsValue(static_cast<double>(raw.of.f32));
        case WASMTIME_F64:
            return JsValue(raw.of.f64);
        case WASMTIME_EXTERNREF:
            return value_behind(context(), raw.of.externref);
        default:
            return {};
    }
}

JsValue BindgenHost::take_raw(wasmtime_val_t& raw) {
    JsValue value = value_of(raw);
    wasmtime_val_unroot(&raw);
    return value;
}

std::optional<wasmtime_val_t> BindgenHost::to_raw(wasm_valkind_t type, const JsValue& value) {
    wasmtime_val_t raw{};
    raw.kind = static_cast<wasmtime_valkind_t>(type);
    if (type == WASM_EXTERNREF) {
        raw.kind = WASMTIME_EXTERNREF;
        return reference_of(context(), value, raw.of.externref) ? std::optional(raw) : std::nullopt;
    }
    if (type == WASM_I64) {
        if (!value.is_bigint()) {
            return std::nullopt;
        }
        raw.of.i64 = static_cast<std::int64_t>(value.bigint().low_bits());
        return raw;
    }
    double number = 0;
    if (value.is_number()) {
        number = value.number();
    } else if (value.is_boolean()) {
        number = value.boolean() ? 1 : 0;
    } else if (value.is_undefined()) {
        number = std::numeric_limits<double>::quiet_NaN();
    } else if (!value.is_null()) {
        return std::nullopt;
    }
    switch (type) {
        case WASM_I32:
            raw.of.i32 = values::to_int32(number);
            return raw;
        case WASM_F32:
            raw.of.f32 = static_cast<float>(number);
            return raw;
        case WASM_F64:
            raw.of.f64 = number;
            return raw;
        default:
            return std::nullopt;
    }
}

Eventual<wasmtime_val_t> BindgenHost::convert(wasm_valkind_t type, JsValue value) {
    if (type == WASM_I64) {
        value = co_await values::to_bigint(world_, value);
    } else if (type == WASM_EXTERNREF) {
        co_return out_of_references();
    } else if (type == WASM_FUNCREF) {
        wasmtime_val_t null{};
        null.kind = WASMTIME_FUNCREF;
        co_return null;
    } else {
        const double number = co_await values::to_number(world_, value);
        value = JsValue(number);
    }
    if (const auto raw = to_raw(type, value)) {
        co_return *raw;
    }
    co_return fault(ErrorType::kProgramTrap, "bad_export_type",
                    fmt::format("program '{}' asks for a value of a type that JavaScript has not",
                                instance_.program_name()));
}

Eventual<JsValue> BindgenHost::call_guest(const GuestFunction& function, Arguments arguments) {
    RawValues raw;
    for (std::size_t i = 0; i < function.parameters.size(); ++i) {
        const JsValue given = i < arguments.size() ? arguments[i] : JsValue();
        const bool is_missing_bigint = function.parameters[i] == WASM_I64 && given.is_undefined();
        auto fast =
            to_raw(function.parameters[i],
                   is_missing_bigint ? values::make_bigint(world_, std::int64_t{0}) : given);
        if (!fast) {
            auto converted = co_await values::caught(convert(function.parameters[i], given));
            if (!converted) {
                for (wasmtime_val_t& argument : raw) {
                    wasmtime_val_unroot(&argument);
                }
                co_return std::unexpected(std::move(converted.error()));
            }
            fast = *converted;
        }
        raw.push_back(*fast);
    }
    GuestCall call(*this, function, std::move(raw));
    auto result = co_await call.ended();
    co_return std::move(result);
}

Eventual<JsValue> BindgenHost::call_guest(const GuestFunction& function, RawValues arguments) {
    GuestCall call(*this, function, std::move(arguments));
    auto result = co_await call.ended();
    co_return std::move(result);
}

Eventual<std::uint32_t> BindgenHost::call_words(const GuestFunction& function, std::uint32_t first,
                                                std::uint32_t second, std::uint32_t third) {
    const std::array words{first, second, third};
    RawValues raw;
    for (std::size_t i = 0; i < function.parameters.size(); ++i) {
        if (function.parameters[i] != WASM_I32 || i >= words.size()) {
            co_return fault(ErrorType::kProgramTrap, "bad_export_type",
                            fmt::format("program '{}': its export '{}' has not the type that its "
                                        "bindings need",
                                        instance_.program_name(), shown(function.name)));
        }
        wasmtime_val_t value{};
        value.kind = WASMTIME_I32;
        value.of.i32 = static_cast<std::int32_t>(words[i]);
        raw.push_back(value);
    }
    GuestCall call(*this, function, std::move(raw));
    auto result = co_await call.ended();
    if (!result) {
        co_return std::unexpected(std::move(result.error()));
    }
    co_return result->is_number() ? values::to_uint32(result->number()) : 0;
}

std::unexpected<Thrown> BindgenHost::out_of_references() const {
    return std::unexpected(Thrown(limit_error(
        {.limit = "host_values", .setting = "limits.host_values", .value = limits_.values},
        fmt::format("program '{}' holds more references than its heap has room for",
                    instance_.program_name()))));
}

// The message as V8 has it, so that a panic reads as it does under Node.
Thrown BindgenHost::thrown_by_trap(Error error) {
    struct Row {
        std::string_view code;
        std::string_view message;
    };
    static constexpr std::array kRows = {
        Row{"unreachable", "unreachable"},
        Row{"out_of_bounds", "memory access out of bounds"},
        Row{"table_out_of_bounds", "table index is out of bounds"},
        Row{"null_function", "null function or function signature mismatch"},
        Row{"indirect_call_type", "null function or function signature mismatch"},
        Row{"integer_overflow", "divide result unrepresentable"},
        Row{"integer_divide_by_zero", "divide by zero"},
        Row{"bad_float_to_integer", "float unrepresentable in integer range"},
    };
    const auto* const row = std::ranges::find(kRows, error.code, &Row::code);
    if (row == kRows.end()) {
        return Thrown(std::move(error));
    }
    const auto made = values::make_error(world_, values::Builtin::kError, row->message);
    made->put(world_.names().name, world_.string("RuntimeError"), values::kHidden);
    last_trap_ = {JsValue(made), std::move(error)};
    return Thrown(JsValue(made));
}

Thrown BindgenHost::failure_of(wasm_trap_t* trap, wasmtime_error_t* error,
                               const std::string& name) {
    unwound_ = true;
    if (in_flight_) {
        const TrapHandle trap_owner(trap);
        const ErrorHandle error_owner(error);
        return std::move(*std::exchange(in_flight_, std::nullopt));
    }
    Error failure = instance_.failure_of(trap, error, name);
    if (failure.type != ErrorType::kProgramTrap || instance_.exited()) {
        return Thrown(std::move(failure));
    }
    return thrown_by_trap(std::move(failure));
}

Error BindgenHost::error_of(const Thrown& thrown) {
    if (thrown.is_fault()) {
        return thrown.fault();
    }
    Error error =
        make_error(ErrorType::kProgramTrap, "thrown", values::message_of(world_, thrown.value()));
    if (const Error* const trap = trap_behind(thrown.value())) {
        error.code = trap->code;
        error.details = trap->details;
        error.context = trap->context;
        error.context.insert(error.context.begin(), trap->message);
    }
    return error;
}

values::Completion<void> BindgenHost::check_values() {
    const values::Heap& heap = world_.heap();
    if (plan_->bindings().handles == glue::HandleMode::kTable &&
        (heap.cells() > collect_at_cells_ || heap.bytes() > collect_at_bytes_)) {
        const ErrorHandle ignored(wasmtime_context_gc(context()));
        // As far again as there was room left, so that it does not happen at each import.
        const auto next = [](std::size_t now, std::size_t limit) {
            return std::max(limit / 2, now + (now < limit ? (limit - now) / 2 : 0));
        };
        collect_at_cells_ = next(heap.cells(), limits_.values);
        collect_at_bytes_ = next(heap.bytes(), limits_.value_bytes);
    }
    return world_.check();
}

// --- Memory --------------------------------------------------------------------------------------

std::span<std::byte> BindgenHost::memory() const {
    return instance_.memory_view();
}

values::Completion<std::span<std::byte>> BindgenHost::range(double address, double bytes) {
    const auto all = memory();
    if (address < 0 || address + bytes > static_cast<double>(all.size())) {
        return fault(ErrorType::kProgramTrap, "bad_pointer",
                     fmt::format("program '{}' names {:.0f} bytes at {:.0f}; its memory has {}",
                                 instance_.program_name(), bytes, address, all.size()));
    }
    return all.subspan(static_cast<std::size_t>(address), static_cast<std::size_t>(bytes));
}

Eventual<std::uint32_t> BindgenHost::allocate_in_guest(std::uint64_t bytes,
                                                       std::uint32_t alignment) {
    if (bytes > UINT32_MAX) {
        co_return world_.range_error("Array buffer allocation failed");
    }
    const GuestFunction* const allocate = co_await wasm_function(plan_->bindings().helpers.malloc);
    const std::uint32_t address =
        co_await call_words(*allocate, static_cast<std::uint32_t>(bytes), alignment);
    co_return address;
}

}  // namespace realm::sandbox
