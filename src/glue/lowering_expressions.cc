#include <algorithm>
#include <array>

#include "glue/lowering.h"

namespace realm::glue {
namespace {

struct OperatorRow {
    std::string_view text;
    Op op;
};

constexpr std::array kOperators{OperatorRow{.text = "+", .op = Op::kAdd},
                                OperatorRow{.text = "-", .op = Op::kSubtract},
                                OperatorRow{.text = "*", .op = Op::kMultiply},
                                OperatorRow{.text = "/", .op = Op::kDivide},
                                OperatorRow{.text = "%", .op = Op::kRemainder},
                                OperatorRow{.text = "**", .op = Op::kPower},
                                OperatorRow{.text = "<<", .op = Op::kShiftLeft},
                                OperatorRow{.text = ">>", .op = Op::kShiftRight},
                                OperatorRow{.text = ">>>", .op = Op::kShiftRightUnsigned},
                                OperatorRow{.text = "&", .op = Op::kBitAnd},
                                OperatorRow{.text = "|", .op = Op::kBitOr},
                                OperatorRow{.text = "^", .op = Op::kBitXor},
                                OperatorRow{.text = "==", .op = Op::kLooseEqual},
                                OperatorRow{.text = "!=", .op = Op::kLooseNotEqual},
                                OperatorRow{.text = "===", .op = Op::kEqual},
                                OperatorRow{.text = "!==", .op = Op::kNotEqual},
                                OperatorRow{.text = "<", .op = Op::kLess},
                                OperatorRow{.text = "<=", .op = Op::kLessEqual},
                                OperatorRow{.text = ">", .op = Op::kGreater},
                                OperatorRow{.text = ">=", .op = Op::kGreaterEqual},
                                OperatorRow{.text = "instanceof", .op = Op::kInstanceOf},
                                OperatorRow{.text = "in", .op = Op::kIn},
                                OperatorRow{.text = "&&", .op = Op::kAnd},
                                OperatorRow{.text = "||", .op = Op::kOr},
                                OperatorRow{.text = "??", .op = Op::kCoalesce}};

std::optional<Op> operator_named(std::string_view text) {
    const auto* const found = std::ranges::find(kOperators, text, &OperatorRow::text);
    return found == kOperators.end() ? std::nullopt : std::optional(found->op);
}

// The name of a function's expression is a variable within it.
bool refers_to_itself(const Js& function) {
    return any_below(function.body(),
                     [&](const Js& at) { return at.is(JsKind::kName, function.text); });
}

// Whether a link of the chain, a?.b.c, may end it.
bool is_optional(const Js& node) {
    const Js* at = &node;
    while (at->is(JsKind::kMember) || at->is(JsKind::kIndex) || at->is(JsKind::kCall)) {
        if (at->has(kOptional)) {
            return true;
        }
        at = &at->kid(0);
    }
    return false;
}

// An expression that glue does not use.
std::string_view what_it_is(const Js& node) {
    switch (node.kind) {
        case JsKind::kMeta:
            return node.text;
        case JsKind::kSuper:
            return "'super' used in another way";
        case JsKind::kClass:
            return "a class within a function";
        case JsKind::kTagged:
            return "a tagged template";
        case JsKind::kAwait:
            return "'await'";
        case JsKind::kYield:
            return "'yield'";
        default:
            return "a kind of expression that glue does not use";
    }
}

}  // namespace

Node Lowering::value(const Js& node) {
    switch (node.kind) {
        case JsKind::kNumber:
        case JsKind::kString:
        case JsKind::kBigInt:
        case JsKind::kRegExp:
        case JsKind::kTrue:
        case JsKind::kFalse:
        case JsKind::kNull:
            return literal(node);
        case JsKind::kName:
            return name(node);
        case JsKind::kThis:
            return this_value();
        case JsKind::kTemplate:
            return template_text(node);
        case JsKind::kArray:
            return array(node);
        case JsKind::kObject:
            return object(node);
        case JsKind::kFunction:
            if (!node.has(kArrow) && !node.text.empty() && refers_to_itself(node)) {
                return unsupported("a function that refers to itself by its name");
            }
            return closure_value(node);
        case JsKind::kUnary:
            return unary(node);
        case JsKind::kUpdate:
            return update(node);
        case JsKind::kBinary:
            return binary(node);
        case JsKind::kAssign:
            return assign(node);
        case JsKind::kConditional:
            return node_of(Op::kConditional,
                           {value(node.kid(0)), value(node.kid(1)), value(node.kid(2))});
        case JsKind::kMember:
            return is_optional(node) ? optional_chain(node) : member(node);
        case JsKind::kIndex:
            return is_optional(node) ? optional_chain(node) : index(node);
        case JsKind::kCall:
            return is_optional(node) ? optional_chain(node) : call(node);
        case JsKind::kNew:
            return construct(node);
        case JsKind::kComma: {
            Node made = node_of(Op::kSequence);
            for (const Js* const kid : node.kids) {
                made.operands.push_back(value(*kid));
            }
            return made;
        }
        case JsKind::kSpread:
            return node_of(Op::kSpread, {value(node.kid(0))});
        default:
            return unsupported(what_it_is(node));
    }
}

Node Lowering::literal(const Js& node) {
    switch (node.kind) {
        case JsKind::kNumber:
            return number_node(node.number);
        case JsKind::kString:
            return text_node(Op::kString, node.text);
        case JsKind::kBigInt:
            return text_node(Op::kBigInt, node.text);
        case JsKind::kTrue:
            return node_of(Op::kTrue);
        case JsKind::kFalse:
            return node_of(Op::kFalse);
        case JsKind::kRegExp: {
            const std::size_t end = node.text.rfind('/');
            return text_node(Op::kRegExp, node.text.substr(1, end - 1),
                             {text_node(Op::kString, node.text.substr(end + 1))});
        }
        default:
            return node_of(Op::kNull);
    }
}

Node Lowering::name(const Js& node) {
    if (auto own = local(node.text)) {
        return std::move(*own);
    }
    if (node.text == "undefined") {
        return node_of(Op::kUndefined);
    }
    if (node.text == "arguments" || node.text == "require" || node.text == "eval" ||
        node.text == "debugger") {
        return unsupported("it uses '" + std::string(node.text) + "'");
    }
    // #x in object
    if (node.text.starts_with('#')) {
        return text_node(Op::kString, node.text);
    }
    const Name* const known = scope_->find(node.text);
    return known == nullptr ? text_node(Op::kGlobal, node.text) : module_name(*known, node.text);
}

// A name of the file, as a value.
Node Lowering::module_name(const Name& known, std::string_view text) {
    switch (known.role) {
        case Role::kWasm:
            return node_of(Op::kExports);
        case Role::kVectorLength:
            return node_of(Op::kVectorLength);
        case Role::kModuleObject:
            return node_of(Op::kModule);
        case Role::kHeap:
        case Role::kHeapTop:
            return unsupported("the slab of handles as a value");
        default:
            break;
    }
    switch (known.kind) {
        case NameKind::kFunction:
            return index_node(Op::kFunction, function(*known.node, text));
        case NameKind::kClass:
            return scope_ == &main_ ? text_node(Op::kClass, text)
                                    : unsupported("a class of a snippet");
        case NameKind::kImported:
            return imported(known, text);
        case NameKind::kVariable:
            break;
    }
    if (constant(text, known)) {
        return text_node(Op::kConstant, text);
    }
    return index_node(Op::kVariable, variable(text, known));
}

// What comes from another file of the package.
Node Lowering::imported(const Name& known, std::string_view outside) {
    if (known.from == "util" && outside.starts_with("Text")) {
        return text_node(Op::kGlobal, outside);
    }
    const auto file = snippets_.find(std::string(known.from));
    const Name* const there = file == snippets_.end() ? nullptr : file->second.find(outside);
    if (there == nullptr || there->kind == NameKind::kImported) {
        return unsupported("it needs '" + std::string(outside) + "' of '" +
                           std::string(known.from) + "'");
    }
    const GlueScope* const here = std::exchange(scope_, &file->second);
    Frame* const frame = std::exchange(frame_, nullptr);
    Node made = module_name(*there, outside);
    frame_ = frame;
    scope_ = here;
    return made;
}

// Where the object is another file of the package as a whole.
const Name* Lowering::imported_whole(const Js& object) {
    const Name* const known =
        object.is(JsKind::kName) && !local(object.text) ? scope_->find(object.text) : nullptr;
    return known != nullptr && known->kind == NameKind::kImported && known->outside == "*"
               ? known
               : nullptr;
}

Node Lowering::template_text(const Js& node) {
    Node made = node_of(Op::kTemplate);
    for (const Js* const kid : node.kids) {
        if (!kid->is(JsKind::kString) || !kid->text.empty()) {
            made.operands.push_back(value(*kid));
        }
    }
    return made;
}

Node Lowering::array(const Js& node) {
    Node made = node_of(Op::kArray);
    for (const Js* const kid : node.kids) {
        made.operands.push_back(kid->is(JsKind::kNothing) ? unsupported("an array with a hole")
                                                          : value(*kid));
    }
    return made;
}

// With a spread in it, it is put together by Object.assign.
Node Lowering::object(const Js& node) {
    Node made = node_of(Op::kObject);
    Node whole = text_node(Op::kMethod, "assign", {text_node(Op::kGlobal, "Object")});
    for (const Js* const kid : node.kids) {
        if (kid->has(kGetter) || kid->has(kSetter)) {
            return unsupported("an object with an accessor");
        }
        if (kid->is(JsKind::kSpread)) {
            whole.operands.push_back(std::exchange(made, node_of(Op::kObject)));
            whole.operands.push_back(value(kid->kid(0)));
            continue;
        }
        if (kid->is(JsKind::kPair) && !kid->has(kComputed) && kid->kid(0).text == "__proto__") {
            return unsupported("an object with '__proto__'");
        }
        if (kid->is(JsKind::kFunction)) {
            made.operands.push_back(text_node(Op::kString, kid->text));
            made.operands.push_back(closure_value(*kid));
            continue;
        }
        made.operands.push_back(value(kid->kid(0)));
        made.operands.push_back(value(kid->kid(1)));
    }
    if (whole.operands.size() == 1) {
        return made;
    }
    whole.operands.push_back(std::move(made));
    return whole;
}

Node Lowering::unary(const Js& node) {
    const Js& operand = node.kid(0);
    if (node.text == "delete") {
        if (operand.is(JsKind::kMember)) {
            return node_of(Op::kDelete,
                           {value(operand.kid(0)), text_node(Op::kString, operand.text)});
        }
        return operand.is(JsKind::kIndex)
                   ? node_of(Op::kDelete, {value(operand.kid(0)), value(operand.kid(1))})
                   : unsupported("delete of a name");
    }
    if (node.text == "void") {
        return operand.is(JsKind::kNumber)
                   ? node_of(Op::kUndefined)
                   : node_of(Op::kSequence, {value(operand), node_of(Op::kUndefined)});
    }
    if (node.text == "!" && operand.is(JsKind::kNumber)) {
        return node_of(operand.number == 0 ? Op::kTrue : Op::kFalse);
    }
    if (node.text == "-" && operand.is(JsKind::kNumber)) {
        return number_node(-operand.number);
    }
    const Op op = node.text == "!"   ? Op::kNot
                  : node.text == "-" ? Op::kNegate
                  : node.text == "+" ? Op::kPlus
                  : node.text == "~" ? Op::kBitNot
                                     : Op::kTypeof;
    return node_of(op, {value(operand)});
}

// Subtracting, since + would join texts.
Node Lowering::update(const Js& node) {
    const Js& target = node.kid(0);
    if (!target.is(JsKind::kName)) {
        return assign_compound(node, Op::kSubtract);
    }
    const double by = node.text == "++" ? -1 : 1;
    if (node.has(kPrefix)) {
        return assign_to(target, node_of(Op::kSubtract, {value(target), number_node(by)}));
    }
    const std::uint32_t before = temporary();
    Node made = node_of(Op::kSequence, {set(before, value(target))});
    made.operands.push_back(
        assign_to(target, node_of(Op::kSubtract, {get(before), number_node(by)})));
    made.operands.push_back(get(before));
    return made;
}

Node Lowering::binary(const Js& node) {
    const auto op = operator_named(node.text);
    if (!op) {
        return unsupported("an operator that glue does not use");
    }
    return node_of(*op, {value(node.kid(0)), value(node.kid(1))});
}

Node Lowering::assign(const Js& node) {
    const Js& target = node.kid(0);
    if (node.text == "=") {
        // heap[stack_pointer++] = undefined
        if (target.is(JsKind::kIndex) && scope_->is_role(target.kid(0), Role::kHeap)) {
            return target.kid(1).is(JsKind::kUpdate, "++") &&
                           scope_->is_role(target.kid(1).kid(0), Role::kHeapTop)
                       ? node_of(Op::kHandleReturn)
                       : unsupported("a change of the slab of handles");
        }
        if (target.is(JsKind::kIndex) && target.kid(0).is(JsKind::kCall) &&
            scope_->is_role(target.kid(0).kid(0), Role::kView)) {
            const Element type = scope_->find(target.kid(0).kid(0).text)->element;
            return type_node(Op::kStore, type, {address(target.kid(1), type), value(node.kid(1))});
        }
        return assign_to(target, value(node.kid(1)));
    }
    const auto op = operator_named(node.text.substr(0, node.text.size() - 1));
    if (!op) {
        return unsupported("an operator that glue does not use");
    }
    if (*op == Op::kAnd || *op == Op::kOr || *op == Op::kCoalesce) {
        if (!target.is(JsKind::kName)) {
            return unsupported("an assignment under a condition");
        }
        return node_of(*op, {value(target), assign_to(target, value(node.kid(1)))});
    }
    if (target.is(JsKind::kName)) {
        return assign_to(target, node_of(*op, {value(target), value(node.kid(1))}));
    }
    return assign_compound(node, *op);
}

// a.b += c, a[b]--: the object and the key once.
Node Lowering::assign_compound(const Js& node, Op oper) {
    const Js& target = node.kid(0);
    const bool updates = node.is(JsKind::kUpdate);
    if ((!target.is(JsKind::kMember) && !target.is(JsKind::kIndex)) ||
        target.kid(0).is(JsKind::kSuper)) {
        return unsupported("a target that glue does not use");
    }
    const std::uint32_t object = temporary();
    Node made = node_of(Op::kSequence, {set(object, value(target.kid(0)))});
    std::uint32_t key = 0;
    if (target.is(JsKind::kIndex)) {
        key = temporary();
        made.operands.push_back(set(key, value(target.kid(1))));
    }
    const auto part = [&]() {
        return target.is(JsKind::kMember) ? text_node(Op::kProperty, target.text, {get(object)})
                                          : node_of(Op::kGet, {get(object), get(key)});
    };
    const std::uint32_t before = temporary();
    made.operands.push_back(set(before, part()));
    const double by = node.text == "++" ? -1 : 1;
    Node changed = node_of(oper, {get(before), updates ? number_node(by) : value(node.kid(1))});
    made.operands.push_back(
        target.is(JsKind::kMember)
            ? text_node(Op::kSetProperty, target.text, {get(object), std::move(changed)})
            : node_of(Op::kSet, {get(object), get(key), std::move(changed)}));
    if (updates && !node.has(kPrefix)) {
        made.operands.push_back(get(before));
    }
    return made;
}

Node Lowering::assign_to(const Js& target, Node value) {
    if (!target.kids.empty() && target.kid(0).is(JsKind::kSuper)) {
        return unsupported("an assignment to a member of 'super'");
    }
    if (target.is(JsKind::kMember)) {
        return text_node(Op::kSetProperty, target.text,
                         {this->value(target.kid(0)), std::move(value)});
    }
    if (target.is(JsKind::kIndex)) {
        return node_of(Op::kSet,
                       {this->value(target.kid(0)), this->value(target.kid(1)), std::move(value)});
    }
    if (target.is(JsKind::kObject) || target.is(JsKind::kArray)) {
        return bind_pattern(target, std::move(value), Binds::kOld);
    }
    if (!target.is(JsKind::kName)) {
        return unsupported("an assignment to something else than a variable or a property");
    }
    if (const auto slot = frame_ == nullptr ? std::nullopt : capture(*frame_, target.text)) {
        return set(*slot, std::move(value));
    }
    const Name* const known = scope_->find(target.text);
    if (known == nullptr || known->kind != NameKind::kVariable || known->role != Role::kPlain ||
        known->constant) {
        return unsupported("a change of '" + std::string(target.text) + "'");
    }
    return index_node(Op::kSetVariable, variable(target.text, *known), {std::move(value)});
}

Node Lowering::member(const Js& node) {
    if (const auto name = scope_->wasm_member(node); name && !local(node.kid(0).text)) {
        return text_node(Op::kWasmExport, *name);
    }
    if (const Name* const file = imported_whole(node.kid(0))) {
        return imported(*file, node.text);
    }
    if (node.kid(0).is(JsKind::kSuper)) {
        return super_member(node, false);
    }
    return text_node(Op::kProperty, node.text, {value(node.kid(0))});
}

Node Lowering::index(const Js& node) {
    const Js& object = node.kid(0);
    if (const auto name = scope_->wasm_member(node); name && !local(object.text)) {
        return text_node(Op::kWasmExport, *name);
    }
    if (scope_->is_role(object, Role::kHeap) && !local(object.text)) {
        return node_of(Op::kHandleGet, {value(node.kid(1))});
    }
    if (object.is(JsKind::kCall) && scope_->is_role(object.kid(0), Role::kView)) {
        const Element type = scope_->find(object.kid(0).text)->element;
        return type_node(Op::kLoad, type, {address(node.kid(1), type)});
    }
    return node_of(Op::kGet, {value(object), value(node.kid(1))});
}

// The address in bytes of an index into a typed array over memory: p / 4 + 1 is p + 4.
Node Lowering::address(const Js& index, Element type) {
    const double size = element_size(type);
    const auto divided = [&](const Js& at) {
        return at.is(JsKind::kBinary, "/") && at.kid(1).is(JsKind::kNumber) &&
               at.kid(1).number == size;
    };
    if (divided(index)) {
        return value(index.kid(0));
    }
    if (index.is(JsKind::kBinary, "+") && divided(index.kid(0)) &&
        index.kid(1).is(JsKind::kNumber)) {
        Node base = value(index.kid(0).kid(0));
        const double offset = index.kid(1).number * size;
        return offset == 0 ? base : node_of(Op::kAdd, {std::move(base), number_node(offset)});
    }
    return size == 1 ? value(index) : node_of(Op::kMultiply, {value(index), number_node(size)});
}

}  // namespace realm::glue
