#include "glue/bindings.h"

#include <algorithm>
#include <array>

#include "glue/bindings_names.h"

namespace realm::glue {
namespace {

using Json = nlohmann::json;

void put(Json& json, std::string_view key, const std::string& text) {
    if (!text.empty()) {
        json[key] = text;
    }
}

void put_flag(Json& json, std::string_view key, bool flag, bool usual) {
    if (flag != usual) {
        json[key] = flag;
    }
}

Json to_json(const Type& type) {
    Json json{{"kind", name_of(type.kind)}};
    if (type.kind == Kind::kSlice) {
        json["element"] = element_name(type.element);
    }
    put(json, "class", type.class_name);
    put_flag(json, "optional", type.optional, false);
    put_flag(json, "written", type.written, false);
    put_flag(json, "consumed", type.consumed, false);
    put(json, "declared", type.declared);
    return json;
}

Json to_json(const Function& function) {
    Json json{{"name", function.name},
              {"parameters", function.parameters},
              {"slots", function.slots},
              {"body", to_json(function.body)}};
    if (function.captures > 0) {
        json["captures"] = function.captures;
    }
    put_flag(json, "rest", function.rest, false);
    return json;
}

Json to_json(const Variable& variable) {
    Json json{{"name", variable.name}};
    if (variable.function) {
        json["function"] = *variable.function;
    }
    return json;
}

Json to_json(const Closure& closure) {
    Json json{{"kind", closure.kind == ClosureKind::kShared ? "shared" : "exclusive"},
              {"function", closure.function}};
    put(json, "destroy", closure.destroy);
    if (closure.destroy_index) {
        json["destroy_index"] = *closure.destroy_index;
    }
    return json;
}

Json to_json(const Class& known) {
    Json json{{"name", known.name}, {"pointer", known.pointer}};
    put(json, "exported", known.exported);
    put(json, "parent", known.parent);
    put(json, "builtin_parent", known.builtin_parent);
    put(json, "free", known.free);
    return json;
}

Json to_json(const Import& import) {
    Json json{{"name", import.name}};
    put(json, "module", import.module);
    put(json, "unsupported", import.unsupported);
    if (import.unsupported.empty()) {
        json["function"] = import.function;
    }
    put_flag(json, "catches", import.catches, false);
    put_flag(json, "certain", import.certain, true);
    return json;
}

Json to_json(const Export& item) {
    Json parameters = Json::array();
    for (const Parameter& parameter : item.parameters) {
        parameters.push_back({{"name", parameter.name}, {"type", to_json(parameter.type)}});
    }
    Json json{{"name", item.name},
              {"kind", name_of(item.kind)},
              {"parameters", std::move(parameters)},
              {"result", to_json(item.result)}};
    put(json, "class", item.class_name);
    put(json, "wasm", item.wasm_export);
    put(json, "unsupported", item.unsupported);
    if (item.unsupported.empty()) {
        json["function"] = item.function;
    }
    put_flag(json, "fallible", item.fallible, false);
    put_flag(json, "certain", item.certain, true);
    return json;
}

Json to_json(const Source& source) {
    Json json = Json::object();
    put(json, "package", source.package);
    put(json, "package_version", source.package_version);
    put(json, "module", source.module);
    put(json, "glue", source.glue);
    put(json, "wasm_bindgen", source.wasm_bindgen);
    return json;
}

Json to_json(const Helpers& helpers) {
    Json json = Json::object();
    for (const HelperRow& row : kHelpers) {
        put(json, row.name, helpers.*row.field);
    }
    return json;
}

template <class T>
Json list_json(const std::vector<T>& items) {
    Json json = Json::array();
    for (const T& item : items) {
        json.push_back(to_json(item));
    }
    return json;
}

}  // namespace

std::string_view name_of(Kind kind) {
    return kKinds[static_cast<std::size_t>(kind)];
}

std::string_view name_of(ExportKind kind) {
    return kExportKinds[static_cast<std::size_t>(kind)];
}

const Import* Bindings::find_import(std::string_view name) const {
    const auto found = std::ranges::find(imports, name, &Import::name);
    return found == imports.end() ? nullptr : &*found;
}

const Class* Bindings::find_class(std::string_view name) const {
    const auto found = std::ranges::find(classes, name, &Class::name);
    return found == classes.end() ? nullptr : &*found;
}

Json to_json(const Bindings& bindings) {
    Json constants = Json::object();
    for (const auto& [name, value] : bindings.constants) {
        constants[name] = value;
    }
    Json json{
        {"format", kBindingsFormat},
        {"source", to_json(bindings.source)},
        {"returns", bindings.returns == ReturnMode::kMultiValue ? "multi_value" : "return_area"},
        {"handles", kHandleModes[static_cast<std::size_t>(bindings.handles)]},
        {"helpers", to_json(bindings.helpers)},
        {"constants", std::move(constants)},
        {"exported_constants", bindings.exported_constants},
        {"functions", list_json(bindings.functions)},
        {"variables", list_json(bindings.variables)},
        {"closures", list_json(bindings.closures)},
        {"classes", list_json(bindings.classes)},
        {"imports", list_json(bindings.imports)},
        {"exports", list_json(bindings.exports)},
        {"notes", bindings.notes}};
    if (bindings.handles == HandleMode::kSlab) {
        json["slab_reserved"] = bindings.slab_reserved;
    }
    return json;
}

std::string bindings_text(const Bindings& bindings) {
    return to_json(bindings).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace realm::glue
