#include "glue/glue_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "glue/describe.h"
#include "glue/glue_exports.h"
#include "glue/glue_helpers.h"
#include "glue/glue_scope.h"
#include "glue/glue_start.h"
#include "glue/js_parser.h"
#include "glue/lowering.h"

namespace realm::glue {
namespace {

std::unexpected<Error> invalid(std::string_view path, std::string_view what) {
    return fail(ErrorType::kInvalidRequest, "invalid_glue",
                fmt::format("the JavaScript '{}': {}", path, what));
}

// Whether a value is all arguments of the function: `arguments`, a rest, or a list of them.
bool hands_on(const Js& function, const Js& value) {
    const std::size_t count = function.parameters();
    if (value.is(JsKind::kName)) {
        return value.text == "arguments" || (count == 1 && function.kid(0).is(JsKind::kSpread) &&
                                             function.kid(0).kid(0).is(JsKind::kName, value.text));
    }
    const auto same = [](const Js* given, const Js* parameter) {
        return given->is(JsKind::kName) && parameter->is(JsKind::kName, given->text);
    };
    return value.is(JsKind::kArray) && value.kids.size() == count &&
           std::equal(value.kids.begin(), value.kids.end(), function.kids.begin(), same);
}

// A whole body that only hands a function to a helper such as handleError; what it hands over.
const Js* handed_over(const GlueScope& scope, const Js& function, Role& role) {
    const Js* value = &function.body();
    if (value->is(JsKind::kBlock)) {
        if (value->kids.size() != 1 ||
            !(value->kid(0).is(JsKind::kReturn) || value->kid(0).is(JsKind::kExpression))) {
            return nullptr;
        }
        value = &value->kid(0).kid(0);
    }
    const Name* const helper =
        value->is(JsKind::kCall) && value->kids.size() == 3 && value->kid(0).is(JsKind::kName)
            ? scope.find(value->kid(0).text)
            : nullptr;
    const bool known = helper != nullptr &&
                       (helper->role == Role::kCatch || helper->role == Role::kTransparent) &&
                       value->kid(1).is(JsKind::kFunction) && hands_on(function, value->kid(2));
    if (!known) {
        return nullptr;
    }
    role = helper->role;
    return &value->kid(1);
}

// __wbindgen_cb_drop: whatever is before ".original" is the closure.
const Js* released(const Js& function) {
    const Js* closure = nullptr;
    bool counts = false;
    any_below(function.body(), [&](const Js& at) {
        if (at.is(JsKind::kMember, "original")) {
            closure = &at.kid(0);
        }
        counts = counts || at.is(JsKind::kMember, "cnt");
        return false;
    });
    return counts ? closure : nullptr;
}

class Reader {
public:
    Reader(const ModuleShape& module, const GlueText& text, const GlueScope& scope,
           const std::map<std::string, GlueScope>& snippets)
        : module_(module),
          text_(text),
          scope_(scope),
          snippets_(snippets),
          lowering_(scope, snippets, bindings_) {}

    Bindings read() {
        bindings_.source.glue = text_.path;
        bindings_.source.wasm_bindgen = module_.wasm_bindgen;
        bindings_.helpers = scope_.helpers();
        bindings_.handles = scope_.handles();
        bindings_.slab_reserved = scope_.slab_reserved();
        lowering_.set_started(set_by_start(scope_));
        read_imports();
        read_exports();
        note_unread();
        lowering_.finish();
        for (auto& [function, place] : waiting_) {
            if (auto reason = lowering_.reason(function); !reason.empty()) {
                if (place.is_import) {
                    bindings_.imports[place.index].unsupported = std::move(reason);
                    bindings_.imports[place.index].function = 0;
                } else {
                    bindings_.exports[place.index].unsupported = std::move(reason);
                    bindings_.exports[place.index].function = 0;
                }
            }
        }
        inherit_pointers();
        find_helpers(bindings_, module_);
        describe_exports(bindings_, module_, text_.declarations);
        return std::move(bindings_);
    }

private:
    struct Place {
        bool is_import;
        std::size_t index;
    };

