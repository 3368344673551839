// The statements.
#include <optional>
#include <utility>

#include "sandbox/bindgen_eval.h"
#include "values/convert.h"
#include "values/operations.h"

namespace realm::sandbox {

using JsValue = values::Value;
using glue::Op;

values::Eventual<JsValue> BindgenEvaluator::sequence(const BindgenCode& code) {
    JsValue last;
    for (const BindgenCode& operand : code.operands) {
        last = co_await eval(operand);
        if (frame_.flow != BindgenFlow::kOn) {
            break;
        }
    }
    co_return last;
}

values::Eventual<JsValue> BindgenEvaluator::choose(const BindgenCode& code) {
    const JsValue condition = co_await eval(code.operands[0]);
    const std::size_t taken = values::to_boolean(condition) ? 1 : 2;
    if (taken >= code.operands.size()) {
        co_return JsValue();
    }
    JsValue value = co_await eval(code.operands[taken]);
    co_return value;
}

values::Eventual<JsValue> BindgenEvaluator::short_circuit(const BindgenCode& code) {
    JsValue first = co_await eval(code.operands[0]);
    const bool needs_second = code.op == Op::kAnd  ? values::to_boolean(first)
                              : code.op == Op::kOr ? !values::to_boolean(first)
                                                   : first.is_nullish();
    if (needs_second) {
        first = co_await eval(code.operands[1]);
    }
    co_return first;
}

values::Eventual<JsValue> BindgenEvaluator::leave_with(const BindgenCode& code) {
    JsValue result = co_await eval(code.operands[0]);
    frame_.result = std::move(result);
    frame_.flow = BindgenFlow::kReturn;
    co_return JsValue();
}

values::Eventual<JsValue> BindgenEvaluator::raise(const BindgenCode& code) {
    JsValue thrown = co_await eval(code.operands[0]);
    co_return std::unexpected(values::Thrown(std::move(thrown)));
}

values::Eventual<JsValue> BindgenEvaluator::try_catch(const BindgenCode& code) {
    auto tried = co_await values::caught(eval(code.operands[0]));
    if (tried || tried.error().is_fault()) {
        co_return std::move(tried);
    }
    if (code.index != glue::kNoSlot) {
        frame_.slots[code.index] = tried.error().value();
    }
    JsValue handled = co_await eval(code.operands[1]);
    co_return handled;
}

values::Eventual<JsValue> BindgenEvaluator::try_finally(const BindgenCode& code) {
    auto tried = co_await values::caught(eval(code.operands[0]));
    if (!tried && tried.error().is_fault()) {
        co_return std::move(tried);
    }
    const BindgenFlow flow = std::exchange(frame_.flow, BindgenFlow::kOn);
    JsValue result = frame_.result;
    static_cast<void>(co_await eval(code.operands[1]));
    if (frame_.flow != BindgenFlow::kOn) {
        co_return JsValue();
    }
    frame_.flow = flow;
    frame_.result = std::move(result);
    co_return std::move(tried);
}

bool BindgenEvaluator::goes_on() {
    if (frame_.flow == BindgenFlow::kContinue) {
        frame_.flow = BindgenFlow::kOn;
    }
    if (frame_.flow == BindgenFlow::kBreak) {
        frame_.flow = BindgenFlow::kOn;
        return false;
    }
    return frame_.flow == BindgenFlow::kOn;
}

values::Eventual<JsValue> BindgenEvaluator::while_loop(const BindgenCode& code) {
    for (;;) {
        co_await host_.world().step();
        const JsValue condition = co_await eval(code.operands[0]);
        if (!values::to_boolean(condition)) {
            break;
        }
        static_cast<void>(co_await eval(code.operands[1]));
        if (!goes_on()) {
            break;
        }
        if (code.operands.size() > 2) {
            static_cast<void>(co_await eval(code.operands[2]));
        }
    }
    co_return JsValue();
}

values::Eventual<JsValue> BindgenEvaluator::for_of(const BindgenCode& code) {
    values::World& world = host_.world();
    JsValue source = co_await eval(code.operands[0]);
    const values::IteratorRecord record = co_await values::get_iterator(world, std::move(source));
    for (;;) {
        co_await world.step();
        std::optional<JsValue> next = co_await values::iterator_step(world, record);
        if (!next) {
            co_return JsValue();
        }
        frame_.slots[code.index] = std::move(*next);
        auto turn = co_await values::caught(eval(code.operands[1]));
        if (!turn) {
            if (!turn.error().is_fault()) {
                static_cast<void>(co_await values::caught(values::iterator_close(world, record)));
            }
            co_return std::move(turn);
        }
        if (!goes_on()) {
            static_cast<void>(co_await values::iterator_close(world, record));
            co_return JsValue();
        }
    }
}

}  // namespace realm::sandbox
