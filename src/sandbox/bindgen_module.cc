// The operations on the module: its exports, memory, handles and closures.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "sandbox/bindgen_elements.h"
#include "sandbox/bindgen_eval.h"
#include "values/collections.h"
#include "values/convert.h"
#include "values/operations.h"

namespace realm::sandbox {

using glue::Op;
using JsValue = values::Value;

values::Eventual<JsValue> BindgenEvaluator::module(const BindgenCode& code) {
    switch (code.op) {
        case Op::kWasmCall:
            return wasm_call(code);
        case Op::kWasmExport:
            return host_.wasm_export(code.index);
        case Op::kExports:
            return host_.all_wasm_exports();
        case Op::kModule:
            return JsValue(host_.world().object());
        case Op::kStore:
            return store(code);
        case Op::kView:
            return view(code);
        case Op::kLoad:
        case Op::kText:
        case Op::kGetHandles:
            return read_or_evaluate(code);
        case Op::kTakeHandles:
            return take_handles(code);
        case Op::kPassText:
            return pass_text(code);
        case Op::kPassArray:
            return pass_array(code);
        case Op::kPassHandles:
            return pass_handles(code);
        case Op::kClosure:
            return make_closure(code);
        case Op::kReleaseClosure:
            return release_closure(code);
        case Op::kDebugText:
            return debug_text(code);
        default:
            return handle(code);
    }
}

// What calls nothing itself, but whose operands do.
values::Eventual<JsValue> BindgenEvaluator::read_or_evaluate(const BindgenCode& code) {
    std::array<JsValue, 2> given;
    for (std::size_t i = 0; i < code.operands.size(); ++i) {
        auto value = quick(code.operands[i]);
        if (!value) {
            return evaluate_and_read(code);
        }
        given[i] = std::move(*value);
    }
    return read_module(code, given);
}

values::Eventual<JsValue> BindgenEvaluator::evaluate_and_read(const BindgenCode& code) {
    const std::vector<JsValue> given = co_await operands(code, 0);
    co_return read_module(code, given);
}

values::Eventual<JsValue> BindgenEvaluator::wasm_call(const BindgenCode& code) {
    auto function = host_.wasm_function(code.index);
    if (!function) {
        return std::unexpected(std::move(function.error()));
    }
    if (auto raw = quick_arguments(code, **function)) {
        return host_.call_guest(**function, std::move(*raw));
    }
    return wasm_call_slowly(code);
}

// Where all are numbers and the like that are there already, as in most calls.
std::optional<RawValues> BindgenEvaluator::quick_arguments(const BindgenCode& code,
                                                           const GuestFunction& function) {
    if (code.operands.size() != function.parameters.size() ||
        !std::ranges::all_of(function.parameters,
                             [](wasm_valkind_t kind) { return kind != WASM_EXTERNREF; })) {
        return std::nullopt;
    }
    RawValues raw;
    for (std::size_t i = 0; i < function.parameters.size(); ++i) {
        const auto given = quick(code.operands[i]);
        const auto converted = given ? host_.to_raw(function.parameters[i], *given) : std::nullopt;
        if (!converted) {
            return std::nullopt;
        }
        raw.push_back(*converted);
    }
    return raw;
}

values::Eventual<JsValue> BindgenEvaluator::wasm_call_slowly(const BindgenCode& code) {
    const GuestFunction* const function = co_await host_.wasm_function(code.index);
    const std::vector<JsValue> arguments = co_await operands(code, 0);
    JsValue result = co_await host_.call_guest(*function, arguments);
    co_return result;
}

values::Eventual<JsValue> BindgenEvaluator::handle(const BindgenCode& code) {
    JsValue operand;
    if (!code.operands.empty()) {
        operand = co_await eval(code.operands[0]);
    }
    if (code.op == Op::kHandleAdd || code.op == Op::kHandleBorrow) {
        const std::uint32_t added = co_await host_.add_handle(std::move(operand));
        co_return JsValue(added);
    }
    if (code.op == Op::kHandleReturn) {
        host_.slab().give_back();
        co_return JsValue();
    }
    const double number = co_await values::to_number(host_.world(), operand);
    const std::uint32_t index = values::to_uint32(number);
    if (code.op == Op::kHandleGet) {
        co_return host_.get_handle(index);
    }
    JsValue taken = co_await host_.take_handle(index);
    co_return code.op == Op::kHandleTake ? taken : JsValue();
}

values::Eventual<JsValue> BindgenEvaluator::store(const BindgenCode& code) {
    const JsValue address = co_await eval(code.operands[0]);
    const JsValue given = co_await eval(code.operands[1]);
    const values::ElementType type = element_type(code.element);
    const JsValue numeric = co_await values::to_element(host_.world(), type, given);
    const double at = co_await values::to_number(host_.world(), address);
    const auto bytes =
        co_await host_.range(values::to_uint32(at), static_cast<double>(values::size_of(type)));
    const values::ElementBytes stored = values::element_bytes(type, numeric);
    std::memcpy(bytes.data(), stored.data(), bytes.size());
    co_return JsValue();
}

values::Eventual<JsValue> BindgenEvaluator::view(const BindgenCode& code) {
    values::World& world = host_.world();
    const values::ElementType type = element_type(code.element);
    double address = 0;
    const std::size_t whole = host_.memory().size() / values::size_of(type);
    auto count = static_cast<double>(whole);
    if (code.operands.size() == 2) {
        const JsValue at = co_await eval(code.operands[0]);
        const JsValue length = co_await eval(code.operands[1]);
        const double first = co_await values::to_number(world, at);
        const double elements = co_await values::to_number(world, length);
        address = values::to_uint32(first);
        count = values::to_uint32(elements);
        co_await host_.range(address, count * static_cast<double>(values::size_of(type)));
    }
    auto buffer = host_.memory_object()->buffer(world);
    auto made = co_await values::view_buffer(world, type, std::move(buffer), address, count);
    co_return JsValue(made);
}

values::Eventual<JsValue> BindgenEvaluator::take_handles(const BindgenCode& code) {
    if (host_.plan().bindings().handles == glue::HandleMode::kSlab) {
        JsValue taken = co_await evaluate_and_read(code);
        co_return taken;
    }
    const JsValue address = co_await eval(code.operands[0]);
    const JsValue count = co_await eval(code.operands[1]);
    const double first = co_await values::to_number(host_.world(), address);
    const double words = co_await values::to_number(host_.world(), count);
    JsValue taken = co_await host_.take_handles(values::to_uint32(first), values::to_uint32(words));
    co_return taken;
}

namespace {

// What reading `length` of it says in JavaScript.
values::Completion<void> check_has_length(values::World& world, const JsValue& value) {
    if (!value.is_nullish()) {
        return {};
    }
    return world.type_error(std::string("Cannot read properties of ") +
                            (value.is_null() ? "null" : "undefined") + " (reading 'length')");
}

}  // namespace

values::Eventual<JsValue> BindgenEvaluator::pass_text(const BindgenCode& code) {
    const JsValue given = co_await eval(code.operands[0]);
    co_await check_has_length(host_.world(), given);
    std::string converted;
    std::string_view text;
    if (given.is_string()) {
        const values::String& string = given.string();
        if (string.is_ascii()) {
            text = string.ascii();
        } else {
            converted = string.utf8();
            text = converted;
        }
    }
    const std::uint32_t address = co_await host_.allocate_in_guest(text.size(), 1);
    const auto bytes = co_await host_.range(address, static_cast<double>(text.size()));
    if (!text.empty()) {
        std::memcpy(bytes.data(), text.data(), text.size());
    }
    host_.vector_length = static_cast<std::uint32_t>(text.size());
    co_return JsValue(address);
}

values::Eventual<JsValue> BindgenEvaluator::pass_array(const BindgenCode& code) {
    values::World& world = host_.world();
    const JsValue given = co_await eval(code.operands[0]);
    co_await check_has_length(world, given);
    const values::ElementType type = element_type(code.element);
    const auto size = static_cast<std::uint32_t>(values::size_of(type));
    if (const auto* const typed = given.as<values::TypedArrayObject>();
        typed != nullptr && values::size_of(typed->type()) == size &&
        typed->type() != values::ElementType::kFloat32 &&
        typed->type() != values::ElementType::kFloat64 &&
        type != values::ElementType::kUint8Clamped &&
        values::is_big(typed->type()) == values::is_big(type) &&
        type != values::ElementType::kFloat32 && type != values::ElementType::kFloat64) {
        const std::size_t length = typed->byte_length();
        const std::uint32_t address = co_await host_.allocate_in_guest(length, size);
        const auto bytes = co_await host_.range(address, static_cast<double>(length));
        const auto from = typed->bytes();
        std::memmove(bytes.data(), from.data(), std::min(bytes.size(), from.size()));
        host_.vector_length = static_cast<std::uint32_t>(length / size);
        co_return JsValue(address);
    }
    // As TypedArray.prototype.set() has it: text is its characters, a number nothing.
    const JsValue list(co_await values::to_object(world, given));
    const std::vector<JsValue> elements = co_await values::list_from_array_like(world, list);
    std::vector<std::byte> stored(elements.size() * size);
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const JsValue numeric = co_await values::to_element(world, type, elements[i]);
        const values::ElementBytes element = values::element_bytes(type, numeric);
        std::memcpy(stored.data() + i * size, element.data(), size);
    }
    const std::uint32_t address = co_await host_.allocate_in_guest(stored.size(), size);
    const auto bytes = co_await host_.range(address, static_cast<double>(stored.size()));
    std::ranges::copy(stored, bytes.begin());
    host_.vector_length = static_cast<std::uint32_t>(elements.size());
    co_return JsValue(address);
}

