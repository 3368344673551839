#include "sandbox/foreign_caller.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sandbox/bindgen_steps.h"
#include "sandbox/foreign_results.h"
#include "sandbox/foreign_values.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

using Json = nlohmann::json;
using base::Task;

constexpr std::size_t kMostNames = 1000;

std::string lower_case(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    return result;
}

std::unexpected<Error> refused(std::string_view code, std::string message) {
    return fail(ErrorType::kInvalidRequest, code, std::move(message));
}

std::uint32_t u32(const Value& value) {
    return static_cast<std::uint32_t>(std::get<std::int32_t>(value));
}
Value pointer_value(std::uint32_t pointer) {
    return static_cast<std::int32_t>(pointer);
}

Values one_value(std::int32_t value) {
    return {value};
}

bool exports_function(const ModuleInfo& info, std::string_view name) {
    const ExportInfo* const found = info.find_export(name);
    return found != nullptr && found->kind == ExternKind::kFunction;
}

template <class Map>
auto find_class(Map& classes, std::string_view name) {
    return std::ranges::find_if(
        classes, [&](const auto& entry) { return lower_case(entry.first) == lower_case(name); });
}

bool takes_two_words(const Json& argument) {
    return argument.is_string() || (argument.is_object() && argument.contains("$bytes"));
}

}  // namespace

// One call on its way.
struct ForeignCaller::CallFrame {
    Signature signature;
    const ExportConvention* shape = nullptr;  // null: not described
    bool two_words = true;                    // for what is not described
    Values arguments;
    std::vector<Lent> lent;
    AreaLayout area;
    std::uint32_t area_at = 0;  // 0: the results come as values
    bool constructs = false;
};

Result<ForeignStep> read_foreign_step(std::string_view text) {
    const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!json.is_object()) {
        return refused("invalid_step", "a step is an object: {\"do\": ..., \"args\": [...]}");
    }
    ForeignStep step;
    for (const auto& [key, value] : json.items()) {
        if (key == "do" && value.is_string()) {
            step.what = value.get<std::string>();
        } else if (key == "args" && value.is_array()) {
            step.arguments = Json(value);
            for (const auto& argument : value) {
                step.argument_texts.push_back(argument.dump());
            }
        } else if (key == "as" && value.is_string()) {
            step.as = value.get<std::string>();
        } else if (key == "do" || key == "as") {
            return refused("invalid_step", fmt::format("a step's '{}' must be a string", key));
        } else if (key == "args") {
            return refused("invalid_step", "a step's 'args' must be an array");
        } else {
            return refused("invalid_step",
                           fmt::format("a step has no '{}'; it has do, args and as", shown(key)));
        }
    }
    if (step.what.empty()) {
        return refused("invalid_step", "a step needs 'do': an export, new Class or name.method");
    }
    return step;
}

Task<StepResult> ForeignCaller::run(Guest& guest, ForeignStep step, OnStepLine on_line) {
    BindgenHost* const bindgen = guest.bindgen();
    // What was only guessed from names counts for imports alone.
    if (bindgen != nullptr &&
        std::ranges::any_of(bindgen->plan().bindings().exports, &glue::Export::certain)) {
        StepResult made = co_await bindgen->steps().run(step, on_line);
        co_return made;
    }
    auto result = co_await run_plain(guest, std::move(step));
    StepResult made;
    if (result) {
        made.result = result->dump(-1, ' ', false, Json::error_handler_t::replace);
    } else {
        made.result = std::unexpected(std::move(result.error()));
    }
    co_return made;
}

Task<Result<Json>> ForeignCaller::run_plain(Guest& guest, ForeignStep step) {
    auto target = find_target(guest, step);
    if (!target) {
        co_return std::unexpected(std::move(target.error()));
    }
    if (objects_.size() >= kMostNames && !target->class_name.empty()) {
        co_return fail(ErrorType::kProgramLimit, "objects",
                       fmt::format("{} objects are held already; free some", kMostNames));
    }
    heap_.begin_call();
    const std::string made_class = target->class_name;
    const bool frees = target->frees;
    auto result = co_await call(guest, std::move(*target), step.arguments);
    if (!result) {
        co_return result;
    }
    if (frees) {
        objects_.erase(step.what.substr(0, step.what.find('.')));
    }
    // A pointer to an object leaves this class under a name only.
    if (!made_class.empty() || (result->is_object() && result->contains("$class"))) {
        Object object{.class_name = made_class, .pointer = 0};
        if (result->is_object()) {
            object.class_name = result->at("$class").get<std::string>();
            object.pointer = result->at("$pointer").get<std::uint32_t>();
        } else {
            object.pointer = static_cast<std::uint32_t>(result->get<std::int64_t>());
        }
        std::string name = step.as;
        for (std::size_t i = 1; name.empty() || (step.as.empty() && objects_.contains(name)); ++i) {
            name = fmt::format("object{}", i);
        }
        objects_[name] = std::move(object);
        Json reference = Json::object();
        reference["$ref"] = name;
        co_return reference;
    }
    co_return result;
}

