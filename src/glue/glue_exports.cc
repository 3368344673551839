#include "glue/glue_exports.h"

#include <algorithm>
#include <array>
#include <set>

namespace realm::glue {
namespace {

// exports, module.exports or what the form without modules calls __exports.
bool is_exports(const Js& node) {
    return node.is(JsKind::kName, "exports") || node.is(JsKind::kName, "__exports") ||
           (node.is(JsKind::kMember, "exports") && node.kid(0).is(JsKind::kName, "module"));
}

// Names that only start the module.
bool is_start(std::string_view name) {
    constexpr std::array<std::string_view, 6> kStarts{"default",    "init",   "initSync",
                                                      "__wbg_init", "__wasm", "__esModule"};
    return std::ranges::find(kStarts, name) != kStarts.end() ||
           name.starts_with("__wbg_set_wasm") || name.starts_with("__wbindgen");
}

class Collector {
public:
    explicit Collector(const GlueScope& scope) : scope_(scope) {}

    std::vector<Offered> collect() {
        for (const Js* const statement : scope_.block().kids) {
            if (statement->is(JsKind::kExpression)) {
                note_getters(statement->kid(0));
            }
        }
        for (const Js* const statement : scope_.block().kids) {
            statement_exports(*statement);
        }
        return std::move(offered_);
    }

private:
    void add(std::string_view outside, std::string_view inside, const Js* node) {
        if (seen_.insert(outside).second) {
            offered_.push_back({.outside = outside, .inside = inside, .node = node});
        }
    }

    void statement_exports(const Js& statement) {
        switch (statement.kind) {
            case JsKind::kExport:
                if (statement.text.empty()) {
                    declared(statement.kid(0));
                }
                break;
            case JsKind::kExportList:
                if (statement.text.empty()) {
                    for (const Js* const pair : statement.kids) {
                        add(pair->kid(1).text, pair->kid(0).text, nullptr);
                    }
                }
                break;
            case JsKind::kExpression:
                assigned(statement.kid(0));
                break;
            default:
                break;
        }
    }

    void declared(const Js& declaration) {
        if (declaration.is(JsKind::kVar)) {
            for (const Js* const pair : declaration.kids) {
                if (pair->kid(0).is(JsKind::kName)) {
                    add(pair->kid(0).text, pair->kid(0).text, &pair->kid(1));
                }
            }
        } else {
            add(declaration.text, declaration.text, &declaration);
        }
    }

    // f(names, {x: () => y, ...}), as bundlers write what a file offers; then g(names) is that.
    void note_getters(const Js& call) {
        const bool known = call.is(JsKind::kCall) && call.kids.size() == 3 &&
                           call.kid(1).is(JsKind::kName) && call.kid(2).is(JsKind::kObject);
        if (known && std::ranges::all_of(call.kid(2).kids, [](const Js* pair) {
                return pair->is(JsKind::kPair) && !pair->has(kComputed) &&
                       pair->kid(1).is(JsKind::kFunction) && pair->kid(1).has(kArrow) &&
                       pair->kid(1).parameters() == 0 && pair->kid(1).body().is(JsKind::kName);
            })) {
            getters_.emplace(call.kid(1).text, &call.kid(2));
        }
    }

    void add_getters(const Js& call) {
        for (const Js* const argument : call.kids) {
            const auto found =
                argument->is(JsKind::kName) ? getters_.find(argument->text) : getters_.end();
            if (found == getters_.end()) {
                continue;
            }
            for (const Js* const pair : found->second->kids) {
                const Js& value = pair->kid(1).body();
                add(pair->kid(0).text, value.text, &value);
            }
        }
    }

