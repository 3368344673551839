#include "glue/glue_start.h"

#include <algorithm>
#include <array>
#include <set>

namespace realm::glue {
namespace {

bool instantiates(const Js& node) {
    constexpr std::array<std::string_view, 4> kWays{"instantiate", "instantiateStreaming",
                                                    "Instance", "compile"};
    return node.is(JsKind::kMember) && node.kid(0).is(JsKind::kName, "WebAssembly") &&
           std::ranges::find(kWays, node.text) != kWays.end();
}

// Also as it is written for short: !0 and !1.
bool is_truth(const Js& node, bool which) {
    return node.is(which ? JsKind::kTrue : JsKind::kFalse) ||
           (node.is(JsKind::kUnary, "!") && node.kid(0).is(JsKind::kNumber) &&
            (node.kid(0).number == 0) == which);
}

using Names = std::set<std::string_view>;

bool starts(const Js& node, const Names& starting) {
    return any_below(node, [&](const Js& at) {
        return instantiates(at) || (at.is(JsKind::kCall) && at.kid(0).is(JsKind::kName) &&
                                    starting.contains(at.kid(0).text));
    });
}

// Functions that instantiate, those that call one, and other names for these.
Names starting_functions(const GlueScope& scope) {
    Names starting;
    constexpr int kRounds = 4;
    for (int round = 0; round < kRounds; ++round) {
        for (const auto& [text, name] : scope.names()) {
            const bool is_function = name.kind == NameKind::kFunction;
            const bool is_alias = name.node != nullptr && name.node->is(JsKind::kName);
            if ((is_function && starts(*name.node, starting)) ||
                (is_alias && starting.contains(name.node->text))) {
                starting.insert(text);
            }
        }
    }
    return starting;
}

}  // namespace

bool starts_module(const Js& function) {
    return any_below(function, [](const Js& at) {
        return at.is(JsKind::kName, "WebAssembly") || at.is(JsKind::kMeta);
    });
}

std::map<std::string_view, const Js*> set_by_start(const GlueScope& scope) {
    std::map<std::string_view, const Js*> values;
    for (const std::string_view text : starting_functions(scope)) {
        any_below(*scope.find(text)->node, [&](const Js& at) {
            const Name* const name = at.is(JsKind::kAssign, "=") && at.kid(0).is(JsKind::kName)
                                         ? scope.find(at.kid(0).text)
                                         : nullptr;
            const bool known = name != nullptr && name->kind == NameKind::kVariable &&
                               name->role == Role::kPlain && is_truth(at.kid(1), true) &&
                               (name->node == nullptr || is_truth(*name->node, false));
            if (known) {
                values.insert_or_assign(at.kid(0).text, &at.kid(1));
            }
            return false;
        });
    }
    return values;
}

}  // namespace realm::glue