Result<ForeignCaller::Target> ForeignCaller::find_target(const Guest& guest,
                                                         const ForeignStep& step) const {
    constexpr std::string_view kNew = "new ";
    if (step.what.starts_with(kNew)) {
        const std::string name = step.what.substr(kNew.size());
        const auto found = find_class(conventions_.classes, name);
        std::string constructor = found != conventions_.classes.end() ? found->second.constructor
                                                                      : lower_case(name) + "_new";
        if (constructor.empty() || !exports_function(guest.info(), constructor)) {
            return refused("no_such_class",
                           fmt::format("program '{}' exports no constructor of a class '{}'",
                                       guest.program_name(), shown(name)));
        }
        return Target{.function = std::move(constructor),
                      .class_name = found != conventions_.classes.end() ? found->first : name};
    }
    const std::size_t dot = step.what.find('.');
    const auto object = objects_.find(step.what.substr(0, dot));
    if (dot != std::string::npos && object != objects_.end()) {
        return find_member(object->second, step.what.substr(dot + 1), step.arguments.size());
    }
    if (dot != std::string::npos && !exports_function(guest.info(), step.what)) {
        return refused("no_such_name",
                       fmt::format("nothing is named '{}'", shown(step.what.substr(0, dot))));
    }
    return Target{.function = step.what, .class_name = ""};
}

Result<ForeignCaller::Target> ForeignCaller::find_member(const Object& object,
                                                         const std::string& member,
                                                         std::size_t arguments) const {
    Target target{.function = "", .class_name = "", .self = &object};
    const auto found = find_class(conventions_.classes, object.class_name);
    if (found == conventions_.classes.end()) {
        target.function = lower_case(object.class_name) + "_" + member;
        return target;
    }
    const ClassConvention& members = found->second;
    const auto& fields = arguments == 0 ? members.getters : members.setters;
    if (const auto method = members.methods.find(member); method != members.methods.end()) {
        target.function = method->second;
    } else if (const auto field = fields.find(member); field != fields.end()) {
        target.function = field->second;
    } else if (member == "free" && !members.free.empty()) {
        target.function = members.free;
        target.frees = true;
    } else {
        return refused("no_such_member", fmt::format("class '{}' has no '{}'",
                                                     shown(object.class_name), shown(member)));
    }
    return target;
}

Task<Result<Json>> ForeignCaller::call(Guest& guest, Target target, const Json& arguments) {
    CallFrame frame;
    auto signature = signature_of_export(guest.program_name(), guest.info(), target.function);
    if (!signature) {
        co_return std::unexpected(std::move(signature.error()));
    }
    frame.signature = std::move(*signature);
    frame.constructs = !target.class_name.empty();
    const auto shape = conventions_.exports.find(target.function);
    frame.shape = shape != conventions_.exports.end() ? &shape->second : nullptr;
    if (auto planned = plan(guest, frame, target, arguments); !planned) {
        co_return std::unexpected(std::move(planned.error()));
    }
    const bool has_stack = !conventions_.stack_pointer.empty();
    std::uint32_t stack = 0;
    if (has_stack) {
        auto at = co_await move_stack(guest, -static_cast<std::int32_t>(frame.area.bytes));
        if (!at) {
            co_return std::unexpected(std::move(at.error()));
        }
        stack = *at + frame.area.bytes;
        frame.area_at = frame.area.bytes != 0 ? *at : 0;
    }
    auto result = co_await call_planned(guest, frame, target, arguments);
    if (has_stack) {
        // Where the module trapped, its own frames are still on the stack.
        auto now = co_await move_stack(guest, 0);
        if (now && *now != stack) {
            co_await move_stack(guest, static_cast<std::int32_t>(stack - *now));
        }
    }
    co_return result;
}