    void read_imports() {
        const auto filled = filled_imports(scope_, module_);
        std::set<std::pair<std::string_view, std::string_view>> seen;
        for (const ModuleItem& item : module_.imports) {
            if (!item.function || !seen.emplace(item.module, item.name).second) {
                continue;
            }
            Import import{.module = item.module, .name = item.name};
            const auto found = filled.find(item.name);
            if (!read_snippet_import(item, import)) {
                if (found == filled.end()) {
                    import.unsupported = "the glue does not say what it does";
                } else {
                    read_import(*found->second, item, import);
                }
            }
            waiting_.push_back({import.function, {true, bindings_.imports.size()}});
            if (!import.unsupported.empty()) {
                waiting_.pop_back();
            }
            bindings_.imports.push_back(std::move(import));
        }
    }

    // What the module imports straight from a file of the package.
    bool read_snippet_import(const ModuleItem& item, Import& import) {
        const auto file = snippets_.find(item.module);
        const Name* const name = file == snippets_.end() ? nullptr : file->second.find(item.name);
        if (name == nullptr || name->kind != NameKind::kFunction) {
            return false;
        }
        import.function = lowering_.function_of(file->second, *name->node, item.name);
        return true;
    }

    void read_import(const Js& given, const ModuleItem& item, Import& import) {
        const Js* value = &given;
        if (value->is(JsKind::kName)) {
            const Name* const name = scope_.find(value->text);
            if (name != nullptr && name->kind == NameKind::kFunction &&
                name->role == Role::kPlain) {
                value = name->node;
            }
        }
        constexpr int kMostLayers = 3;
        for (int layer = 0; value->is(JsKind::kFunction) && layer < kMostLayers; ++layer) {
            Role role = Role::kPlain;
            const Js* const inner = handed_over(scope_, *value, role);
            if (inner == nullptr) {
                break;
            }
            import.catches = import.catches || role == Role::kCatch;
            value = inner;
        }
        if (!value->is(JsKind::kFunction)) {
            import.function = lowering_.calling(*value, item.name,
                                                static_cast<std::uint32_t>(item.parameters.size()));
            return;
        }
        const Js* const closure = released(*value);
        if (closure != nullptr && value->parameters() == 1) {
            const bool takes = scope_.calls(*closure, Role::kHandleTake);
            Node operand = index_node(Op::kLocal, 0);
            if (takes || scope_.handles() == HandleMode::kSlab) {
                operand = node_of(Op::kHandleTake, {std::move(operand)});
            }
            import.function = lowering_.made(
                item.name, 1,
                node_of(Op::kReturn, {index_node(Op::kReleaseClosure, 0, {std::move(operand)})}));
            return;
        }
        import.function = lowering_.function(*value, item.name);
    }

    void read_exports() {
        const auto offered = offered_by(scope_, module_);
        for (const Offered& one : offered) {
            const Name* const name = one.inside.empty() ? nullptr : scope_.find(one.inside);
            const Js* const node = name != nullptr && name->node != nullptr ? name->node : one.node;
            if (node == nullptr) {
                leave_out(one, name != nullptr && name->kind == NameKind::kImported
                                   ? fmt::format("it comes from '{}'", name->from)
                                   : "it is not declared where it could be read");
            } else if (node->is(JsKind::kClass)) {
                offered_classes_.emplace(one.inside.empty() ? one.outside : one.inside,
                                         one.outside);
                if (name == nullptr) {
                    read_class(one.outside, *node);
                }
            } else if (node->is(JsKind::kFunction)) {
                if (!starts_module(*node)) {
                    add_export({.name = std::string(one.outside)}, *node);
                }
            } else if (auto value = constant_value(*node)) {
                const std::string inside(one.inside.empty() ? one.outside : one.inside);
                bindings_.constants.emplace(inside, std::move(*value));
                bindings_.exported_constants.emplace(std::string(one.outside), inside);
            } else {
                leave_out(one, "its value is known only when the package runs");
            }
        }
        for (const auto& [text, name] : scope_.names()) {
            if (name.kind == NameKind::kClass && name.node->is(JsKind::kClass)) {
                read_class(text, *name.node);
            }
        }
    }

    // Whoever calls it is told why that cannot be done.
    void leave_out(const Offered& one, std::string reason) {
        bindings_.exports.push_back(
            {.name = std::string(one.outside), .unsupported = std::move(reason)});
    }

    void add_export(Export item, const Js& function) {
        item.function = lowering_.function(function, item.name);
        for (std::size_t i = 0; i < function.parameters(); ++i) {
            const Js& parameter = function.kid(i);
            const Js& target = parameter.is(JsKind::kSpread) || parameter.is(JsKind::kAssign)
                                   ? parameter.kid(0)
                                   : parameter;
            item.parameters.push_back({.name = std::string(target.text)});
        }
        waiting_.push_back({item.function, {false, bindings_.exports.size()}});
        bindings_.exports.push_back(std::move(item));
    }

