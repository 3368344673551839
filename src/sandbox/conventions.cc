#include "sandbox/conventions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<std::string_view, Passing>, 12> kNames = {{
    {"void", Passing::kNothing},
    {"bool", Passing::kBool},
    {"i32", Passing::kI32},
    {"u32", Passing::kU32},
    {"i64", Passing::kI64},
    {"u64", Passing::kU64},
    {"f32", Passing::kF32},
    {"f64", Passing::kF64},
    {"string", Passing::kString},
    {"bytes", Passing::kBytes},
    {"cstring", Passing::kCString},
    {"handle", Passing::kHandle},
}};

std::string name_of(const PassedType& type) {
    if (type.passing == Passing::kObject) {
        return type.class_name;
    }
    return std::string(std::ranges::find(kNames, type.passing, [](const auto& entry) {
                           return entry.second;
                       })->first);
}

// An export with one of `signatures` whose name is `exact` or begins with `prefix`.
std::string find_helper(const ModuleInfo& info, std::string_view prefix, std::string_view exact,
                        const std::vector<Signature>& signatures) {
    for (const bool by_prefix : {true, false}) {
        for (const ExportInfo& found : info.exports) {
            const bool named = by_prefix ? found.name.starts_with(prefix) : found.name == exact;
            if (named && found.kind == ExternKind::kFunction && found.signature &&
                std::ranges::find(signatures, *found.signature) != signatures.end()) {
                return found.name;
            }
        }
    }
    return "";
}

std::optional<std::string> between(std::string_view text, std::string_view before,
                                   std::string_view after) {
    if (!text.starts_with(before) || !text.ends_with(after) ||
        text.size() <= before.size() + after.size()) {
        return std::nullopt;
    }
    return std::string(text.substr(before.size(), text.size() - before.size() - after.size()));
}

void detect_helpers(const ModuleInfo& info, Conventions& found) {
    constexpr auto kI32 = ValueType::kI32;
    const Signature one{.parameters = {kI32}, .results = {kI32}};
    const Signature two{.parameters = {kI32, kI32}, .results = {kI32}};
    found.allocate = find_helper(info, "__wbindgen_malloc", "malloc", {one, two});
    found.release = find_helper(info, "__wbindgen_free", "free",
                                {{.parameters = {kI32}, .results = {}},
                                 {.parameters = {kI32, kI32}, .results = {}},
                                 {.parameters = {kI32, kI32, kI32}, .results = {}}});
    found.stack_pointer = find_helper(info, "__wbindgen_add_to_stack_pointer", "", {one});
    found.callee_frees = found.allocate.starts_with("__wbindgen");
}

void detect_members(const ModuleInfo& info, const std::string& name, ClassConvention& found) {
    for (const ExportInfo& member : info.exports) {
        if (member.kind != ExternKind::kFunction) {
            continue;
        }
        if (auto field = between(member.name, "__wbg_get_" + name + "_", "")) {
            found.getters.emplace(*field, member.name);
        } else if (auto set = between(member.name, "__wbg_set_" + name + "_", "")) {
            found.setters.emplace(*set, member.name);
        } else if (auto method = between(member.name, name + "_", "")) {
            if (*method == "new") {
                found.constructor = member.name;
            } else {
                found.methods.emplace(*method, member.name);
            }
        }
    }
}

// One description, read with the path that errors name.
class Reader {
public:
    explicit Reader(Conventions conventions) : into_(std::move(conventions)) {}

    Result<Conventions> read(const Json& json) {
        for_each(json, "", [&](const std::string& key, const Json& value, const std::string& path) {
            if (key == "exports") {
                for_each(value, path, [&](const auto& name, const auto& each, const auto& at) {
                    into_.exports[name] = read_export(each, at);
                });
            } else if (key == "classes") {
                for_each(value, path, [&](const auto& name, const auto& each, const auto& at) {
                    read_class(each, at, into_.classes[name]);
                });
            } else if (key == "allocate") {
                into_.allocate = text(value, path);
            } else if (key == "release") {
                into_.release = text(value, path);
            } else if (key == "stack_pointer") {
                into_.stack_pointer = text(value, path);
            } else if (key == "callee_frees") {
                into_.callee_frees = boolean(value, path);
            } else {
                unknown(path);
            }
        });
        if (error_) {
            return std::unexpected(std::move(*error_));
        }
        return std::move(into_);
    }

private:
    void wrong(const std::string& path, std::string_view wanted) {
        if (!error_) {
            error_ = make_error(ErrorType::kInvalidRequest, "invalid_conventions",
                                fmt::format("conventions{}: {}", path, wanted));
        }
    }
    void unknown(const std::string& path) { wrong(path, "there is no such key"); }

