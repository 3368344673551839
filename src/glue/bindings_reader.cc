// Reads a sidecar's JSON and checks that what refers to something refers to something that is
// there.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "glue/bindings.h"
#include "glue/bindings_names.h"
#include "glue/bindings_references.h"

namespace realm::glue {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> invalid(std::string_view where, std::string_view what) {
    return fail(ErrorType::kInvalidRequest, "invalid_bindings",
                fmt::format("the bindings of the module: {}: {}", where, what));
}

// One object of the JSON. The first thing that is wrong stays; whoever read all fields asks then.
class Fields {
public:
    Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
        if (!json.is_object()) {
            refuse("", "is no object");
        }
    }

    [[nodiscard]] const std::string& where() const { return where_; }
    [[nodiscard]] std::string place(std::string_view key) const {
        return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
    }

    const Json* find(std::string_view key) {
        if (!json_.is_object()) {
            return nullptr;
        }
        const auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }

    std::string text(std::string_view key) {
        const Json* const field = find(key);
        if (field == nullptr) {
            return {};
        }
        if (!field->is_string()) {
            refuse(key, "is no text");
            return {};
        }
        return field->get<std::string>();
    }

    bool flag(std::string_view key, bool usual) {
        const Json* const field = find(key);
        if (field == nullptr) {
            return usual;
        }
        if (!field->is_boolean()) {
            refuse(key, "is neither true nor false");
            return usual;
        }
        return field->get<bool>();
    }

    std::optional<std::uint32_t> number(std::string_view key) {
        const Json* const field = find(key);
        if (field == nullptr) {
            return std::nullopt;
        }
        if (!field->is_number_integer() || field->get<double>() < 0 ||
            field->get<double>() > UINT32_MAX) {
            refuse(key, "is no number of 32 bits");
            return std::nullopt;
        }
        return field->get<std::uint32_t>();
    }

    std::uint32_t number_or(std::string_view key, std::uint32_t usual) {
        return number(key).value_or(usual);
    }

    template <class T, std::size_t kCount>
    T one_of(std::string_view key, const std::array<std::string_view, kCount>& names, T usual) {
        const Json* const field = find(key);
        if (field == nullptr) {
            return usual;
        }
        const auto at = field->is_string()
                            ? std::ranges::find(names, field->get_ref<const std::string&>())
                            : names.end();
        if (at == names.end()) {
            refuse(key, fmt::format("is none of {}", fmt::join(names, ", ")));
            return usual;
        }
        return static_cast<T>(at - names.begin());
    }

    void refuse(std::string_view key, std::string_view what) {
        if (!wrong_) {
            wrong_ = invalid(key.empty() ? where_ : place(key), what).error();
        }
    }
    void refuse(Error error) {
        if (!wrong_) {
            wrong_ = std::move(error);
        }
    }

    [[nodiscard]] std::optional<Error> wrong() const { return wrong_; }

private:
    const Json& json_;
    std::string where_;
    std::optional<Error> wrong_;
};

// The items of an array, each by `read(Fields&)`.
template <class T, class Read>
std::vector<T> list(Fields& fields, std::string_view key, Read read) {
    std::vector<T> items;
    const Json* const field = fields.find(key);
    if (field == nullptr) {
        return items;
    }
    if (!field->is_array()) {
        fields.refuse(key, "is no array");
        return items;
    }
    items.reserve(field->size());
    for (std::size_t i = 0; i < field->size(); ++i) {
        Fields item((*field)[i], fmt::format("{}[{}]", fields.place(key), i));
        items.push_back(read(item));
        if (auto wrong = item.wrong()) {
            fields.refuse(std::move(*wrong));
            return {};
        }
    }
    return items;
}