Result<void> ForeignCaller::plan(const Guest& guest, CallFrame& frame, const Target& target,
                                 const Json& arguments) const {
    const std::size_t parameters = frame.signature.parameters.size();
    const std::size_t self = target.self != nullptr ? 1 : 0;
    const bool can_return_by_area =
        !conventions_.stack_pointer.empty() && frame.signature.results.empty();
    if (frame.shape != nullptr) {
        const auto words = words_of(*frame.shape);
        if (frame.shape->parameters.size() != arguments.size()) {
            return refused("bad_arguments",
                           fmt::format("program '{}': '{}' takes {} arguments and was given {}",
                                       guest.program_name(), shown(target.function),
                                       frame.shape->parameters.size(), arguments.size()));
        }
        if (words.size() > 1 && can_return_by_area) {
            frame.area = layout_of(words);
        }
        return {};
    }
    const auto two = static_cast<std::size_t>(std::ranges::count_if(arguments, takes_two_words));
    // `free` of newer versions has a flag more.
    const std::size_t flag = target.frees && parameters == self + 1 ? 1 : 0;
    for (const bool two_words : {true, false}) {
        const std::size_t needed = self + flag + arguments.size() + (two_words ? two : 0);
        for (const bool by_area : {false, true}) {
            if (needed + (by_area ? 1 : 0) != parameters || (by_area && !can_return_by_area)) {
                continue;
            }
            frame.two_words = two_words;
            if (by_area) {
                const std::array<ValueType, kProbeWords> probe{};
                frame.area = layout_of(probe);
            }
            return {};
        }
    }
    return refused(
        "bad_arguments",
        fmt::format("program '{}': the arguments do not fit '{}', whose type is {}",
                    guest.program_name(), shown(target.function), shown(frame.signature)));
}

Task<Result<Json>> ForeignCaller::call_planned(Guest& guest, CallFrame& frame, const Target& target,
                                               const Json& arguments) {
    if (frame.area_at != 0) {
        const auto area = guest.memory().span<std::uint32_t>(frame.area_at, frame.area.bytes / 4);
        if (!area) {
            co_return fail(ErrorType::kProgramTrap, "bad_pointer",
                           fmt::format("program '{}' has its stack outside of its memory",
                                       guest.program_name()));
        }
        std::ranges::fill(*area, kUnwrittenWord);
        frame.arguments.push_back(pointer_value(frame.area_at));
    }
    if (target.self != nullptr) {
        frame.arguments.push_back(pointer_value(target.self->pointer));
    }
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const PassedType* const type =
            frame.shape != nullptr ? &frame.shape->parameters[i] : nullptr;
        if (auto lowered = co_await lower(guest, frame, arguments[i], type); !lowered) {
            co_return std::unexpected(std::move(lowered.error()));
        }
    }
    if (target.frees && frame.arguments.size() < frame.signature.parameters.size()) {
        frame.arguments.emplace_back(std::int32_t{0});
    }
    auto results = co_await guest.call(target.function, frame.arguments);
    for (const Lent& lent : frame.lent) {
        if (results && !conventions_.callee_frees) {
            if (auto freed = co_await heap_.release(guest, lent.pointer, lent.size); !freed) {
                co_return std::unexpected(std::move(freed.error()));
            }
        }
    }
    if (!results) {
        co_return std::unexpected(std::move(results.error()));
    }
    co_return co_await lift(guest, frame, std::move(*results));
}

Task<Result<void>> ForeignCaller::lower(Guest& guest, CallFrame& frame, const Json& argument,
                                        const PassedType* type) {
    if (argument.is_object() && argument.contains("$ref")) {
        const Json& name = argument.at("$ref");
        const auto object =
            name.is_string() ? objects_.find(name.get<std::string>()) : objects_.end();
        if (object == objects_.end()) {
            co_return refused("no_such_name",
                              fmt::format("nothing is named {}", shown(name.dump())));
        }
        frame.arguments.push_back(pointer_value(object->second.pointer));
        co_return Result<void>();
    }
    auto bytes = bytes_of(argument);
    if (!bytes) {
        co_return std::unexpected(std::move(bytes.error()));
    }
    if (*bytes) {
        const bool by_two = type != nullptr ? type->passing != Passing::kCString : frame.two_words;
        if (type != nullptr && words_of(*type).size() != 2 && type->passing != Passing::kCString) {
            co_return refused("bad_arguments", fmt::format("the argument {} must be a number",
                                                           shown(argument.dump())));
        }
        if (!by_two) {
            (*bytes)->push_back('\0');
        }
        if (auto lowered = co_await lower_bytes(guest, frame, **bytes); !lowered) {
            co_return lowered;
        }
        if (!by_two) {
            frame.arguments.pop_back();
        }
        co_return Result<void>();
    }
    const std::size_t at = frame.arguments.size();
    if (at >= frame.signature.parameters.size()) {
        co_return refused("bad_arguments", "more arguments than the export takes");
    }
    auto value = to_value(argument, frame.signature.parameters[at], type);
    if (!value) {
        co_return std::unexpected(std::move(value.error()));
    }
    frame.arguments.push_back(*value);
    co_return Result<void>();
}

