#include "glue/glue_scope.h"

#include <algorithm>
#include <array>
#include <functional>

namespace realm::glue {
namespace {

// Whatever the statement declares, without its `export`.
const Js& unexported(const Js& statement) {
    return statement.is(JsKind::kExport) ? statement.kid(0) : statement;
}

bool is_require(const Js& node) {
    return node.is(JsKind::kCall) && node.kid(0).is(JsKind::kName, "require") &&
           node.kids.size() == 2;
}

// Of require("x") or require(String.raw`x`).
std::string_view required(const Js& call) {
    const Js* argument = &call.kid(1);
    if (argument->is(JsKind::kTagged)) {
        argument = &argument->kid(1);
    }
    if (argument->is(JsKind::kTemplate) && argument->kids.size() == 1) {
        argument = &argument->kid(0);
    }
    return argument->is(JsKind::kString) ? argument->text : std::string_view();
}

}  // namespace

bool is_method_call(const Js& node, std::string_view name) {
    return node.is(JsKind::kCall) && node.kid(0).is(JsKind::kMember, name);
}

std::optional<Element> element_of_array(std::string_view constructor) {
    constexpr std::array<std::pair<std::string_view, Element>, 11> kArrays{
        {{"Int8Array", Element::kI8},
         {"Uint8Array", Element::kU8},
         {"Uint8ClampedArray", Element::kClamped},
         {"Int16Array", Element::kI16},
         {"Uint16Array", Element::kU16},
         {"Int32Array", Element::kI32},
         {"Uint32Array", Element::kU32},
         {"BigInt64Array", Element::kI64},
         {"BigUint64Array", Element::kU64},
         {"Float32Array", Element::kF32},
         {"Float64Array", Element::kF64}}};
    for (const auto& [name, element] : kArrays) {
        if (name == constructor) {
            return element;
        }
    }
    return std::nullopt;
}

GlueScope::GlueScope(const JsTree& tree, const ModuleShape& module) : tree_(tree), module_(module) {
    for (const ModuleItem& item : module.exports) {
        exports_.insert(item.name);
    }
    find_wasm();
    choose_block();
    for (const Js* block = block_; block != nullptr;) {
        declare_block(*block);
        for (const Js* const statement : block->kids) {
            find_changed(*statement);
        }
        const auto around = parents_.find(block);
        block = around == parents_.end() ? nullptr : around->second;
    }
    if (const auto found = names_.find(wasm_); found != names_.end()) {
        found->second.role = Role::kWasm;
    }
    find_heap();
    find_views();
    // A helper may be known by those that it calls.
    constexpr int kRounds = 4;
    for (int round = 0; round < kRounds; ++round) {
        for (auto& [text, name] : names_) {
            if (name.role == Role::kPlain) {
                recognise(name);
            }
        }
    }
}

const Name* GlueScope::find(std::string_view name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : &found->second;
}

std::optional<std::string_view> GlueScope::wasm_member(const Js& node) const {
    if (node.is(JsKind::kMember) && !wasm_.empty() && node.kid(0).is(JsKind::kName, wasm_)) {
        return node.text;
    }
    if (node.is(JsKind::kIndex) && !wasm_.empty() && node.kid(0).is(JsKind::kName, wasm_) &&
        node.kid(1).is(JsKind::kString)) {
        return node.kid(1).text;
    }
    return std::nullopt;
}

bool GlueScope::is_role(const Js& node, Role role) const {
    const Name* const name = node.is(JsKind::kName) ? find(node.text) : nullptr;
    return name != nullptr && name->role == role;
}

bool GlueScope::calls(const Js& node, Role role) const {
    return any_below(
        node, [&](const Js& at) { return at.is(JsKind::kCall) && is_role(at.kid(0), role); });
}

// The variable of which most members are exports of the module.
void GlueScope::find_wasm() {
    std::map<std::string_view, std::size_t> uses;
    any_below(*tree_.program, [&](const Js& node) {
        // What the package offers often has the same names.
        const bool offers =
            node.is(JsKind::kMember) && (node.kid(0).is(JsKind::kName, "exports") ||
                                         node.kid(0).is(JsKind::kName, "__exports"));
        if (node.is(JsKind::kMember) && node.kid(0).is(JsKind::kName) && !offers &&
            exports_.contains(node.text)) {
            uses[node.kid(0).text] += node.text.starts_with("__") ? 4 : 1;
        }
        return false;
    });
    const auto most = std::ranges::max_element(
        uses, [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != uses.end()) {
        wasm_ = most->first;
    }
}

// Bundlers put the glue into functions: its block is the one that declares most of what uses the
// module.
void GlueScope::choose_block() {
    std::vector<Candidate> candidates;
    std::vector<const Js*> around;
    measure(*tree_.program, around, parents_, candidates);
    const auto best = std::ranges::max_element(candidates, {}, &Candidate::score);
    block_ = best == candidates.end() ? tree_.program : best->block;
}

std::size_t GlueScope::measure(const Js& node, std::vector<const Js*>& around,
                               std::map<const Js*, const Js*>& parents,
                               std::vector<Candidate>& candidates) const {
    std::size_t uses = wasm_member(node) ? 1 : 0;
    const bool is_block = node.is(JsKind::kBlock);
    if (is_block) {
        if (!around.empty()) {
            parents[&node] = around.back();
        }
        around.push_back(&node);
    }
    std::size_t score = 0;
    for (const Js* const kid : node.kids) {
        const std::size_t below = measure(*kid, around, parents, candidates);
        uses += below;
        const Js& declared = unexported(*kid);
        if (below > 0 && (declared.is(JsKind::kFunction) || declared.is(JsKind::kClass))) {
            ++score;
        }
    }
    if (is_block) {
        around.pop_back();
        if (score > 0) {
            candidates.push_back({.block = &node, .score = score});
        }
    }
    return uses;
}

void GlueScope::add(std::string_view name, Name what) {
    names_.try_emplace(name, what);
}

void GlueScope::declare_block(const Js& block) {
    for (const Js* const statement : block.kids) {
        declare(unexported(*statement));
    }
}

void GlueScope::declare(const Js& statement) {
    switch (statement.kind) {
        case JsKind::kFunction:
        case JsKind::kClass:
            if (!statement.text.empty()) {
                add(statement.text,
                    {.kind = statement.is(JsKind::kClass) ? NameKind::kClass : NameKind::kFunction,
                     .node = &statement,
                     .constant = true});
            }
            break;
        case JsKind::kVar:
            for (const Js* const pair : statement.kids) {
                declare_variable(*pair, statement.text == "const");
            }
            break;
        case JsKind::kImport:
            for (const Js* const pair : statement.kids) {
                add(pair->kid(1).text, {.kind = NameKind::kImported,
                                        .from = statement.text,
                                        .outside = pair->kid(0).text});
            }
            break;
        case JsKind::kExpression:
            declare_member(statement.kid(0));
            break;
        case JsKind::kExportList:
            for (const Js* const pair : statement.kids) {
                const Name* const here = statement.text.empty() ? find(pair->kid(0).text) : nullptr;
                if (here != nullptr) {
                    add(pair->kid(1).text, Name(*here));
                }
            }
            break;
        default:
            break;
    }
}

// What is assigned to, a variable itself or a member of it, where no function is around that.
void GlueScope::find_changed(const Js& node) {
    if (node.is(JsKind::kFunction) || node.is(JsKind::kClass)) {
        return;
    }
    if (node.is(JsKind::kAssign) || node.is(JsKind::kUpdate)) {
        const Js* target = &node.kid(0);
        while (target->is(JsKind::kMember) || target->is(JsKind::kIndex)) {
            target = &target->kid(0);
        }
        if (target->is(JsKind::kName)) {
            changed_.insert(target->text);
        }
    }
    for (const Js* const kid : node.kids) {
        find_changed(*kid);
    }
}

// exports.x = function: what other files know as x.
void GlueScope::declare_member(const Js& expression) {
    if (!expression.is(JsKind::kAssign, "=") || !expression.kid(0).is(JsKind::kMember) ||
        !expression.kid(1).is(JsKind::kFunction)) {
        return;
    }
    const Js& object = expression.kid(0).kid(0);
    if (object.is(JsKind::kName, "exports") || object.is(JsKind::kMember, "exports")) {
        add(expression.kid(0).text, {.kind = NameKind::kFunction, .node = &expression.kid(1)});
    }
}

void GlueScope::declare_variable(const Js& pair, bool constant) {
    const Js& target = pair.kid(0);
    const Js& value = pair.kid(1);
    if (!target.is(JsKind::kName)) {
        declare_pattern(target, value);
        return;
    }
    Name name{.node = value.is(JsKind::kNothing) ? nullptr : &value, .constant = constant};
    if (value.is(JsKind::kFunction) || value.is(JsKind::kClass)) {
        name.kind = value.is(JsKind::kClass) ? NameKind::kClass : NameKind::kFunction;
    } else if (is_require(value)) {
        name.kind = NameKind::kImported;
        name.from = required(value);
        name.outside = "*";
    }
    const bool finalizes =
        any_below(value, [](const Js& at) { return at.is(JsKind::kName, "FinalizationRegistry"); });
    if (finalizes && name.kind == NameKind::kVariable) {
        name.role = Role::kRegistry;
    }
    add(target.text, name);
}

// const {a, b: c} = require("x")
void GlueScope::declare_pattern(const Js& pattern, const Js& value) {
    if (!pattern.is(JsKind::kObject) || !is_require(value)) {
        return;
    }
    for (const Js* const pair : pattern.kids) {
        if (pair->is(JsKind::kPair) && pair->kid(1).is(JsKind::kName) &&
            pair->kid(0).is(JsKind::kString)) {
            add(pair->kid(1).text, {.kind = NameKind::kImported,
                                    .from = required(value),
                                    .outside = pair->kid(0).text});
        }
    }
}

// The array that undefined, null, true and false are pushed onto, and what is below
// them.
void GlueScope::find_heap() {
    any_below(*tree_.program, [&](const Js& node) {
        const Name* const heap = is_method_call(node, "push") && node.kids.size() == 5 &&
                                         node.kid(0).kid(0).is(JsKind::kName)
                                     ? find(node.kid(0).kid(0).text)
                                     : nullptr;
        if (heap == nullptr || heap->node == nullptr || !node.kid(2).is(JsKind::kNull)) {
            return false;
        }
        return any_below(*heap->node, [&](const Js& at) {
            const bool array = (at.is(JsKind::kNew) || at.is(JsKind::kCall)) &&
                               at.kids.size() == 2 && at.kid(0).is(JsKind::kName, "Array") &&
                               at.kid(1).is(JsKind::kNumber);
            if (!array || at.kid(1).number < 1 || at.kid(1).number > kMaxSlabReserved) {
                return false;
            }
            slab_reserved_ = static_cast<std::uint32_t>(at.kid(1).number);
            heap_ = node.kid(0).kid(0).text;
            handles_ = HandleMode::kSlab;
            names_.find(heap_)->second.role = Role::kHeap;
            return true;
        });
    });
}

// Functions without parameters that give a typed array made of the module's memory.
void GlueScope::find_views() {
    for (auto& [text, name] : names_) {
        if (name.kind != NameKind::kFunction || name.role != Role::kPlain ||
            name.node->parameters() != 0) {
            continue;
        }
        any_below(*name.node, [&](const Js& at) {
            if (!at.is(JsKind::kNew) || at.kids.size() != 2 || !at.kid(0).is(JsKind::kName) ||
                !at.kid(1).is(JsKind::kMember, "buffer") || !wasm_member(at.kid(1).kid(0))) {
                return false;
            }
            const auto element = element_of_array(at.kid(0).text);
            if (at.kid(0).text == "DataView") {
                name.role = Role::kDataView;
            } else if (element) {
                name.role = Role::kView;
                name.element = *element;
            }
            return name.role != Role::kPlain;
        });
    }
}

}  // namespace realm::glue