Type read_type(Fields& fields, std::string_view key) {
    Type type;
    const Json* const json = fields.find(key);
    if (json == nullptr) {
        return type;
    }
    Fields inner(*json, fields.place(key));
    type.kind = inner.one_of("kind", kKinds, Kind::kUnknown);
    if (inner.find("element") != nullptr) {
        const auto element = element_named(inner.text("element"));
        if (!element) {
            inner.refuse("element", "is no type of elements");
        }
        type.element = element.value_or(Element::kU8);
    }
    type.class_name = inner.text("class");
    type.optional = inner.flag("optional", false);
    type.written = inner.flag("written", false);
    type.consumed = inner.flag("consumed", false);
    type.declared = inner.text("declared");
    if (auto wrong = inner.wrong()) {
        fields.refuse(std::move(*wrong));
    }
    return type;
}

Function read_function(Fields& fields, std::size_t& nodes_left) {
    Function function{.name = fields.text("name"),
                      .captures = fields.number_or("captures", 0),
                      .parameters = fields.number_or("parameters", 0),
                      .rest = fields.flag("rest", false),
                      .slots = fields.number_or("slots", 0),
                      .body = {}};
    if (std::uint64_t{function.captures} + function.parameters > function.slots ||
        function.slots > kMaxSlots) {
        fields.refuse(
            "slots",
            fmt::format("are fewer than captures and parameters, or more than {}", kMaxSlots));
    }
    if (function.rest && function.parameters == 0) {
        fields.refuse("rest", "needs a parameter");
    }
    const Json* const body = fields.find("body");
    if (body == nullptr) {
        fields.refuse("body", "is missing");
        return function;
    }
    auto node = read_node(*body, nodes_left);
    if (!node) {
        fields.refuse("body", node.error().message);
        return function;
    }
    function.body = std::move(*node);
    return function;
}

Variable read_variable(Fields& fields) {
    return {.name = fields.text("name"), .function = fields.number("function")};
}

Closure read_closure(Fields& fields) {
    constexpr std::array<std::string_view, 2> kClosureKinds{"shared", "exclusive"};
    return {.kind = fields.one_of("kind", kClosureKinds, ClosureKind::kExclusive),
            .function = fields.number_or("function", 0),
            .destroy = fields.text("destroy"),
            .destroy_index = fields.number("destroy_index")};
}

Class read_class(Fields& fields) {
    return {.name = fields.text("name"),
            .exported = fields.text("exported"),
            .parent = fields.text("parent"),
            .builtin_parent = fields.text("builtin_parent"),
            .pointer = fields.text("pointer"),
            .free = fields.text("free")};
}

Import read_import(Fields& fields) {
    return {.module = fields.text("module"),
            .name = fields.text("name"),
            .function = fields.number_or("function", 0),
            .catches = fields.flag("catches", false),
            .unsupported = fields.text("unsupported"),
            .certain = fields.flag("certain", true)};
}

Export read_export(Fields& fields) {
    return {.name = fields.text("name"),
            .class_name = fields.text("class"),
            .kind = fields.one_of("kind", kExportKinds, ExportKind::kFunction),
            .function = fields.number_or("function", 0),
            .wasm_export = fields.text("wasm"),
            .parameters = list<Parameter>(fields, "parameters",
                                          [](Fields& inner) {
                                              return Parameter{.name = inner.text("name"),
                                                               .type = read_type(inner, "type")};
                                          }),
            .result = read_type(fields, "result"),
            .fallible = fields.flag("fallible", false),
            .unsupported = fields.text("unsupported"),
            .certain = fields.flag("certain", true)};
}

Source read_source(Fields& fields) {
    const Json* const json = fields.find("source");
    if (json == nullptr) {
        return {};
    }
    Fields inner(*json, "source");
    Source source{.package = inner.text("package"),
                  .package_version = inner.text("package_version"),
                  .module = inner.text("module"),
                  .glue = inner.text("glue"),
                  .wasm_bindgen = inner.text("wasm_bindgen")};
    if (auto wrong = inner.wrong()) {
        fields.refuse(std::move(*wrong));
    }
    return source;
}

Helpers read_helpers(Fields& fields) {
    Helpers helpers;
    const Json* const json = fields.find("helpers");
    if (json == nullptr) {
        return helpers;
    }
    Fields inner(*json, "helpers");
    for (const HelperRow& row : kHelpers) {
        helpers.*row.field = inner.text(row.name);
    }
    if (auto wrong = inner.wrong()) {
        fields.refuse(std::move(*wrong));
    }
    return helpers;
}