Task<Result<void>> ForeignCaller::lower_bytes(Guest& guest, CallFrame& frame,
                                              std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    auto pointer = co_await heap_.allocate(guest, size);
    if (!pointer) {
        co_return std::unexpected(std::move(pointer.error()));
    }
    const auto place = guest.memory().span<char>(*pointer, size);
    if (!place || (*pointer == 0 && size != 0)) {
        co_return fail(ErrorType::kProgramTrap, "bad_allocation",
                       fmt::format("program '{}': its allocator gave {} for {} bytes, in a memory "
                                   "of {} bytes",
                                   guest.program_name(), *pointer, size, guest.memory().size()));
    }
    std::ranges::copy(bytes, place->begin());
    frame.lent.emplace_back(*pointer, size);
    frame.arguments.push_back(pointer_value(*pointer));
    frame.arguments.push_back(pointer_value(size));
    co_return Result<void>();
}

Task<Result<std::uint32_t>> ForeignCaller::move_stack(Guest& guest, std::int32_t by) {
    auto results = co_await guest.call(conventions_.stack_pointer, one_value(by));
    if (!results) {
        co_return std::unexpected(std::move(results.error()));
    }
    if (results->size() != 1 || results->front().index() != 0) {
        co_return refused("bad_conventions", "the stack pointer that is described is none");
    }
    co_return u32(results->front());
}

Task<Result<Json>> ForeignCaller::lift(Guest& guest, const CallFrame& frame, Values results) {
    auto words = frame.area_at == 0 ? Result<Values>(std::move(results))
                                    : words_in_area(guest.memory(), frame.area_at, frame.shape);
    if (!words) {
        co_return std::unexpected(std::move(words.error()));
    }
    std::optional<ExportConvention> shape;
    if (frame.shape != nullptr) {
        shape = *frame.shape;
    } else if (words->size() > 1 && (frame.area_at != 0 || conventions_.callee_frees)) {
        shape = guess_shape(*words);
    }
    if (!shape) {
        co_return numbers_json(*words);
    }
    if (words->size() < words_of(*shape).size()) {
        co_return fail(ErrorType::kInvalidRequest, "bad_conventions",
                       "the export gives fewer values than its description says");
    }
    if (shape->fallible) {
        const std::size_t at = words_of(shape->result).size();
        if (u32((*words)[at + 1]) != 0) {
            co_return refused("refused_by_module", guest.take_host_value(u32((*words)[at])));
        }
    }
    switch (shape->result.passing) {
        case Passing::kNothing:
            co_return Json(nullptr);
        case Passing::kString:
        case Passing::kBytes:
            co_return co_await lift_text(guest, u32((*words)[0]), u32((*words)[1]),
                                         shape->result.passing);
        case Passing::kCString:
            co_return c_string_json(guest, guest.memory(), u32(words->front()));
        case Passing::kHandle:
            co_return Json(guest.take_host_value(u32(words->front())));
        case Passing::kObject:
            co_return object_json(shape->result.class_name, u32(words->front()));
        default:
            co_return to_json(words->front(), shape->result.passing);
    }
}

Task<Result<Json>> ForeignCaller::lift_text(Guest& guest, std::uint32_t pointer,
                                            std::uint32_t length, Passing passing) {
    const auto found = guest.memory().span<const char>(pointer, length);
    if (!found) {
        co_return fail(ErrorType::kProgramTrap, "bad_pointer",
                       fmt::format("program '{}' gave a result at {}: {}", guest.program_name(),
                                   pointer, found.error().reason));
    }
    std::string text(found->begin(), found->end());
    if (conventions_.callee_frees) {
        if (auto freed = co_await heap_.release(guest, pointer, length); !freed) {
            co_return std::unexpected(std::move(freed.error()));
        }
    }
    if (passing == Passing::kBytes) {
        co_return bytes_json(text);
    }
    co_return text_json(std::move(text));
}

}  // namespace realm::sandbox