    void read_class(std::string_view text, const Js& node) {
        Class made{.name = std::string(text)};
        if (const auto outside = offered_classes_.find(text); outside != offered_classes_.end()) {
            made.exported = outside->second;
        }
        std::string reason = read_parent(made, node.kid(0));
        const bool new_name =
            any_below(node, [](const Js& at) { return at.is(JsKind::kMember, "__wbg_ptr"); });
        made.pointer = new_name ? "__wbg_ptr" : "ptr";
        lowering_.add_class(node);
        const std::size_t first = bindings_.exports.size();
        for (std::size_t i = 1; i < node.kids.size(); ++i) {
            read_member(made, node.kid(i));
            if (node.kid(i).is(JsKind::kBlock) && reason.empty()) {
                reason = "it has a static block";
            }
        }
        read_constructor(made, node, first, reason);
        bindings_.classes.push_back(std::move(made));
    }

    // Why the class cannot be made, where its parent is the reason.
    std::string read_parent(Class& made, const Js& parent) {
        if (parent.is(JsKind::kNothing)) {
            return {};
        }
        if (!parent.is(JsKind::kName)) {
            return "it extends what is no class by name";
        }
        const Name* const known = scope_.find(parent.text);
        if (known == nullptr) {
            made.builtin_parent = parent.text;
            return {};
        }
        if (known->kind == NameKind::kClass && known->node->is(JsKind::kClass)) {
            made.parent = parent.text;
            return {};
        }
        return fmt::format("it extends '{}', which is not understood", parent.text);
    }

    // What is missing of the constructor among the exports from `first` on.
    void read_constructor(const Class& owner, const Js& node, std::size_t first,
                          const std::string& reason) {
        const auto own = std::find_if(
            bindings_.exports.begin() + static_cast<std::ptrdiff_t>(first), bindings_.exports.end(),
            [](const Export& one) { return one.kind == ExportKind::kConstructor; });
        Export made{.name = owner.exported.empty() ? owner.name : owner.exported,
                    .class_name = owner.name,
                    .kind = ExportKind::kConstructor,
                    .unsupported = reason};
        if (own != bindings_.exports.end()) {
            own->unsupported = reason;
        } else if (!reason.empty()) {
            bindings_.exports.push_back(std::move(made));
        } else if (Lowering::has_fields(node)) {
            made.function = lowering_.usual_constructor(node, made.name);
            waiting_.push_back({made.function, {false, bindings_.exports.size()}});
            bindings_.exports.push_back(std::move(made));
        }
        if (!reason.empty()) {
            bindings_.notes.push_back(fmt::format("class '{}': {}", owner.name, reason));
        }
    }

    void read_member(Class& owner, const Js& member) {
        if (member.is(JsKind::kField) && member.has(kStatic)) {
            read_static_field(owner, member);
            return;
        }
        if (!member.is(JsKind::kFunction)) {
            return;  // fields belong to the constructor
        }
        if (member.has(kComputed)) {
            bindings_.notes.push_back(
                fmt::format("class '{}': a member whose name is computed is left out", owner.name));
            return;
        }
        const bool is_static = member.has(kStatic);
        const ExportKind kind =
            member.text == "constructor" && !is_static ? ExportKind::kConstructor
            : member.has(kGetter) ? (is_static ? ExportKind::kStaticGetter : ExportKind::kGetter)
            : member.has(kSetter) ? (is_static ? ExportKind::kStaticSetter : ExportKind::kSetter)
            : is_static           ? ExportKind::kStaticMethod
                                  : ExportKind::kMethod;
        const std::string name = kind == ExportKind::kConstructor
                                     ? (owner.exported.empty() ? owner.name : owner.exported)
                                     : std::string(member.text);
        if (kind == ExportKind::kMethod && member.text == "free") {
            any_below(member.body(), [&](const Js& at) {
                const auto called =
                    at.is(JsKind::kCall) ? scope_.wasm_member(at.kid(0)) : std::nullopt;
                owner.free = called ? *called : owner.free;
                return called.has_value();
            });
        }
        add_export({.name = name, .class_name = owner.name, .kind = kind}, member);
    }

