// Statements and expressions; what concerns the module is in bindgen_module.cc.
#include "sandbox/bindgen_eval.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "values/collections.h"
#include "values/display.h"
#include "values/operations.h"
#include "values/operators.h"

namespace realm::sandbox {

using glue::Op;
using values::BinaryOperator;
using values::Builtin;
using values::Comparison;
using JsValue = values::Value;

BindgenFrame make_frame(values::World& world, const BindgenFunction& function,
                        std::span<const JsValue> captured, JsValue self,
                        values::Arguments arguments) {
    BindgenFrame frame;
    frame.self = std::move(self);
    frame.slots.resize(function.slots);
    std::copy_n(captured.begin(), std::min<std::size_t>(captured.size(), function.captures),
                frame.slots.begin());
    const std::size_t plain = function.parameters - (function.rest ? 1 : 0);
    const std::size_t given = std::min<std::size_t>(arguments.size(), plain);
    std::copy_n(arguments.begin(), given, frame.slots.begin() + function.captures);
    if (function.rest) {
        const auto rest = arguments.subspan(given);
        frame.slots[function.captures + plain] =
            JsValue(world.array(std::vector<JsValue>(rest.begin(), rest.end())));
    }
    return frame;
}

values::Eventual<JsValue> BindgenEvaluator::eval(const BindgenCode& code) {
    if (!code.may_call) {
        return plain(code);
    }
    if (auto value = quick(code)) {
        return std::move(*value);
    }
    if (auto room = host_.check_stack(); !room) {
        return std::unexpected(std::move(room.error()));
    }
    switch (code.op) {
        case Op::kSequence:
            return sequence(code);
        case Op::kIf:
        case Op::kConditional:
            return choose(code);
        case Op::kAnd:
        case Op::kOr:
        case Op::kCoalesce:
            return short_circuit(code);
        case Op::kReturn:
        case Op::kSetLocal:
        case Op::kSetVariable:
            return leave_with(code);
        case Op::kThrow:
            return raise(code);
        case Op::kTryCatch:
            return try_catch(code);
        case Op::kTryFinally:
            return try_finally(code);
        case Op::kWhile:
            return while_loop(code);
        case Op::kForOf:
            return for_of(code);
        default:
            return expression(code);
    }
}

// --- Expressions ---------------------------------------------------------------------------------

values::Eventual<JsValue> BindgenEvaluator::expression(const BindgenCode& code) {
    switch (code.op) {
        case Op::kVariable:
            return host_.variable(code.index);
        case Op::kTemplate:
            return make_template(code);
        case Op::kArray:
            return make_array(code);
        case Op::kObject:
            return make_object(code);
        case Op::kRegExp:
            return make_regexp(code);
        case Op::kFunction:
            return make_function(code);
        case Op::kClass:
            return host_.class_value(code.index);
        case Op::kConstant:
            return host_.constant(code.index);
        case Op::kAllocate:
            return host_.allocate(code.index);
        case Op::kProperty:
        case Op::kSetProperty:
            return property(code);
        case Op::kGet:
        case Op::kSet:
        case Op::kDelete:
            return element(code);
        case Op::kCall:
            return call_value(code);
        case Op::kMethod:
            return call_method(code);
        case Op::kMethodOf:
            return call_method_of(code);
        case Op::kNew:
            return make_new(code);
        case Op::kSuper:
            return call_super(code);
        case Op::kCallFunction:
            return call_function(code);
        case Op::kNegate:
        case Op::kPlus:
        case Op::kBitNot:
        case Op::kNot:
        case Op::kTypeof:
        case Op::kIsNone:
            return unary(code);
        default:
            return code.op >= Op::kAdd && code.op <= Op::kIn ? binary(code) : module(code);
    }
}

values::Eventual<JsValue> BindgenEvaluator::unary(const BindgenCode& code) {
    values::World& world = host_.world();
    JsValue operand = co_await eval(code.operands[0]);
    switch (code.op) {
        case Op::kNot:
            co_return JsValue(!values::to_boolean(operand));
        case Op::kIsNone:
            co_return JsValue(operand.is_nullish());
        case Op::kTypeof:
            co_return world.string(values::type_of(operand));
        case Op::kPlus: {
            const double number = co_await values::to_number(world, operand);
            co_return JsValue(number);
        }
        case Op::kNegate:
            operand = co_await values::negate(world, operand);
            co_return operand;
        default:
            operand = co_await values::bit_not(world, operand);
            co_return operand;
    }
}

namespace {

values::Eventual<JsValue> apply_binary(values::World& world, Op op, const JsValue& left,
                                       const JsValue& right) {
    constexpr std::array kOperators = {BinaryOperator::kAdd,
                                       BinaryOperator::kSubtract,
                                       BinaryOperator::kMultiply,
                                       BinaryOperator::kDivide,
                                       BinaryOperator::kRemainder,
                                       BinaryOperator::kPower,
                                       BinaryOperator::kShiftLeft,
                                       BinaryOperator::kShiftRight,
                                       BinaryOperator::kShiftRightUnsigned,
                                       BinaryOperator::kBitAnd,
                                       BinaryOperator::kBitOr,
                                       BinaryOperator::kBitXor};
    if (op <= Op::kBitXor) {
        const auto index = static_cast<std::size_t>(op) - static_cast<std::size_t>(Op::kAdd);
        return values::binary(world, kOperators[index], left, right);
    }
    return JsValue();
}

values::Eventual<bool> apply_test(values::World& world, Op op, const JsValue& left,
                                  const JsValue& right) {
    switch (op) {
        case Op::kEqual:
        case Op::kNotEqual:
            return values::strictly_equal(left, right);
        case Op::kLooseEqual:
        case Op::kLooseNotEqual:
            return values::loosely_equal(world, left, right);
        case Op::kLess:
            return values::compare(world, Comparison::kLess, left, right);
        case Op::kLessEqual:
            return values::compare(world, Comparison::kLessOrEqual, left, right);
        case Op::kGreater:
            return values::compare(world, Comparison::kGreater, left, right);
        case Op::kGreaterEqual:
            return values::compare(world, Comparison::kGreaterOrEqual, left, right);
        case Op::kInstanceOf:
            return values::instance_of(world, left, right);
        default:
            return values::in(world, left, right);
    }
}

// The commonest: unsigned words and sums of addresses.
std::optional<double> quickly(Op op, const JsValue& left, const JsValue& right) {
    if (!left.is_number() || !right.is_number()) {
        return std::nullopt;
    }
    switch (op) {
        case Op::kAdd:
            return left.number() + right.number();
        case Op::kSubtract:
            return left.number() - right.number();
        case Op::kMultiply:
            return left.number() * right.number();
        case Op::kDivide:
            return left.number() / right.number();
        case Op::kShiftRightUnsigned:
            return values::to_uint32(left.number()) >> (values::to_uint32(right.number()) & 31U);
        default:
            return std::nullopt;
    }
}

}  // namespace

std::optional<JsValue> BindgenEvaluator::quick(const BindgenCode& code) const {
    switch (code.op) {
        case Op::kLocal:
            return frame_.slots[code.index];
        case Op::kNumber:
            return JsValue(code.number);
        case Op::kVectorLength:
            return JsValue(host_.vector_length);
        case Op::kGet:
        case Op::kAdd:
        case Op::kSubtract:
        case Op::kMultiply:
        case Op::kDivide:
        case Op::kShiftRightUnsigned:
            break;
        default:
            return std::nullopt;
    }
    const auto left = quick(code.operands[0]);
    const auto right = left ? quick(code.operands[1]) : std::nullopt;
    if (!right) {
        return std::nullopt;
    }
    if (code.op != Op::kGet) {
        const auto number = quickly(code.op, *left, *right);
        return number ? std::optional(JsValue(*number)) : std::nullopt;
    }
    // What several results of the module's came as.
    const auto* const list = left->as<values::ArrayObject>();
    const double at = right->is_number() ? right->number() : -1;
    if (list == nullptr || at < 0 || at >= static_cast<double>(list->length()) ||
        at != std::floor(at)) {
        return std::nullopt;
    }
    return list->elements()[static_cast<std::size_t>(at)];
}

values::Eventual<JsValue> BindgenEvaluator::binary(const BindgenCode& code) {
    const JsValue left = co_await eval(code.operands[0]);
    const JsValue right = co_await eval(code.operands[1]);
    if (const auto number = quickly(code.op, left, right)) {
        co_return JsValue(*number);
    }
    if (code.op <= Op::kBitXor) {
        JsValue result = co_await apply_binary(host_.world(), code.op, left, right);
        co_return result;
    }
    const bool holds = co_await apply_test(host_.world(), code.op, left, right);
    const bool negated = code.op == Op::kNotEqual || code.op == Op::kLooseNotEqual;
    co_return JsValue(holds != negated);
}

values::Eventual<JsValue> BindgenEvaluator::make_template(const BindgenCode& code) {
    values::World& world = host_.world();
    values::TextBuilder built;
    for (const BindgenCode& operand : code.operands) {
        const JsValue part = co_await eval(operand);
        const values::Ref<values::String> text = co_await values::to_string(world, part);
        co_await world.admit(built.size() + text->length());
        built.add(*text);
    }
    co_return JsValue(built.make(world.heap()));
}

values::Eventual<std::vector<JsValue>> BindgenEvaluator::operands(const BindgenCode& code,
                                                                  std::size_t from) {
    std::vector<JsValue> list;
    list.reserve(code.operands.size() - from);
    for (std::size_t i = from; i < code.operands.size(); ++i) {
        const BindgenCode& operand = code.operands[i];
        if (operand.op != Op::kSpread) {
            JsValue value = co_await eval(operand);
            list.push_back(std::move(value));
            continue;
        }
        JsValue source = co_await eval(operand.operands[0]);
        std::vector<JsValue> spread =
            co_await values::list_from_iterable(host_.world(), std::move(source));
        std::ranges::move(spread, std::back_inserter(list));
    }
    co_return std::move(list);
}

values::Eventual<JsValue> BindgenEvaluator::make_array(const BindgenCode& code) {
    std::vector<JsValue> elements = co_await operands(code, 0);
    co_return JsValue(host_.world().array(std::move(elements)));
}

values::Eventual<JsValue> BindgenEvaluator::make_object(const BindgenCode& code) {
    values::Ref<values::Object> object = host_.world().object();
    for (std::size_t i = 0; i + 1 < code.operands.size(); i += 2) {
        const JsValue name = co_await eval(code.operands[i]);
        const values::PropertyKey key = co_await values::to_property_key(host_.world(), name);
        JsValue value = co_await eval(code.operands[i + 1]);
        object->put(key, std::move(value));
    }
    co_return JsValue(object);
}

values::Eventual<JsValue> BindgenEvaluator::make_regexp(const BindgenCode& code) {
    values::World& world = host_.world();
    std::vector<JsValue> arguments(1, host_.text(code.index));
    JsValue flags = co_await eval(code.operands[0]);
    arguments.push_back(std::move(flags));
    const JsValue constructor = JsValue::of(world.constructor(Builtin::kRegExp));
    JsValue made = co_await values::construct(world, constructor, arguments);
    co_return made;
}

values::Eventual<JsValue> BindgenEvaluator::make_function(const BindgenCode& code) {
    std::vector<JsValue> captured = co_await operands(code, 0);
    co_return host_.function_value(code.index, std::move(captured));
}

values::Eventual<JsValue> BindgenEvaluator::property(const BindgenCode& code) {
    values::World& world = host_.world();
    const JsValue object = co_await eval(code.operands[0]);
    const values::PropertyKey& key = host_.key(code.index);
    if (code.op == Op::kProperty) {
        JsValue value = co_await values::get(world, object, key);
        co_return value;
    }
    JsValue value = co_await eval(code.operands[1]);
    static_cast<void>(co_await values::set(world, object, key, value));
    co_return value;
}

values::Eventual<JsValue> BindgenEvaluator::element(const BindgenCode& code) {
    values::World& world = host_.world();
    const JsValue object = co_await eval(code.operands[0]);
    const JsValue key = co_await eval(code.operands[1]);
    JsValue value;
    switch (code.op) {
        case Op::kGet:
            value = co_await values::get(world, object, key);
            break;
        case Op::kSet:
            value = co_await eval(code.operands[2]);
            static_cast<void>(co_await values::set(world, object, key, value));
            break;
        default:
            value = co_await values::delete_property(world, object, key);
    }
    co_return value;
}

// --- Calls ---------------------------------------------------------------------------------------

values::Eventual<JsValue> BindgenEvaluator::call_value(const BindgenCode& code) {
    const JsValue callee = co_await eval(code.operands[0]);
    const std::vector<JsValue> arguments = co_await operands(code, 1);
    JsValue result =
        co_await values::call(host_.world(), callee, JsValue(), arguments, host_.callee_text(code));
    co_return result;
}

values::Eventual<JsValue> BindgenEvaluator::call_method(const BindgenCode& code) {
    const JsValue object = co_await eval(code.operands[0]);
    const std::vector<JsValue> arguments = co_await operands(code, 1);
    JsValue result = co_await values::invoke(host_.world(), object, host_.key(code.index),
                                             arguments, host_.callee_text(code));
    co_return result;
}

values::Eventual<JsValue> BindgenEvaluator::call_method_of(const BindgenCode& code) {
    const JsValue object = co_await eval(code.operands[0]);
    const JsValue key = co_await eval(code.operands[1]);
    const JsValue callee = co_await values::get(host_.world(), object, key);
    const std::vector<JsValue> arguments = co_await operands(code, 2);
    JsValue result =
        co_await values::call(host_.world(), callee, object, arguments, host_.callee_text(code));
    co_return result;
}

values::Eventual<JsValue> BindgenEvaluator::make_new(const BindgenCode& code) {
    const JsValue constructor = co_await eval(code.operands[0]);
    const std::vector<JsValue> arguments = co_await operands(code, 1);
    JsValue made =
        co_await values::construct(host_.world(), constructor, arguments, host_.callee_text(code));
    co_return made;
}

values::Eventual<JsValue> BindgenEvaluator::call_super(const BindgenCode& code) {
    values::World& world = host_.world();
    const JsValue parent = co_await eval(code.operands[0]);
    const std::vector<JsValue> arguments = co_await operands(code, 1);
    if (frame_.new_target == nullptr || !values::is_constructor(parent)) {
        co_return world.type_error("Super constructor " + values::describe(world, parent) +
                                   " is not a constructor");
    }
    JsValue made = co_await values::construct(
        world, static_cast<values::Function&>(parent.object()), arguments, *frame_.new_target);
    if (!frame_.self.is_undefined()) {
        co_return world.fail(Builtin::kReferenceError, "Super constructor may only be called once");
    }
    frame_.self = made;
    co_return made;
}

values::Eventual<JsValue> BindgenEvaluator::call_function(const BindgenCode& code) {
    const std::vector<JsValue> arguments = co_await operands(code, 0);
    const std::span<const JsValue> nothing;
    JsValue result = co_await host_.call_function(code.index, nothing, JsValue(), arguments);
    co_return result;
}

values::Eventual<JsValue> BindgenEvaluator::debug_text(const BindgenCode& code) {
    JsValue value = co_await eval(code.operands[0]);
    const values::Ref<values::String> text =
        co_await values::debug_text(host_.world(), std::move(value));
    co_return JsValue(text);
}

}  // namespace realm::sandbox