std::map<std::string, Json> read_constants(Fields& fields) {
    std::map<std::string, Json> constants;
    const Json* const json = fields.find("constants");
    if (json == nullptr) {
        return constants;
    }
    if (!json->is_object()) {
        fields.refuse("constants", "is no object");
        return constants;
    }
    for (const auto& [name, value] : json->items()) {
        const bool flat = value.is_structured() && std::ranges::none_of(value, [](const Json& x) {
                              return x.is_structured();
                          });
        if (!flat) {
            fields.refuse(fmt::format("constants.{}", name), "is no flat list or object");
        }
        constants.emplace(name, value);
    }
    return constants;
}

std::map<std::string, std::string> read_exported_constants(Fields& fields) {
    std::map<std::string, std::string> exported;
    const Json* const json = fields.find("exported_constants");
    if (json == nullptr) {
        return exported;
    }
    Fields inner(*json, "exported_constants");
    if (json->is_object()) {
        for (const auto& item : json->items()) {
            exported.emplace(item.key(), inner.text(item.key()));
        }
    }
    if (auto wrong = inner.wrong()) {
        fields.refuse(std::move(*wrong));
    }
    return exported;
}

std::vector<std::string> read_notes(Fields& fields) {
    std::vector<std::string> notes;
    const Json* const json = fields.find("notes");
    if (json == nullptr) {
        return notes;
    }
    const bool texts =
        json->is_array() && std::ranges::all_of(*json, [](const Json& x) { return x.is_string(); });
    if (!texts) {
        fields.refuse("notes", "is no list of texts");
        return notes;
    }
    return json->get<std::vector<std::string>>();
}

}  // namespace

Result<Bindings> read_bindings(const Json& json) {
    Fields fields(json, "");
    if (const auto format = fields.number("format"); format != kBindingsFormat) {
        return invalid("format", fmt::format("is not {}", kBindingsFormat));
    }
    constexpr std::array<std::string_view, 2> kReturnModes{"return_area", "multi_value"};
    std::size_t nodes_left = kMaxNodes;
    Bindings bindings{
        .source = read_source(fields),
        .returns = fields.one_of("returns", kReturnModes, ReturnMode::kReturnArea),
        .handles = fields.one_of("handles", kHandleModes, HandleMode::kNone),
        .slab_reserved = fields.number_or("slab_reserved", 0),
        .helpers = read_helpers(fields),
        .constants = read_constants(fields),
        .exported_constants = read_exported_constants(fields),
        .functions = list<Function>(
            fields, "functions", [&](Fields& inner) { return read_function(inner, nodes_left); }),
        .variables = list<Variable>(fields, "variables", read_variable),
        .closures = list<Closure>(fields, "closures", read_closure),
        .classes = list<Class>(fields, "classes", read_class),
        .imports = list<Import>(fields, "imports", read_import),
        .exports = list<Export>(fields, "exports", read_export),
        .notes = read_notes(fields)};
    if (bindings.slab_reserved > kMaxSlabReserved) {
        fields.refuse("slab_reserved", fmt::format("is above {}", kMaxSlabReserved));
    }
    if (auto wrong = fields.wrong()) {
        return std::unexpected(std::move(*wrong));
    }
    if (auto wrong = check_references(bindings)) {
        return std::unexpected(std::move(*wrong));
    }
    return bindings;
}

Result<Bindings> parse_bindings(std::string_view text) {
    if (text.size() > kMaxBindingsBytes) {
        return invalid("size", fmt::format("more than {} bytes", kMaxBindingsBytes));
    }
    // The library's parser does not recurse, but what destroys and reads its values does.
    bool too_deep = false;
    const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > static_cast<int>(kMaxNodeDepth) + 8;
        return !too_deep;
    };
    const Json json = Json::parse(text, shallow, false);
    if (too_deep) {
        return invalid("JSON", "nests too deep");
    }
    if (json.is_discarded()) {
        return invalid("JSON", "cannot be parsed");
    }
    return read_bindings(json);
}

}  // namespace realm::glue