values::Eventual<JsValue> BindgenEvaluator::pass_handles(const BindgenCode& code) {
    const JsValue given = co_await eval(code.operands[0]);
    co_await check_has_length(host_.world(), given);
    const std::vector<JsValue> elements =
        co_await values::list_from_array_like(host_.world(), given);
    const std::uint32_t address = co_await host_.allocate_in_guest(elements.size() * 4, 4);
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const std::uint32_t handle = co_await host_.add_handle(elements[i]);
        const auto bytes = co_await host_.range(address + 4.0 * static_cast<double>(i), 4);
        std::memcpy(bytes.data(), &handle, sizeof handle);
    }
    host_.vector_length = static_cast<std::uint32_t>(elements.size());
    co_return JsValue(address);
}

values::Eventual<JsValue> BindgenEvaluator::make_closure(const BindgenCode& code) {
    const JsValue a = co_await eval(code.operands[0]);
    const JsValue b = co_await eval(code.operands[1]);
    const double first = co_await values::to_number(host_.world(), a);
    const double second = co_await values::to_number(host_.world(), b);
    co_return host_.closure(code.index, values::to_uint32(first), values::to_uint32(second));
}

values::Eventual<JsValue> BindgenEvaluator::release_closure(const BindgenCode& code) {
    JsValue function = co_await eval(code.operands[0]);
    JsValue last = co_await host_.release_closure(std::move(function), code.index != 0);
    co_return last;
}

}  // namespace realm::sandbox
