#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/bytes.h"
#include "glue/lowering.h"

namespace realm::glue {
namespace {

struct AccessRow {
    std::string_view name;  // of a DataView's method, without get or set
    Element type;
};

constexpr std::array kAccesses{AccessRow{.name = "Int8", .type = Element::kI8},
                               AccessRow{.name = "Uint8", .type = Element::kU8},
                               AccessRow{.name = "Int16", .type = Element::kI16},
                               AccessRow{.name = "Uint16", .type = Element::kU16},
                               AccessRow{.name = "Int32", .type = Element::kI32},
                               AccessRow{.name = "Uint32", .type = Element::kU32},
                               AccessRow{.name = "BigInt64", .type = Element::kI64},
                               AccessRow{.name = "BigUint64", .type = Element::kU64},
                               AccessRow{.name = "Float32", .type = Element::kF32},
                               AccessRow{.name = "Float64", .type = Element::kF64}};

struct HelperOperation {
    Role role;
    Op op;
    std::size_t operands;
};

constexpr std::array kHelperOperations{
    HelperOperation{.role = Role::kText, .op = Op::kText, .operands = 2},
    HelperOperation{.role = Role::kPassText, .op = Op::kPassText, .operands = 1},
    HelperOperation{.role = Role::kPassArray, .op = Op::kPassArray, .operands = 1},
    HelperOperation{.role = Role::kPassHandles, .op = Op::kPassHandles, .operands = 1},
    HelperOperation{.role = Role::kViewOf, .op = Op::kView, .operands = 2},
    HelperOperation{.role = Role::kTakeHandles, .op = Op::kTakeHandles, .operands = 2},
    HelperOperation{.role = Role::kGetHandles, .op = Op::kGetHandles, .operands = 2},
    HelperOperation{.role = Role::kHandleGet, .op = Op::kHandleGet, .operands = 1},
    HelperOperation{.role = Role::kHandleDrop, .op = Op::kHandleDrop, .operands = 1},
    HelperOperation{.role = Role::kHandleTake, .op = Op::kHandleTake, .operands = 1},
    HelperOperation{.role = Role::kHandleAdd, .op = Op::kHandleAdd, .operands = 1},
    HelperOperation{.role = Role::kHandleBorrow, .op = Op::kHandleBorrow, .operands = 1},
    HelperOperation{.role = Role::kIsNone, .op = Op::kIsNone, .operands = 1},
    HelperOperation{.role = Role::kDebugText, .op = Op::kDebugText, .operands = 1}};

// As V8 writes what is called in its messages.
std::string callee_text(const Js& node) {
    if (node.text.size() > kMaxCalleeBytes) {
        return "(intermediate value)";
    }
    switch (node.kind) {
        case JsKind::kName:
            return std::string(node.text);
        case JsKind::kThis:
            return "this";
        case JsKind::kNumber:
            return fmt::format("{}", node.number);
        case JsKind::kMember:
            return fmt::format("{}{}{}", callee_text(node.kid(0)), node.has(kOptional) ? "?." : ".",
                               node.text);
        case JsKind::kIndex:
            return node.kid(1).is(JsKind::kString)
                       ? fmt::format("{}.{}", callee_text(node.kid(0)), node.kid(1).text)
                       : fmt::format("{}[{}]", callee_text(node.kid(0)), callee_text(node.kid(1)));
        case JsKind::kCall:
            return callee_text(node.kid(0)) + "(...)";
        case JsKind::kComma:
            return node.kids.size() == 2 ? fmt::format("({} , {})", callee_text(node.kid(0)),
                                                       callee_text(node.kid(1)))
                                         : "(intermediate value)";
        default:
            return "(intermediate value)";
    }
}

// A call of what the glue writes so.
Node named_call(const Js& callee, Node call) {
    call.callee = callee_text(callee);
    // What is not UTF-8 grows when it is written.
    if (call.callee.size() > kMaxCalleeBytes || !base::is_utf8(call.callee)) {
        call.callee.clear();
    }
    return call;
}

bool is_link(const Js& node) {
    return node.is(JsKind::kMember) || node.is(JsKind::kIndex) || node.is(JsKind::kCall);
}

}  // namespace

bool Lowering::has_spread(const Js& call) const {
    return std::ranges::any_of(call.kids, [](const Js* kid) { return kid->is(JsKind::kSpread); });
}

void Lowering::operands(Node& node, const Js& call, std::size_t first) {
    for (std::size_t i = first; i < call.kids.size(); ++i) {
        node.operands.push_back(value(call.kid(i)));
    }
}

Node Lowering::call(const Js& node) {
    const Js& callee = node.kid(0);
    if (callee.is(JsKind::kSuper)) {
        return super_call(node);
    }
    if (callee.is(JsKind::kMember) || callee.is(JsKind::kIndex)) {
        return callee.kid(0).is(JsKind::kSuper) ? super_member(node, true) : method_call(node);
    }
    const Name* const known =
        callee.is(JsKind::kName) && !local(callee.text) ? scope_->find(callee.text) : nullptr;
    if (known != nullptr && known->role != Role::kPlain) {
        return helper_call(node, *known);
    }
    if (known != nullptr && known->kind == NameKind::kFunction && !has_spread(node)) {
        Node made = index_node(Op::kCallFunction, function(*known->node, callee.text));
        operands(made, node, 1);
        return made;
    }
    Node made = named_call(callee, node_of(Op::kCall, {value(callee)}));
    operands(made, node, 1);
    return made;
}

// The helpers take (pointer, length), a value or a handle; an allocator behind it is known.
Node Lowering::helper_call(const Js& node, const Name& helper) {
    const auto operation = [&](Op op, std::size_t count) {
        if (node.kids.size() <= count || has_spread(node)) {
            return unsupported("a helper without its arguments");
        }
        Node made = op_row(op).has_type ? type_node(op, helper.element) : node_of(op);
        for (std::size_t i = 1; i <= count; ++i) {
            made.operands.push_back(value(node.kid(i)));
        }
        return made;
    };
    const auto learn = [&](std::size_t which, std::string& name) {
        const auto member =
            node.kids.size() > which ? scope_->wasm_member(node.kid(which)) : std::nullopt;
        if (member && name.empty()) {
            name = *member;
        }
    };
    if (helper.role == Role::kPassText || helper.role == Role::kPassArray ||
        helper.role == Role::kPassHandles) {
        learn(2, bindings_.helpers.malloc);
        learn(3, bindings_.helpers.realloc);
    }
    for (const HelperOperation& row : kHelperOperations) {
        if (row.role == helper.role) {
            return operation(row.op, row.operands);
        }
    }
    switch (helper.role) {
        case Role::kView:
            return type_node(Op::kView, helper.element);
        case Role::kDataView:
            return node_of(Op::kNew, {text_node(Op::kGlobal, "DataView"),
                                      text_node(Op::kProperty, "buffer",
                                                {text_node(Op::kWasmExport, "memory")})});
        case Role::kMakeClosure:
            return make_closure(node, helper);
        default:
            return unsupported("a helper used in another way");
    }
}

// makeMutClosure(arg0, arg1, destructor, shim)
Node Lowering::make_closure(const Js& node, const Name& helper) {
    const std::size_t shim_at = helper.closure.takes_destructor ? 4 : 3;
    if (node.kids.size() <= shim_at || has_spread(node)) {
        return unsupported("a closure without its function");
    }
    Closure closure{.kind = helper.closure.kind, .destroy = helper.closure.destroy};
    if (helper.closure.takes_destructor) {
        const Js& destructor = node.kid(3);
        const auto member = scope_->wasm_member(destructor);
        if (destructor.is(JsKind::kNumber)) {
            closure.destroy_index = static_cast<std::uint32_t>(destructor.number);
        } else if (member) {
            closure.destroy = *member;
        } else {
            return unsupported("a closure whose destructor is not known");
        }
    }
    const Js& shim = node.kid(shim_at);
    const Name* const known = shim.is(JsKind::kName) ? scope_->find(shim.text) : nullptr;
    if (known != nullptr && known->kind == NameKind::kFunction) {
        closure.function = function(*known->node, shim.text);
    } else if (const auto member = scope_->wasm_member(shim)) {
        const ModuleItem* const item = scope_->module().find_export(*member);
        const std::size_t count = item == nullptr ? 2 : item->parameters.size();
        Node call = text_node(Op::kWasmCall, *member);
        for (std::uint32_t i = 0; i < count; ++i) {
            call.operands.push_back(get(i));
        }
        closure.function = made(*member, static_cast<std::uint32_t>(count),
                                node_of(Op::kReturn, {std::move(call)}));
    } else {
        return unsupported("a closure whose function is not known");
    }
    const auto same = std::ranges::find(bindings_.closures, closure);
    const auto index = static_cast<std::uint32_t>(same - bindings_.closures.begin());
    if (same == bindings_.closures.end()) {
        bindings_.closures.push_back(std::move(closure));
    }
    return index_node(Op::kClosure, index, {value(node.kid(1)), value(node.kid(2))});
}

Node Lowering::method_call(const Js& node) {
    const Js& callee = node.kid(0);
    const Js& object = callee.kid(0);
    if (const auto name = scope_->wasm_member(callee); name && !local(object.text)) {
        Node made = text_node(Op::kWasmCall, *name);
        operands(made, node, 1);
        return has_spread(node) ? unsupported("a spread into the module") : made;
    }
    if (callee.is(JsKind::kMember)) {
        if (auto known = known_method(node, object, callee.text)) {
            return std::move(*known);
        }
        Node made = named_call(callee, text_node(Op::kMethod, callee.text, {value(object)}));
        operands(made, node, 1);
        return made;
    }
    Node made = named_call(callee, node_of(Op::kMethodOf, {value(object), value(callee.kid(1))}));
    operands(made, node, 1);
    return made;
}

// One link of a chain on what is before it.
Node Lowering::link(const Js& node, Node object) {
    if (node.is(JsKind::kMember)) {
        return text_node(Op::kProperty, node.text, {std::move(object)});
    }
    if (node.is(JsKind::kIndex)) {
        return node_of(Op::kGet, {std::move(object), value(node.kid(1))});
    }
    Node made = named_call(node.kid(0), node_of(Op::kCall, {std::move(object)}));
    operands(made, node, 1);
    return made;
}

// a?.b.c(d): where what is before a "?." is none, all that follows is left out.
Node Lowering::optional_chain(const Js& node) {
    std::vector<const Js*> links;
    const Js* first = &node;
    for (; is_link(*first); first = &first->kid(0)) {
        links.push_back(first);
    }
    // What is before the first "?." is as it is elsewhere.
    while (!links.empty() && !links.back()->has(kOptional)) {
        first = links.back();
        links.pop_back();
    }
    std::vector<Node> tests;
    const auto tested = [&](Node before) {
        const std::uint32_t slot = temporary();
        tests.push_back(node_of(Op::kIsNone, {set(slot, std::move(before))}));
        return get(slot);
    };
    Node made;
    // x.f?.() is called on x.
    if (links.back()->is(JsKind::kCall) &&
        (first->is(JsKind::kMember) || first->is(JsKind::kIndex)) && !scope_->wasm_member(*first)) {
        const std::uint32_t object = temporary();
        Node function = link(*first, set(object, value(first->kid(0))));
        made = text_node(Op::kMethod, "call", {tested(std::move(function)), get(object)});
        operands(made, *links.back(), 1);
        links.pop_back();
    } else {
        made = value(*first);
    }
    while (!links.empty()) {
        const Js& one = *links.back();
        links.pop_back();
        const bool is_call = !links.empty() && links.back()->is(JsKind::kCall);
        if (one.has(kOptional)) {
            made = tested(std::move(made));
        }
        if (one.is(JsKind::kCall) || !is_call) {
            made = link(one, std::move(made));
            continue;
        }
        const Js& called = *links.back();
        links.pop_back();
        if (called.has(kOptional)) {
            const std::uint32_t object = temporary();
            Node function = link(one, set(object, std::move(made)));
            made = text_node(Op::kMethod, "call", {tested(std::move(function)), get(object)});
        } else if (one.is(JsKind::kMember)) {
            made = named_call(one, text_node(Op::kMethod, one.text, {std::move(made)}));
        } else {
            made = named_call(one, node_of(Op::kMethodOf, {std::move(made), value(one.kid(1))}));
        }
        operands(made, called, 1);
    }
    while (!tests.empty()) {
        made = node_of(Op::kConditional,
                       {std::move(tests.back()), node_of(Op::kUndefined), std::move(made)});
        tests.pop_back();
    }
    return made;
}

// Methods whose meaning is known here; nothing where it is an ordinary one.
std::optional<Node> Lowering::known_method(const Js& node, const Js& object,
                                           std::string_view method) {
    const Name* const known =
        object.is(JsKind::kName) && !local(object.text) ? scope_->find(object.text) : nullptr;
    if (known != nullptr && known->role == Role::kRegistry) {
        return node_of(Op::kUndefined);  // objects live until they are freed
    }
    if (known != nullptr && known->kind == NameKind::kClass && known->node->is(JsKind::kClass) &&
        scope_ == &main_ && !has_spread(node)) {
        if (const Js* const found = static_method(*known->node, method)) {
            Node made = index_node(Op::kCallFunction, function(*found, method));
            operands(made, node, 1);
            return made;
        }
    }
    if (known != nullptr && imported_whole(object) != nullptr) {
        Node made = node_of(Op::kCall, {imported(*known, method)});
        operands(made, node, 1);
        return made;
    }
    if (method == "_wbg_cb_unref" && node.kids.size() == 1) {
        return index_node(Op::kReleaseClosure, 1, {value(object)});
    }
    if (object.is(JsKind::kName, "Object") && known == nullptr && method == "create" &&
        node.kids.size() == 2 && node.kid(1).is(JsKind::kMember, "prototype")) {
        const Js& of = node.kid(1).kid(0);
        const Name* const made_of = of.is(JsKind::kName) ? scope_->find(of.text) : nullptr;
        if (made_of != nullptr && made_of->kind == NameKind::kClass && scope_ == &main_) {
            return text_node(Op::kAllocate, of.text);
        }
    }
    const auto table = scope_->wasm_member(object);
    if (table && !scope_->helpers().table.empty() && *table == scope_->helpers().table &&
        method == "get" && node.kids.size() == 2) {
        return node_of(Op::kHandleGet, {value(node.kid(1))});
    }
    if (object.is(JsKind::kCall) && scope_->is_role(object.kid(0), Role::kDataView)) {
        return data_view(node, method);
    }
    // What a string from memory is copied with.
    if (object.is(JsKind::kCall) && scope_->is_role(object.kid(0), Role::kText) &&
        method == "slice" && node.kids.size() == 1) {
        return value(object);
    }
    return std::nullopt;
}

std::optional<Node> Lowering::data_view(const Js& node, std::string_view method) {
    const bool sets = method.starts_with("set");
    if (!sets && !method.starts_with("get")) {
        return std::nullopt;
    }
    const auto* const row = std::ranges::find(kAccesses, method.substr(3), &AccessRow::name);
    const std::size_t count = sets ? 2 : 1;
    if (row == kAccesses.end() || node.kids.size() <= count) {
        return std::nullopt;
    }
    Node made = type_node(sets ? Op::kStore : Op::kLoad, row->type);
    for (std::size_t i = 1; i <= count; ++i) {
        made.operands.push_back(value(node.kid(i)));
    }
    // addr + 4 * 0
    Node& address = made.operands.front();
    const bool constant = address.op == Op::kAdd && address.operands[1].op == Op::kMultiply &&
                          address.operands[1].operands[0].op == Op::kNumber &&
                          address.operands[1].operands[1].op == Op::kNumber;
    if (constant) {
        const auto& factors = address.operands[1].operands;
        const double offset = factors[0].number * factors[1].number;
        Node base = std::move(address.operands[0]);
        address = offset == 0 ? std::move(base)
                              : node_of(Op::kAdd, {std::move(base), number_node(offset)});
    }
    return made;
}

// A static method that works without its class.
const Js* Lowering::static_method(const Js& class_node, std::string_view name) const {
    for (std::size_t i = 1; i < class_node.kids.size(); ++i) {
        const Js& member = class_node.kid(i);
        if (member.is(JsKind::kFunction, name) && member.has(kStatic) && !member.has(kGetter) &&
            !member.has(kSetter) && !member.has(kComputed)) {
            const bool uses_this = any_below(member.body(), [](const Js& at) {
                return at.is(JsKind::kThis) || at.is(JsKind::kSuper);
            });
            return uses_this ? nullptr : &member;
        }
    }
    return nullptr;
}

Node Lowering::construct(const Js& node) {
    Node made = named_call(node.kid(0), node_of(Op::kNew, {value(node.kid(0))}));
    operands(made, node, 1);
    return made;
}

}  // namespace realm::glue
