// The operations that call nothing.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "sandbox/bindgen_elements.h"
#include "sandbox/bindgen_eval.h"
#include "sandbox/wording.h"
#include "values/bigint.h"
#include "values/collections.h"
#include "values/convert.h"
#include "values/operations.h"
#include "values/operators.h"

namespace realm::sandbox {

using glue::Op;
using values::Builtin;
using JsValue = values::Value;

namespace {

// A handle or an address: JavaScript's numbers, modulo 2^32.
std::uint32_t word_of(const JsValue& value) {
    if (value.is_number()) {
        return values::to_uint32(value.number());
    }
    return value.is_boolean() && value.boolean() ? 1 : 0;
}

}  // namespace

values::Completion<JsValue> BindgenEvaluator::plain(const BindgenCode& code) {
    switch (code.op) {
        case Op::kUndefined:
            return JsValue();
        case Op::kNull:
            return JsValue::null();
        case Op::kTrue:
            return JsValue(true);
        case Op::kFalse:
            return JsValue(false);
        case Op::kNumber:
            return JsValue(code.number);
        case Op::kString:
            return host_.text(code.index);
        case Op::kLocal:
            return frame_.slots[code.index];
        case Op::kThis:
            return frame_.self;
        case Op::kVectorLength:
            return JsValue(host_.vector_length);
        case Op::kSequence:
            return plain_sequence(code);
        case Op::kIf:
        case Op::kConditional:
        case Op::kAnd:
        case Op::kOr:
        case Op::kCoalesce:
            return plain_choice(code);
        case Op::kTryCatch:
        case Op::kTryFinally:
            return plain_try(code);
        case Op::kEqual:
        case Op::kNotEqual:
            return plain_equality(code);
        case Op::kTypeof:
            return plain_type_of(code);
        case Op::kGlobal:
        case Op::kBigInt:
            return plain_global(code);
        case Op::kBreak:
            frame_.flow = BindgenFlow::kBreak;
            return JsValue();
        case Op::kContinue:
            frame_.flow = BindgenFlow::kContinue;
            return JsValue();
        case Op::kLoad:
        case Op::kText:
        case Op::kGetHandles:
        case Op::kTakeHandles:
            return read_module(code);
        default:
            return plain_handle(code);
    }
}

// Those with one operand.
values::Completion<JsValue> BindgenEvaluator::plain_handle(const BindgenCode& code) {
    JsValue operand;
    if (!code.operands.empty()) {
        auto given = plain(code.operands[0]);
        if (!given) {
            return given;
        }
        operand = std::move(*given);
    }
    switch (code.op) {
        case Op::kSetLocal:
            return frame_.slots[code.index] = std::move(operand);
        case Op::kReturn:
            frame_.flow = BindgenFlow::kReturn;
            frame_.result = std::move(operand);
            return JsValue();
        case Op::kThrow:
            return std::unexpected(values::Thrown(std::move(operand)));
        case Op::kNot:
            return JsValue(!values::to_boolean(operand));
        case Op::kIsNone:
            return JsValue(operand.is_nullish());
        case Op::kHandleGet:
            return host_.get_handle(word_of(operand));
        case Op::kHandleTake:
            return host_.slab().take(word_of(operand));
        case Op::kHandleDrop:
            host_.slab().drop(word_of(operand));
            return JsValue();
        case Op::kHandleAdd: {
            auto added = host_.add_to_slab(std::move(operand));
            return added ? values::Completion<JsValue>(JsValue(*added))
                         : std::unexpected(std::move(added.error()));
        }
        case Op::kHandleBorrow: {
            const auto borrowed = host_.slab().borrow(std::move(operand));
            return borrowed ? values::Completion<JsValue>(JsValue(*borrowed))
                            : host_.world().fail(Builtin::kError, "out of js stack");
        }
        case Op::kHandleReturn:
            host_.slab().give_back();
            return JsValue();
        default:
            break;
    }
    return std::unexpected(values::Thrown(make_error(ErrorType::kInternal, "bindgen_operation",
                                                     "an operation was not expected here")));
}

values::Completion<JsValue> BindgenEvaluator::plain_sequence(const BindgenCode& code) {
    values::Completion<JsValue> last = JsValue();
    for (const BindgenCode& operand : code.operands) {
        last = plain(operand);
        if (!last || frame_.flow != BindgenFlow::kOn) {
            break;
        }
    }
    return last;
}

values::Completion<JsValue> BindgenEvaluator::plain_choice(const BindgenCode& code) {
    auto first = plain(code.operands[0]);
    if (!first) {
        return first;
    }
    switch (code.op) {
        case Op::kAnd:
            return values::to_boolean(*first) ? plain(code.operands[1]) : std::move(first);
        case Op::kOr:
            return values::to_boolean(*first) ? std::move(first) : plain(code.operands[1]);
        case Op::kCoalesce:
            return first->is_nullish() ? plain(code.operands[1]) : std::move(first);
        default:
            break;
    }
    if (values::to_boolean(*first)) {
        return plain(code.operands[1]);
    }
    return code.operands.size() > 2 ? plain(code.operands[2]) : JsValue();
}

values::Completion<JsValue> BindgenEvaluator::plain_try(const BindgenCode& code) {
    auto tried = plain(code.operands[0]);
    if (code.op == Op::kTryCatch) {
        if (tried || tried.error().is_fault()) {
            return tried;
        }
        if (code.index != glue::kNoSlot) {
            frame_.slots[code.index] = tried.error().value();
        }
        return plain(code.operands[1]);
    }
    const BindgenFlow flow = std::exchange(frame_.flow, BindgenFlow::kOn);
    JsValue result = frame_.result;
    auto after = plain(code.operands[1]);
    if (!after || frame_.flow != BindgenFlow::kOn) {
        return after;
    }
    frame_.flow = flow;
    frame_.result = std::move(result);
    return tried;
}

values::Completion<JsValue> BindgenEvaluator::plain_equality(const BindgenCode& code) {
    auto left = plain(code.operands[0]);
    if (!left) {
        return left;
    }
    auto right = plain(code.operands[1]);
    if (!right) {
        return right;
    }
    return JsValue(values::strictly_equal(*left, *right) == (code.op == Op::kEqual));
}

values::Completion<JsValue> BindgenEvaluator::plain_type_of(const BindgenCode& code) {
    const BindgenCode& operand = code.operands[0];
    if (operand.op == Op::kGlobal) {
        const auto found = host_.global(operand.index);
        return host_.world().string(values::type_of(found ? *found : JsValue()));
    }
    auto value = plain(operand);
    if (!value) {
        return value;
    }
    return host_.world().string(values::type_of(*value));
}

values::Completion<JsValue> BindgenEvaluator::plain_global(const BindgenCode& code) {
    if (code.op == Op::kBigInt) {
        auto parsed = values::parse_bigint(host_.world(), host_.text(code.index).string());
        if (!parsed) {
            return std::unexpected(std::move(parsed.error()));
        }
        return *parsed ? std::move(**parsed) : JsValue();
    }
    auto found = host_.global(code.index);
    if (!found) {
        return host_.world().fail(Builtin::kReferenceError,
                                  host_.plan().texts()[code.index] + " is not defined");
    }
    return std::move(*found);
}

values::Completion<JsValue> BindgenEvaluator::read_module(const BindgenCode& code) {
    std::array<JsValue, 2> operands;
    for (std::size_t i = 0; i < code.operands.size(); ++i) {
        auto operand = plain(code.operands[i]);
        if (!operand) {
            return operand;
        }
        operands[i] = std::move(*operand);
    }
    return read_module(code, operands);
}

values::Completion<JsValue> BindgenEvaluator::read_module(const BindgenCode& code,
                                                          std::span<const JsValue> operands) {
    switch (code.op) {
        case Op::kLoad:
            return load(code, operands[0]);
        case Op::kText:
            return text(operands[0], operands[1]);
        default:
            return handles(code, operands[0], operands[1]);
    }
}

values::Completion<JsValue> BindgenEvaluator::load(const BindgenCode& code,
                                                   const JsValue& address) {
    const values::ElementType type = element_type(code.element);
    auto bytes = host_.range(word_of(address), static_cast<double>(values::size_of(type)));
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    return values::load_element(host_.world(), type, bytes->data());
}

values::Completion<JsValue> BindgenEvaluator::text(const JsValue& address, const JsValue& length) {
    auto bytes = host_.range(word_of(address), word_of(length));
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    values::World& world = host_.world();
    if (auto admitted = world.admit(bytes->size()); !admitted) {
        return std::unexpected(std::move(admitted.error()));
    }
    const std::string_view view(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (values::is_ascii(view)) {
        return world.string(view);
    }
    const auto wide = values::utf16_of(view, true);
    if (!wide) {
        return world.type_error("The encoded data was not valid for encoding utf-8");
    }
    return world.string(*wide);
}

values::Completion<JsValue> BindgenEvaluator::handles(const BindgenCode& code,
                                                      const JsValue& address,
                                                      const JsValue& count) {
    auto bytes = host_.range(word_of(address), double{4} * word_of(count));
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    if (auto admitted = host_.world().admit(bytes->size() * 4); !admitted) {
        return std::unexpected(std::move(admitted.error()));
    }
    std::vector<JsValue> taken;
    taken.reserve(bytes->size() / 4);
    for (std::size_t at = 0; at < bytes->size(); at += 4) {
        std::uint32_t handle = 0;
        std::memcpy(&handle, bytes->data() + at, sizeof handle);
        if (code.op == Op::kTakeHandles) {
            taken.push_back(host_.slab().take(handle));
            continue;
        }
        auto value = host_.get_handle(handle);
        if (!value) {
            return value;
        }
        taken.push_back(std::move(*value));
    }
    return JsValue(host_.world().array(std::move(taken)));
}

}  // namespace realm::sandbox