    template <class Function>
    void for_each(const Json& json, const std::string& path, Function&& function) {
        if (!json.is_object()) {
            wrong(path, "must be an object");
            return;
        }
        for (const auto& [key, value] : json.items()) {
            function(key, value, path + "." + shown(key));
        }
    }

    std::string text(const Json& json, const std::string& path) {
        if (!json.is_string()) {
            wrong(path, "must be a string");
            return "";
        }
        return json.get<std::string>();
    }
    bool boolean(const Json& json, const std::string& path) {
        if (!json.is_boolean()) {
            wrong(path, "must be true or false");
        }
        return json.is_boolean() && json.get<bool>();
    }

    // One of the names above, or that of a class.
    PassedType type(const Json& json, const std::string& path) {
        const std::string name = text(json, path);
        const auto* const known =
            std::ranges::find(kNames, name, [](const auto& entry) { return entry.first; });
        if (known != kNames.end()) {
            return {.passing = known->second, .class_name = ""};
        }
        if (name.empty()) {
            wrong(path, "must be a type or the name of a class");
        }
        return {.passing = Passing::kObject, .class_name = name};
    }

    ExportConvention read_export(const Json& json, const std::string& at) {
        ExportConvention found;
        for_each(json, at, [&](const std::string& key, const Json& value, const std::string& path) {
            if (key == "params") {
                if (!value.is_array()) {
                    wrong(path, "must be an array");
                    return;
                }
                for (const Json& each : value) {
                    found.parameters.push_back(type(each, path));
                }
            } else if (key == "returns") {
                found.result = type(value, path);
            } else if (key == "fallible") {
                found.fallible = boolean(value, path);
            } else {
                unknown(path);
            }
        });
        return found;
    }

    void names(const Json& json, const std::string& at, std::map<std::string, std::string>& into) {
        for_each(json, at, [&](const auto& key, const auto& value, const auto& path) {
            into[key] = text(value, path);
        });
    }

    void read_class(const Json& json, const std::string& at, ClassConvention& found) {
        for_each(json, at, [&](const std::string& key, const Json& value, const std::string& path) {
            if (key == "constructor") {
                found.constructor = text(value, path);
            } else if (key == "free") {
                found.free = text(value, path);
            } else if (key == "methods") {
                names(value, path, found.methods);
            } else if (key == "getters") {
                names(value, path, found.getters);
            } else if (key == "setters") {
                names(value, path, found.setters);
            } else {
                unknown(path);
            }
        });
    }

    Conventions into_;
    std::optional<Error> error_;
};

}  // namespace

Conventions detect_conventions(const ModuleInfo& info) {
    Conventions found;
    detect_helpers(info, found);
    for (const ExportInfo& each : info.exports) {
        if (auto name = between(each.name, "__wbg_", "_free");
            name && each.kind == ExternKind::kFunction) {
            ClassConvention& convention = found.classes[*name];
            convention.free = each.name;
            detect_members(info, *name, convention);
        }
    }
    return found;
}

Result<Conventions> with_description(Conventions conventions, const Json& json) {
    return Reader(std::move(conventions)).read(json);
}

Json to_json(const Conventions& conventions) {
    Json exports = Json::object();
    for (const auto& [name, found] : conventions.exports) {
        Json parameters = Json::array();
        for (const PassedType& type : found.parameters) {
            parameters.push_back(name_of(type));
        }
        exports[name] = {{"params", std::move(parameters)},
                         {"returns", name_of(found.result)},
                         {"fallible", found.fallible}};
    }
    Json classes = Json::object();
    for (const auto& [name, found] : conventions.classes) {
        classes[name] = {{"constructor", found.constructor},
                         {"free", found.free},
                         {"methods", found.methods},
                         {"getters", found.getters},
                         {"setters", found.setters}};
    }
    return {{"exports", std::move(exports)},
            {"classes", std::move(classes)},
            {"allocate", conventions.allocate},
            {"release", conventions.release},
            {"stack_pointer", conventions.stack_pointer},
            {"callee_frees", conventions.callee_frees}};
}

}  // namespace realm::sandbox