    // exports.x = y, module.exports = {x, y}, and several with commas.
    void assigned(const Js& expression) {
        if (expression.is(JsKind::kComma)) {
            for (const Js* const one : expression.kids) {
                assigned(*one);
            }
        }
        if (!expression.is(JsKind::kAssign, "=")) {
            return;
        }
        const Js& target = expression.kid(0);
        // exports.x = exports.y = z
        const Js* last = &expression.kid(1);
        if (last->is(JsKind::kAssign, "=")) {
            assigned(*last);
        }
        while (last->is(JsKind::kAssign, "=")) {
            last = &last->kid(1);
        }
        const Js& value = *last;
        // exports.x = void 0: the value comes later.
        if (value.is(JsKind::kUnary, "void")) {
            return;
        }
        const bool by_text = target.is(JsKind::kIndex) && target.kid(1).is(JsKind::kString);
        if ((target.is(JsKind::kMember) || by_text) && is_exports(target.kid(0))) {
            const std::string_view outside = by_text ? target.kid(1).text : target.text;
            add(outside, value.is(JsKind::kName) ? value.text : std::string_view(), &value);
        } else if (is_exports(target) && value.is(JsKind::kCall)) {
            add_getters(value);
        } else if (is_exports(target) && value.is(JsKind::kObject)) {
            for (const Js* const pair : value.kids) {
                if (pair->is(JsKind::kPair) && !pair->has(kComputed)) {
                    const Js& given = pair->kid(1);
                    add(pair->kid(0).text,
                        given.is(JsKind::kName) ? given.text : std::string_view(), &given);
                } else if (pair->is(JsKind::kFunction) && !pair->has(kComputed) &&
                           !pair->has(kGetter) && !pair->has(kSetter)) {
                    add(pair->text, {}, pair);
                }
            }
        }
    }

    const GlueScope& scope_;
    std::vector<Offered> offered_;
    std::set<std::string_view> seen_;
    std::map<std::string_view, const Js*> getters_;
};

bool uses_module(const GlueScope& scope, const Js& node) {
    return any_below(node, [&](const Js& at) { return scope.wasm_member(at).has_value(); });
}

}  // namespace

std::vector<Offered> offered_by(const GlueScope& scope, const ModuleShape& module) {
    std::vector<Offered> offered = Collector(scope).collect();
    std::set<std::string_view> imports;
    for (const ModuleItem& item : module.imports) {
        imports.insert(item.name);
    }
    std::erase_if(offered, [&](const Offered& one) {
        const Name* const name = one.inside.empty() ? nullptr : scope.find(one.inside);
        return is_start(one.outside) || imports.contains(one.outside) ||
               (name != nullptr && name->role != Role::kPlain);
    });
    const bool any = std::ranges::any_of(offered, [&](const Offered& one) {
        const Name* const name = scope.find(one.inside);
        const Js* const node = name != nullptr ? name->node : one.node;
        return node != nullptr && uses_module(scope, *node);
    });
    if (any) {
        return offered;
    }
    for (const auto& [text, name] : scope.names()) {
        const bool callable = name.kind == NameKind::kFunction || name.kind == NameKind::kClass;
        if (callable && name.role == Role::kPlain && !is_start(text) && !imports.contains(text) &&
            uses_module(scope, *name.node)) {
            offered.push_back({.outside = text, .inside = text, .node = name.node});
        }
    }
    return offered;
}

std::map<std::string_view, const Js*> filled_imports(const GlueScope& scope,
                                                     const ModuleShape& module) {
    std::set<std::string_view> wanted;
    for (const ModuleItem& item : module.imports) {
        wanted.insert(item.name);
    }
    std::map<std::string_view, const Js*> found;
    const auto take = [&](std::string_view name, const Js& value) {
        if (wanted.contains(name)) {
            found.try_emplace(name, &value);
        }
    };
    any_below(*scope.tree().program, [&](const Js& at) {
        switch (at.kind) {
            case JsKind::kAssign:
                if (at.text == "=" && at.kid(0).is(JsKind::kMember)) {
                    take(at.kid(0).text, at.kid(1));
                } else if (at.text == "=" && at.kid(0).is(JsKind::kIndex) &&
                           at.kid(0).kid(1).is(JsKind::kString)) {
                    take(at.kid(0).kid(1).text, at.kid(1));
                }
                break;
            case JsKind::kPair:
                if (at.kid(0).is(JsKind::kString) || at.kid(0).is(JsKind::kName)) {
                    take(at.kid(0).text, at.kid(1));
                }
                break;
            case JsKind::kFunction:
                take(at.text, at);
                break;
            default:
                break;
        }
        return false;
    });
    return found;
}

}  // namespace realm::glue
