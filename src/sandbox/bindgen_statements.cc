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
    for (std::size_t i = 0; i < code.operands.size() && frame_.flow == BindgenFlow::kOn; ++i) {
        Eventual statement = eval(code.operands[i]);
        if (!statement.ready()) {
            return sequence_from(code, i, std::move(statement));
        }
        auto done = statement.take();
        if (!done) {
            return std::unexpected(std::move(done.error()));
        }
        last = std::move(*done);
    }
    return last;
}

values::Eventual<JsValue> BindgenEvaluator::sequence_from(const BindgenCode& code, std::size_t at,
                                                          Eventual pending) {
    JsValue last = co_await std::move(pending);
    for (std::size_t i = at + 1; i < code.operands.size() && frame_.flow == BindgenFlow::kOn; ++i) {
        last = co_await eval(code.operands[i]);
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
    Eventual value = eval(code.operands[0]);
    if (!value.ready()) {
        return finish(code, std::move(value));
    }
    auto done = value.take();
    if (!done) {
        return std::unexpected(std::move(done.error()));
    }
    return finish(code, std::move(*done));
}

values::Eventual<JsValue> BindgenEvaluator::finish(const BindgenCode& code, Eventual pending) {
    JsValue value = co_await std::move(pending);
    co_return finish(code, std::move(value));
}

JsValue BindgenEvaluator::finish(const BindgenCode& code, JsValue value) {
    switch (code.op) {
        case Op::kSetLocal:
            return frame_.slots[code.index] = std::move(value);
        case Op::kSetVariable:
            host_.set_variable(code.index, value);
            return value;
        default:
            frame_.result = std::move(value);
            frame_.flow = BindgenFlow::kReturn;
            return {};
    }
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
    Eventual tried = eval(code.operands[0]);
    return tried.ready() ? finally(code, tried.take()) : try_finally_from(code, std::move(tried));
}

values::Eventual<JsValue> BindgenEvaluator::try_finally_from(const BindgenCode& code,
                                                             Eventual pending) {
    auto tried = co_await values::caught(std::move(pending));
    JsValue value = co_await finally(code, std::move(tried));
    co_return value;
}

values::Eventual<JsValue> BindgenEvaluator::finally(const BindgenCode& code, Completion tried) {
    if (!tried && tried.error().is_fault()) {
        return tried;
    }
    const BindgenFlow flow = std::exchange(frame_.flow, BindgenFlow::kOn);
    JsValue result = frame_.result;
    Eventual after = eval(code.operands[1]);
    if (!after.ready()) {
        return finally_from(flow, std::move(result), std::move(tried), std::move(after));
    }
    auto done = after.take();
    if (!done) {
        return done;
    }
    return after_finally(flow, std::move(result), std::move(tried));
}

values::Eventual<JsValue> BindgenEvaluator::finally_from(BindgenFlow flow, JsValue result,
                                                         Completion tried, Eventual pending) {
    static_cast<void>(co_await std::move(pending));
    co_return after_finally(flow, std::move(result), std::move(tried));
}

// A return in what happens in any case prevails.
values::Completion<JsValue> BindgenEvaluator::after_finally(BindgenFlow flow, JsValue result,
                                                            Completion tried) {
    if (frame_.flow != BindgenFlow::kOn) {
        return JsValue();
    }
    frame_.flow = flow;
    frame_.result = std::move(result);
    return tried;
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
        if (host_.is_out_of_breath()) {
            BindgenBreath breath(host_);
            co_await breath.taken();
        }
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
        if (host_.is_out_of_breath()) {
            BindgenBreath breath(host_);
            co_await breath.taken();
        }
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
