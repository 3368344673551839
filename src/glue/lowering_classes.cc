// Fields, constructors and `super` of classes.
#include <algorithm>
#include <string>

#include "glue/lowering.h"

namespace realm::glue {
namespace {

bool is_constructor(const Js& member) {
    return member.is(JsKind::kFunction, "constructor") && !member.has(kStatic);
}

bool is_field(const Js& member) {
    return member.is(JsKind::kField) && !member.has(kStatic);
}

bool has_parent(const Js& class_node) {
    return !class_node.kid(0).is(JsKind::kNothing);
}

}  // namespace

bool Lowering::has_fields(const Js& class_node) {
    return std::ranges::any_of(class_node.kids, [](const Js* kid) { return is_field(*kid); });
}

void Lowering::add_class(const Js& node) {
    for (std::size_t i = 1; i < node.kids.size(); ++i) {
        classes_.emplace(node.kids[i], &node);
    }
}

std::uint32_t Lowering::usual_constructor(const Js& node, std::string_view name) {
    return index_of(node, How::kUsualConstructor, name, has_parent(node) ? 1 : 0);
}

std::uint32_t Lowering::static_field(const Js& field, std::string_view name) {
    const auto index = static_cast<std::uint32_t>(bindings_.variables.size());
    bindings_.variables.push_back({.name = std::string(name)});
    const Js& first = field.body();
    if (!first.is(JsKind::kNothing)) {
        bindings_.variables[index].function = index_of(first, How::kValue, name, 0);
    }
    return index;
}

const Js* Lowering::class_around() const {
    const auto found = frame_->member == nullptr ? classes_.end() : classes_.find(frame_->member);
    return found == classes_.end() ? nullptr : found->second;
}

// The class whose constructor is read, not a function in it, where it is derived.
const Js* Lowering::derived_constructor() const {
    const Js* const owner =
        frame_->around == nullptr && frame_->member != nullptr && is_constructor(*frame_->member)
            ? class_around()
            : nullptr;
    return owner != nullptr && has_parent(*owner) ? owner : nullptr;
}

Node Lowering::this_value() {
    auto taken = local("this");
    return taken ? std::move(*taken) : node_of(Op::kThis);
}

Node Lowering::call_with_this(std::uint32_t function) {
    return text_node(Op::kMethod, "call",
                     {index_node(Op::kFunction, function), node_of(Op::kThis)});
}

// A constructor gives its object its fields first; one that is derived once there is an object.
Node Lowering::with_fields(const Js& member, Node body) {
    const auto owner = classes_.find(&member);
    if (owner == classes_.end() || !is_constructor(member)) {
        return body;
    }
    if (has_parent(*owner->second)) {
        return node_of(Op::kSequence,
                       {std::move(body), node_of(Op::kReturn, {node_of(Op::kThis)})});
    }
    if (!has_fields(*owner->second)) {
        return body;
    }
    Node fields = call_with_this(index_of(*owner->second, How::kFields, "fields", 0));
    return node_of(Op::kSequence, {std::move(fields), std::move(body)});
}

Node Lowering::fields_of(const Js& class_node) {
    Node made = node_of(Op::kSequence);
    for (const Js* const field : class_node.kids) {
        if (!is_field(*field)) {
            continue;
        }
        if (field->has(kComputed)) {
            return unsupported("a field whose name is computed");
        }
        frame_->member = field;
        const Js& first = field->body();
        Node value = first.is(JsKind::kNothing) ? node_of(Op::kUndefined) : this->value(first);
        if (!field->text.starts_with('#')) {
            made.operands.push_back(
                text_node(Op::kSetProperty, field->text, {node_of(Op::kThis), std::move(value)}));
            continue;
        }
        // Nobody who lists the properties of the object may see it.
        Node description =
            node_of(Op::kObject, {text_node(Op::kString, "value"), std::move(value),
                                  text_node(Op::kString, "writable"), node_of(Op::kTrue)});
        made.operands.push_back(
            text_node(Op::kMethod, "defineProperty",
                      {text_node(Op::kGlobal, "Object"), node_of(Op::kThis),
                       text_node(Op::kString, field->text), std::move(description)}));
    }
    return made;
}

Node Lowering::usual_constructor_of(const Js& class_node) {
    Node fields = call_with_this(index_of(class_node, How::kFields, "fields", 0));
    if (!has_parent(class_node)) {
        return fields;
    }
    const std::uint32_t arguments = temporary();
    Node super =
        node_of(Op::kSuper, {parent_of(class_node), node_of(Op::kSpread, {get(arguments)})});
    return node_of(Op::kSequence, {std::move(super), std::move(fields),
                                   node_of(Op::kReturn, {node_of(Op::kThis)})});
}

// What a class extends, outside of all functions.
Node Lowering::parent_of(const Js& class_node) {
    const Js& parent = class_node.kid(0);
    if (!parent.is(JsKind::kName)) {
        return unsupported("'super' in a class that extends no class by name");
    }
    Frame* const frame = std::exchange(frame_, nullptr);
    Node made = name(parent);
    frame_ = frame;
    return made.op == Op::kClass || made.op == Op::kGlobal
               ? made
               : unsupported("'super' in a class that extends '" + std::string(parent.text) +
                             "', which is not understood");
}

// super(...); the fields of the class follow.
Node Lowering::super_call(const Js& node) {
    const Js* const owner = derived_constructor();
    if (owner == nullptr) {
        return unsupported("'super(...)' outside of a constructor, or in a function within it");
    }
    Node super = node_of(Op::kSuper, {parent_of(*owner)});
    operands(super, node, 1);
    Node made = node_of(Op::kSequence, {std::move(super)});
    if (has_fields(*owner)) {
        made.operands.push_back(call_with_this(index_of(*owner, How::kFields, "fields", 0)));
    }
    made.operands.push_back(node_of(Op::kThis));
    return made;
}

// super.x and super.x(...): what the parent has, with our own `this`.
Node Lowering::super_member(const Js& node, bool call) {
    const Js* const owner = class_around();
    const Js& member = call ? node.kid(0) : node;
    if (owner == nullptr || !has_parent(*owner) || !member.is(JsKind::kMember)) {
        return unsupported("'super' used in another way");
    }
    Node parent = parent_of(*owner);
    if (!frame_->member->has(kStatic)) {
        parent = text_node(Op::kProperty, "prototype", {std::move(parent)});
    }
    if (call) {
        Node made =
            text_node(Op::kMethod, "call",
                      {text_node(Op::kProperty, member.text, {std::move(parent)}), this_value()});
        operands(made, node, 1);
        return made;
    }
    return text_node(Op::kMethod, "get",
                     {text_node(Op::kGlobal, "Reflect"), std::move(parent),
                      text_node(Op::kString, member.text), this_value()});
}

}  // namespace realm::glue
