// Carries out the trees of a plan. Internal.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sandbox/bindgen_host.h"
#include "sandbox/bindgen_plan.h"

namespace realm::sandbox {

// How a statement was left.
enum class BindgenFlow : std::uint8_t { kOn, kReturn, kBreak, kContinue };

// One call of a function of the plan.
struct BindgenFrame {
    boost::container::small_vector<values::Value, 8> slots;
    values::Value self;
    values::Object* new_target = nullptr;  // of a constructor
    BindgenFlow flow = BindgenFlow::kOn;
    values::Value result;  // once it has returned
};

// Fills the slots: captured values, parameters, the rest.
BindgenFrame make_frame(values::World& world, const BindgenFunction& function,
                        std::span<const values::Value> captured, values::Value self,
                        values::Arguments arguments);

// Lives as long as one call; a value of two references.
class BindgenEvaluator {
public:
    BindgenEvaluator(BindgenHost& host, BindgenFrame& frame) : host_(host), frame_(frame) {}

    // What may not call anything.
    values::Completion<values::Value> plain(const BindgenCode& code);
    // Anything.
    values::Eventual<values::Value> eval(const BindgenCode& code);

private:
    using JsValue = values::Value;
    using Eventual = values::Eventual<JsValue>;
    using Completion = values::Completion<JsValue>;

    // The value of what is a number or a local, or computed from such: nothing where it is more.
    // It changes nothing, so it may be evaluated again.
    std::optional<JsValue> quick(const BindgenCode& code) const;
    // Without calls.
    Completion plain_sequence(const BindgenCode& code);
    Completion plain_choice(const BindgenCode& code);
    Completion plain_try(const BindgenCode& code);
    Completion plain_equality(const BindgenCode& code);
    Completion plain_type_of(const BindgenCode& code);
    Completion plain_handle(const BindgenCode& code);
    Completion plain_global(const BindgenCode& code);
    // Memory and handles, with operands that are there already.
    Completion read_module(const BindgenCode& code);
    Completion read_module(const BindgenCode& code, std::span<const JsValue> operands);
    Completion load(const BindgenCode& code, const JsValue& address);
    Completion text(const JsValue& address, const JsValue& length);
    Completion handles(const BindgenCode& code, const JsValue& address, const JsValue& count);

    // Statements.
    // Those that come first begin without a coroutine, and need none where all is there at once.
    Eventual sequence(const BindgenCode& code);
    Eventual sequence_from(const BindgenCode& code, std::size_t at, Eventual pending);
    Eventual finish(const BindgenCode& code, Eventual pending);
    JsValue finish(const BindgenCode& code, JsValue value);
    Eventual try_finally_from(const BindgenCode& code, Eventual pending);
    Eventual finally(const BindgenCode& code, Completion tried);
    Eventual finally_from(BindgenFlow flow, JsValue result, Completion tried, Eventual pending);
    Completion after_finally(BindgenFlow flow, JsValue result, Completion tried);
    Eventual choose(const BindgenCode& code);
    Eventual short_circuit(const BindgenCode& code);
    Eventual leave_with(const BindgenCode& code);  // return, and assignments
    Eventual raise(const BindgenCode& code);
    Eventual try_catch(const BindgenCode& code);
    Eventual try_finally(const BindgenCode& code);
    Eventual while_loop(const BindgenCode& code);
    Eventual for_of(const BindgenCode& code);
    // After a turn of a loop: whether another follows.
    bool goes_on();

    // Expressions.
    Eventual expression(const BindgenCode& code);
    Eventual unary(const BindgenCode& code);
    Eventual binary(const BindgenCode& code);
    Eventual make_template(const BindgenCode& code);
    Eventual make_array(const BindgenCode& code);
    Eventual make_object(const BindgenCode& code);
    Eventual make_regexp(const BindgenCode& code);
    Eventual make_function(const BindgenCode& code);
    Eventual property(const BindgenCode& code);
    Eventual element(const BindgenCode& code);
    values::Eventual<std::vector<JsValue>> operands(const BindgenCode& code, std::size_t from);
    Eventual call_value(const BindgenCode& code);
    Eventual call_method(const BindgenCode& code);
    Eventual call_method_of(const BindgenCode& code);
    Eventual make_new(const BindgenCode& code);
    Eventual call_super(const BindgenCode& code);
    Eventual call_function(const BindgenCode& code);

    // The module.
    Eventual module(const BindgenCode& code);
    Eventual read_or_evaluate(const BindgenCode& code);
    Eventual evaluate_and_read(const BindgenCode& code);
    Eventual wasm_call(const BindgenCode& code);
    Eventual wasm_call_slowly(const BindgenCode& code);
    std::optional<RawValues> quick_arguments(const BindgenCode& code,
                                             const GuestFunction& function);
    Eventual handle(const BindgenCode& code);
    Eventual store(const BindgenCode& code);
    Eventual view(const BindgenCode& code);
    Eventual take_handles(const BindgenCode& code);
    Eventual pass_text(const BindgenCode& code);
    Eventual pass_array(const BindgenCode& code);
    Eventual pass_handles(const BindgenCode& code);
    Eventual make_closure(const BindgenCode& code);
    Eventual release_closure(const BindgenCode& code);
    Eventual debug_text(const BindgenCode& code);

    BindgenHost& host_;
    BindgenFrame& frame_;
};

}  // namespace realm::sandbox
