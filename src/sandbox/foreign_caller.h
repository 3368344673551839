// Drives a module that was not written for Realm by steps: calls of its exports, its classes and
// their objects, with JSON on this side of the border.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "sandbox/conventions.h"
#include "sandbox/foreign_heap.h"
#include "sandbox/guest.h"

namespace realm::sandbox {

// {"do": "export" | "new Class" | "name.method" | "name.field" | "name.free", "args": [...],
//  "as": "name"}
struct ForeignStep {
    std::string what;
    nlohmann::json arguments = nlohmann::json::array();
    std::vector<std::string> argument_texts;  // the same, with the members of objects in order
    std::string as;
};

// From JSON. invalid_request/invalid_step.
Result<ForeignStep> read_foreign_step(std::string_view text);

// Is given the lines {"callback": name, "args": [...]} as they come: whatever ends the step, those
// before it have been given.
using OnStepLine = std::function<void(std::string_view)>;

// What one step gave, as JSON.
struct StepResult {
    Result<std::string> result;
    // The instance serves no further step: it was left in the middle of its work.
    bool ends_instance = false;
};

// The state between the steps of one guest: the names given to results. Used by the jobs of that
// guest, one at a time.
//
// A string is passed as pointer and length where the export has room for both, else as pointer to
// text that ends with a zero byte; {"$bytes": base64} likewise; {"$ref": name} is a result made
// before. Where the module has no allocator they go to pages that the host adds to its memory.
class ForeignCaller {
public:
    explicit ForeignCaller(Conventions conventions) : conventions_(std::move(conventions)) {}

    // What the step gave. program_trap: the module trapped or threw; its own refusal (the error
    // side of a Result) is invalid_request/refused_by_module with the text it gave. A module with
    // bindings is driven through these (bindgen_steps.h).
    base::Task<StepResult> run(Guest& guest, ForeignStep step, OnStepLine on_line);

private:
    struct Object {
        std::string class_name;
        std::uint32_t pointer = 0;
    };
    // What a step calls.
    struct Target {
        std::string function;
        std::string class_name;  // of the object that a constructor makes
        const Object* self = nullptr;
        bool frees = false;
    };
    // Memory lent to the module for one call.
    struct Lent {
        std::uint32_t pointer = 0;
        std::uint32_t size = 0;
    };
    struct CallFrame;

    base::Task<Result<nlohmann::json>> run_plain(Guest& guest, ForeignStep step);
    Result<Target> find_target(const Guest& guest, const ForeignStep& step) const;
    Result<Target> find_member(const Object& object, const std::string& member,
                               std::size_t arguments) const;
    base::Task<Result<nlohmann::json>> call(Guest& guest, Target target,
                                            const nlohmann::json& arguments);
    Result<void> plan(const Guest& guest, CallFrame& frame, const Target& target,
                      const nlohmann::json& arguments) const;
    base::Task<Result<nlohmann::json>> call_planned(Guest& guest, CallFrame& frame,
                                                    const Target& target,
                                                    const nlohmann::json& arguments);
    base::Task<Result<void>> lower(Guest& guest, CallFrame& frame, const nlohmann::json& argument,
                                   const PassedType* type);
    base::Task<Result<void>> lower_bytes(Guest& guest, CallFrame& frame, std::string_view bytes);
    base::Task<Result<std::uint32_t>> move_stack(Guest& guest, std::int32_t by);
    base::Task<Result<nlohmann::json>> lift(Guest& guest, const CallFrame& frame, Values words);
    base::Task<Result<nlohmann::json>> lift_text(Guest& guest, std::uint32_t pointer,
                                                 std::uint32_t length, Passing passing);

    Conventions conventions_;
    std::map<std::string, Object> objects_;
    ForeignHeap heap_{conventions_};
};

}  // namespace realm::sandbox