    // A variable behind a getter and a setter.
    void read_static_field(const Class& owner, const Js& field) {
        Export getter{.name = std::string(field.text),
                      .class_name = owner.name,
                      .kind = ExportKind::kStaticGetter};
        const bool uses_class = any_below(field.body(), [](const Js& at) {
            return at.is(JsKind::kThis) || at.is(JsKind::kSuper);
        });
        if (uses_class || field.has(kComputed)) {
            getter.unsupported = "a static field that needs its class";
            bindings_.exports.push_back(std::move(getter));
            return;
        }
        const std::uint32_t variable = lowering_.static_field(field, getter.name);
        Export setter = getter;
        setter.kind = ExportKind::kStaticSetter;
        getter.function = lowering_.made(
            getter.name, 0, node_of(Op::kReturn, {index_node(Op::kVariable, variable)}));
        setter.function = lowering_.made(
            setter.name, 1, index_node(Op::kSetVariable, variable, {index_node(Op::kLocal, 0)}));
        setter.parameters.push_back({.name = "value"});
        bindings_.exports.push_back(std::move(getter));
        bindings_.exports.push_back(std::move(setter));
    }

    // Statements that were stepped over.
    void note_unread() {
        constexpr std::size_t kMost = 10;
        std::size_t count = 0;
        for (const Js* const statement : scope_.block().kids) {
            if (statement->is(JsKind::kUnread) && ++count <= kMost) {
                bindings_.notes.push_back(
                    fmt::format("a statement could not be read: {}", statement->text));
            }
        }
    }

    // The property with the pointer is that of the class which sets it.
    void inherit_pointers() {
        for (Class& one : bindings_.classes) {
            const Class* at = &one;
            for (std::size_t steps = 0;
                 at != nullptr && !at->parent.empty() && steps < bindings_.classes.size();
                 ++steps) {
                at = bindings_.find_class(at->parent);
            }
            if (at != nullptr && at != &one) {
                one.pointer = at->pointer;
            }
        }
    }

    const ModuleShape& module_;
    const GlueText& text_;
    const GlueScope& scope_;
    const std::map<std::string, GlueScope>& snippets_;
    Bindings bindings_;
    Lowering lowering_;
    std::map<std::string_view, std::string_view> offered_classes_;
    std::vector<std::pair<std::uint32_t, Place>> waiting_;
};

}  // namespace

const ModuleItem* ModuleShape::find_export(std::string_view name) const {
    const auto found = std::ranges::find(exports, name, &ModuleItem::name);
    return found == exports.end() ? nullptr : &*found;
}

void read_signature(std::string_view type, ModuleItem& item) {
    const auto split = [](std::string_view list) {
        std::vector<std::string> words;
        std::string word;
        for (const char c : list) {
            if (c == ',' || c == ' ' || c == '(' || c == ')') {
                if (!word.empty()) {
                    words.push_back(std::exchange(word, {}));
                }
            } else {
                word.push_back(c);
            }
        }
        if (!word.empty()) {
            words.push_back(std::move(word));
        }
        return words;
    };
    const std::size_t arrow = type.find("->");
    item.parameters = split(type.substr(0, arrow));
    item.results = arrow == std::string_view::npos ? std::vector<std::string>()
                                                   : split(type.substr(arrow + 2));
}

bool looks_like_glue(std::string_view javascript, const ModuleShape& module) {
    const auto named = [&](const ModuleItem& item) {
        return item.name.starts_with("__wb") && javascript.contains(item.name);
    };
    return std::ranges::any_of(module.imports, named) || std::ranges::any_of(module.exports, named);
}

Result<Bindings> read_glue(const ModuleShape& module, const GlueText& text) {
    const auto tree = parse_javascript(text.javascript);
    if (!tree) {
        return invalid(text.path, tree.error().message);
    }
    const GlueScope scope(*tree, module);
    std::map<std::string, JsTree> trees;
    std::map<std::string, GlueScope> snippets;
    for (const auto& [path, javascript] : text.snippets) {
        auto snippet = parse_javascript(javascript);
        if (snippet) {
            const auto kept = trees.emplace(path, std::move(*snippet)).first;
            snippets.try_emplace(path, kept->second, module);
        }
    }
    Bindings bindings = Reader(module, text, scope, snippets).read();
    if (bindings.exports.empty() && std::ranges::all_of(bindings.imports, [](const Import& one) {
            return !one.unsupported.empty();
        })) {
        return invalid(text.path, "it says nothing about this module");
    }
    return bindings;
}

}  // namespace realm::glue
