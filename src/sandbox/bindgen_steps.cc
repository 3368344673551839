#include "sandbox/bindgen_steps.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/limit_error.h"
#include "sandbox/foreign_caller.h"
#include "sandbox/guest.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"
#include "values/convert.h"
#include "values/error_object.h"
#include "values/operations.h"
#include "values/promise.h"

namespace realm::sandbox {

using values::Eventual;
using values::Thrown;

namespace {

std::unexpected<Thrown> refused(std::string_view code, std::string message) {
    return std::unexpected(
        Thrown(make_error(ErrorType::kInvalidRequest, code, std::move(message))));
}

std::string quoted_json(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

// The function that {"$callback": name} stands for: its calls become lines.
class BindgenSteps::Callback final : public values::Callable {
public:
    Callback(BindgenSteps& steps, std::string_view name, JsValue returns)
        : steps_(steps), name_(name), returns_(std::move(returns)) {}

    Eventual<JsValue> run(values::World& world, values::Call call) override {
        std::string line = fmt::format(R"({{"callback":{},"args":[)", quoted_json(name_));
        for (std::size_t i = 0; i < call.arguments.size(); ++i) {
            auto& names = static_cast<values::StepNames&>(steps_);
            const auto printing = std::exchange(steps_.printing_, std::nullopt);
            const JsValue text = co_await values::print_step(world, call.arguments[i], names);
            steps_.printing_ = printing;
            line += (i == 0 ? "" : ",") + text.string().utf8();
        }
        co_await steps_.add_line(line + "]}");
        co_return returns_;
    }
    void trace(values::Tracer& tracer) const override { returns_.trace(tracer); }
    void clear() override { returns_ = {}; }

private:
    BindgenSteps& steps_;
    std::string name_;
    JsValue returns_;
};

base::Task<StepResult> BindgenSteps::run(const ForeignStep& step,
                                         const std::function<void(std::string_view)>& on_line) {
    on_line_ = &on_line;
    line_bytes_ = 0;
    host_.world().refill_steps();
    host_.on_this_stack();
    static_cast<void>(host_.take_unwound());
    StepResult made;
    auto result = co_await perform(step);
    if (!result && !result.error().is_fault()) {
        // What it left in the queue runs before the next step, whatever came of it.
        static_cast<void>(co_await host_.world().run_microtasks());
        report_uncaught();
    }
    const bool unwound = host_.take_unwound();
    if (unwound && host_.plan().bindings().returns == glue::ReturnMode::kReturnArea) {
        static_cast<void>(co_await restore_stack_pointer());
    }
    // What went beyond a limit still holds it.
    const bool spent = !result && result.error().is_fault() &&
                       result.error().fault().type == ErrorType::kProgramLimit;
    made.ends_instance =
        spent || (unwound && host_.plan().bindings().returns == glue::ReturnMode::kMultiValue);
    on_line_ = nullptr;
    if (result) {
        made.result = std::move(*result);
    } else {
        made.result = std::unexpected(error_of(result.error()));
    }
    host_.slab().forget_borrowed();
    co_return made;
}

Eventual<std::string> BindgenSteps::perform(const ForeignStep& step) {
    values::World& world = host_.world();
    if (!resting_stack_pointer_ && !host_.plan().bindings().helpers.stack_pointer.empty()) {
        const std::uint32_t now = co_await move_stack_pointer(0);
        resting_stack_pointer_ = now;
    }
    std::vector<JsValue> arguments;
    for (const std::string& text : step.argument_texts) {
        JsValue argument = co_await values::read_step(world, text, *this);
        arguments.push_back(std::move(argument));
    }
    JsValue given = co_await call(step, arguments);
    JsValue result = co_await settled(std::move(given));
    if (!step.as.empty()) {
        if (names_.size() >= host_.limits().names && !names_.contains(step.as)) {
            co_return std::unexpected(Thrown(limit_error(
                {.limit = "named_results",
                 .setting = "limits.named_results",
                 .value = host_.limits().names},
                fmt::format("{} results are named already; free some", host_.limits().names))));
        }
        names_.insert_or_assign(step.as, result);
        printing_ = step.as;
    }
    auto text = co_await values::caught(values::print_step(world, result, *this));
    printing_.reset();
    if (!text) {
        co_return std::unexpected(std::move(text.error()));
    }
    static_cast<void>(co_await world.run_microtasks());
    report_uncaught();
    co_return text->string().utf8();
}

Eventual<BindgenSteps::JsValue> BindgenSteps::settled(JsValue value) {
    values::World& world = host_.world();
    auto* const promise = value.as<values::PromiseObject>();
    static_cast<void>(co_await world.run_microtasks());
    if (promise == nullptr) {
        report_uncaught();
        co_return value;
    }
    promise->mark_handled(world);
    while (promise->state() == values::PromiseState::kPending) {
        const auto due = world.next_timer();
        if (!due) {
            co_return refused("never_settled",
                              "the promise that it gave waits for something that never comes");
        }
        co_await host_.sleep_until(*due);
        static_cast<void>(co_await world.run_due_timer());
    }
    report_uncaught();
    if (promise->state() == values::PromiseState::kRejected) {
        co_return std::unexpected(Thrown(promise->result()));
    }
    co_return promise->result();
}

// --- What a step calls ---------------------------------------------------------------------------

std::unexpected<Thrown> BindgenSteps::unknown(std::string_view name) {
    std::string known;
    std::size_t count = 0;
    for (const glue::Export& exported : host_.plan().bindings().exports) {
        if (exported.class_name.empty() && count++ < 10) {
            known += fmt::format("{}'{}'", known.empty() ? "" : ", ", shown(exported.name));
        }
    }
    for (const glue::Class& exported : host_.plan().bindings().classes) {
        if (!exported.exported.empty() && count++ < 10) {
            known += fmt::format("{}'{}'", known.empty() ? "" : ", ", shown(exported.exported));
        }
    }
    return refused("no_such_export",
                   fmt::format("program '{}' exports no '{}', and no step gave that name; it "
                               "exports {}{}",
                               host_.instance().program_name(), shown(name), known,
                               count > 10 ? ", ..." : ""));
}

values::Completion<BindgenSteps::JsValue> BindgenSteps::exported(std::string_view name) {
    auto exports = host_.exports();
    if (!exports) {
        return std::unexpected(std::move(exports.error()));
    }
    const auto key = host_.world().key(name);
    if (!values::has_property(host_.world(), **exports, key)) {
        return unknown(name);
    }
    return values::peek(host_.world(), **exports, key);
}

Eventual<BindgenSteps::JsValue> BindgenSteps::call(const ForeignStep& step,
                                                   values::Arguments arguments) {
    constexpr std::string_view kNew = "new ";
    const std::string& what = step.what;
    if (what.starts_with(kNew)) {
        return construct(std::string_view(what).substr(kNew.size()), arguments);
    }
    const std::size_t dot = what.rfind('.');
    if (dot != std::string::npos && dot > 0) {
        return call_member(what.substr(0, dot), what.substr(dot + 1), arguments);
    }
    const auto named = find(what);
    auto function = named ? values::Completion<JsValue>(*named) : exported(what);
    if (!function) {
        return std::unexpected(std::move(function.error()));
    }
    return values::call(host_.world(), *function, JsValue(), arguments, what);
}

Eventual<BindgenSteps::JsValue> BindgenSteps::construct(std::string_view name,
                                                        values::Arguments arguments) {
    auto constructor = exported(name);
    if (!constructor) {
        return std::unexpected(std::move(constructor.error()));
    }
    return values::construct(host_.world(), *constructor, arguments, name);
}

Eventual<BindgenSteps::JsValue> BindgenSteps::call_member(std::string name, std::string member,
                                                          values::Arguments arguments) {
    values::World& world = host_.world();
    const std::vector<JsValue> given(arguments.begin(), arguments.end());
    const auto named = find(name);
    JsValue owner;
    if (named) {
        owner = *named;
    } else {
        owner = co_await exported(name);
    }
    if (named && member == "free") {
        names_.erase(name);
    }
    const values::PropertyKey key = world.key(member);
    const JsValue found = co_await values::get(world, owner, key);
    if (values::is_callable(found)) {
        JsValue result = co_await values::call(world, found, owner, given);
        co_return result;
    }
    if (given.empty()) {
        co_return found;
    }
    static_cast<void>(co_await values::set(world, owner, key, given.front()));
    co_return JsValue();
}

// --- Names ---------------------------------------------------------------------------------------

std::optional<std::string> BindgenSteps::print(values::Object& object, std::string_view path) {
    const std::uint32_t index = host_.class_of(object);
    if (index == kNoClass) {
        return std::nullopt;
    }
    const auto pointer = host_.world().key(host_.plan().bindings().classes[index].pointer);
    if (!object.own_property(host_.world(), pointer)) {
        return std::nullopt;
    }
    if (!printing_) {
        return R"({"$ref":null})";
    }
    const std::string name = *printing_ + std::string(path);
    if (names_.size() < host_.limits().names) {
        names_.insert_or_assign(name, JsValue::of(object));
    }
    return fmt::format(R"({{"$ref":{}}})", quoted_json(name));
}

std::optional<BindgenSteps::JsValue> BindgenSteps::find(std::string_view name) {
    const auto found = names_.find(name);
    return found == names_.end() ? std::nullopt : std::optional(found->second);
}

BindgenSteps::JsValue BindgenSteps::callback(std::string_view name, const JsValue& returns) {
    return JsValue(
        host_.world().function(name, 0, std::make_unique<Callback>(*this, name, returns)));
}

values::Completion<void> BindgenSteps::add_line(const std::string& line) {
    line_bytes_ += line.size();
    if (line_bytes_ > host_.limits().value_bytes) {
        return std::unexpected(
            Thrown(limit_error({.limit = "host_value_bytes",
                                .setting = "limits.host_value_bytes",
                                .value = host_.limits().value_bytes},
                               "what the callbacks of one step were given is too long")));
    }
    if (on_line_ != nullptr) {
        (*on_line_)(line);
    }
    return {};
}

// --- Errors --------------------------------------------------------------------------------------

Error BindgenSteps::error_of(const Thrown& thrown) {
    if (thrown.is_fault()) {
        return thrown.fault();
    }
    values::World& world = host_.world();
    Error error = host_.error_of(thrown);
    const JsValue& value = thrown.value();
    if (host_.trap_behind(value) != nullptr) {
        return error;
    }
    error.type = ErrorType::kInvalidRequest;
    error.code = "refused_by_module";
    if (!value.is_object()) {
        error.message = value.is_symbol() ? values::describe(world, value)
                                          : values::primitive_to_string(world, value)->utf8();
        return error;
    }
    const JsValue message = values::peek(world, value, "message");
    if (message.is_string()) {
        error.message = message.string().utf8();
        return error;
    }
    auto text = values::print_step(world, value, *this);
    if (text.ready()) {
        if (auto taken = text.take()) {
            error.message = taken->string().utf8();
        }
    }
    return error;
}

// What nobody caught goes to the log, as a console would have it.
void BindgenSteps::report_uncaught() {
    while (const auto uncaught = host_.world().take_uncaught()) {
        const std::string text = "Uncaught " + values::message_of(host_.world(), *uncaught);
        host_.world().services().console(values::ConsoleLevel::kError, text);
    }
}

Eventual<std::uint32_t> BindgenSteps::move_stack_pointer(std::uint32_t by) {
    const GuestFunction* const move =
        co_await host_.wasm_function(host_.plan().bindings().helpers.stack_pointer);
    const std::uint32_t now = co_await host_.call_words(*move, by);
    co_return now;
}

Eventual<BindgenSteps::JsValue> BindgenSteps::restore_stack_pointer() {
    if (resting_stack_pointer_) {
        const std::uint32_t now = co_await move_stack_pointer(0);
        static_cast<void>(co_await move_stack_pointer(*resting_stack_pointer_ - now));
    }
    co_return JsValue();
}

}  // namespace realm::sandbox
