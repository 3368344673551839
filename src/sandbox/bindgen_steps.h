// Steps of `realm call` against a module with bindings: expressions of JavaScript on what its
// package exports. Internal.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "sandbox/bindgen_host.h"
#include "values/step_json.h"

namespace realm::sandbox {

struct ForeignStep;
struct StepResult;

// Owned by the host, with whose values it deals: the names that steps gave to results. Used by the
// instance's jobs, one at a time.
class BindgenSteps final : private values::StepNames {
public:
    explicit BindgenSteps(BindgenHost& host) : host_(host) {}

    // Errors: what JavaScript would show is the message. invalid_request/refused_by_module for what
    // was thrown, program_trap for a RuntimeError.
    base::Task<StepResult> run(const ForeignStep& step,
                               const std::function<void(std::string_view)>& on_line);

private:
    class Callback;
    using JsValue = values::Value;

    std::optional<std::string> print(values::Object& object, std::string_view path) override;
    std::optional<JsValue> find(std::string_view name) override;
    JsValue callback(std::string_view name, const JsValue& returns) override;

    values::Eventual<std::string> perform(const ForeignStep& step);
    values::Eventual<JsValue> call(const ForeignStep& step, values::Arguments arguments);
    values::Eventual<JsValue> construct(std::string_view name, values::Arguments arguments);
    values::Eventual<JsValue> call_member(std::string name, std::string member,
                                          values::Arguments arguments);
    // The result of a promise, once it is settled.
    values::Eventual<JsValue> settled(JsValue value);
    values::Eventual<JsValue> restore_stack_pointer();
    values::Eventual<std::uint32_t> move_stack_pointer(std::uint32_t by);
    Error error_of(const values::Thrown& thrown);
    std::unexpected<values::Thrown> unknown(std::string_view name);
    values::Completion<JsValue> exported(std::string_view name);
    void report_uncaught();
    values::Completion<void> add_line(const std::string& line);

    BindgenHost& host_;
    std::map<std::string, JsValue, std::less<>> names_;
    std::optional<std::string> printing_;  // the name of the result that is printed
    // Of the step that runs.
    const std::function<void(std::string_view)>* on_line_ = nullptr;
    std::size_t line_bytes_ = 0;
    std::optional<std::uint32_t> resting_stack_pointer_;
};

}  // namespace realm::sandbox
