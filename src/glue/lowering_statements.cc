#include <fmt/format.h>

#include "glue/lowering.h"

namespace realm::glue {

// The names of `var` and of functions belong to the whole function.
void Lowering::declare_vars(const Js& node) {
    if (node.is(JsKind::kFunction) || node.is(JsKind::kClass)) {
        return;
    }
    if (node.is(JsKind::kVar, "var")) {
        for (const Js* const pair : node.kids) {
            if (pair->kid(0).is(JsKind::kName)) {
                // It is undefined until it is set.
                frame_->set[declare(pair->kid(0).text)] = true;
            }
        }
    }
    for (const Js* const kid : node.kids) {
        declare_vars(*kid);
    }
}

Node Lowering::body_of(const Js& function) {
    if (function.has(kAsync) || function.has(kGenerator)) {
        return unsupported("it is an async function or a generator");
    }
    if (function.body().is(JsKind::kUnread)) {
        return unsupported(fmt::format("it could not be read: {}", function.body().text));
    }
    if (function.has(kComputed)) {
        return unsupported("its name is computed");
    }
    Node made = node_of(Op::kSequence);
    std::vector<std::uint32_t> slots;
    for (std::size_t i = 0; i < function.parameters(); ++i) {
        const Js& parameter = function.kid(i);
        const Js& target = parameter.is(JsKind::kSpread) || parameter.is(JsKind::kAssign)
                               ? parameter.kid(0)
                               : parameter;
        slots.push_back(target.is(JsKind::kName) ? declare(target.text) : temporary());
        frame_->set[slots.back()] = true;
    }
    for (std::size_t i = 0; i < function.parameters(); ++i) {
        const Js& parameter = function.kid(i);
        const Js& target = parameter.is(JsKind::kSpread) || parameter.is(JsKind::kAssign)
                               ? parameter.kid(0)
                               : parameter;
        if (parameter.is(JsKind::kAssign)) {
            made.operands.push_back(
                node_of(Op::kIf, {node_of(Op::kEqual, {get(slots[i]), node_of(Op::kUndefined)}),
                                  set(slots[i], value(parameter.kid(1)))}));
        }
        if (!target.is(JsKind::kName)) {
            made.operands.push_back(bind_pattern(target, get(slots[i])));
        }
    }
    if (!function.body().is(JsKind::kBlock)) {
        made.operands.push_back(node_of(Op::kReturn, {value(function.body())}));
        return made;
    }
    declare_vars(function.body());
    Node rest = block(function.body());
    if (made.operands.empty()) {
        return rest;
    }
    made.operands.push_back(std::move(rest));
    return made;
}

Node Lowering::block(const Js& node) {
    const std::size_t names = frame_->names.size();
    Node made = node_of(Op::kSequence);
    for (const Js* const item : node.kids) {
        if (item->is(JsKind::kFunction)) {
            const std::uint32_t slot = declare(item->text);
            made.operands.push_back(set(slot, closure_value(*item)));
        }
    }
    for (const Js* const item : node.kids) {
        if (!item->is(JsKind::kFunction)) {
            made.operands.push_back(statement(*item));
        }
    }
    frame_->names.resize(names);
    return made.operands.size() == 1 ? std::move(made.operands.front()) : made;
}

Node Lowering::statement(const Js& node) {
    switch (node.kind) {
        case JsKind::kBlock:
            return block(node);
        case JsKind::kVar:
            return variables(node);
        case JsKind::kExpression:
            return value(node.kid(0));
        case JsKind::kIf: {
            Node made = node_of(Op::kIf, {value(node.kid(0)), statement(node.kid(1))});
            if (!node.kid(2).is(JsKind::kNothing)) {
                made.operands.push_back(statement(node.kid(2)));
            }
            return made;
        }
        case JsKind::kReturn:
            return node.kid(0).is(JsKind::kNothing) ? node_of(Op::kReturn)
                                                    : node_of(Op::kReturn, {value(node.kid(0))});
        case JsKind::kThrow:
            return node_of(Op::kThrow, {value(node.kid(0))});
        case JsKind::kTry:
            return try_statement(node);
        case JsKind::kWhile:
            return node_of(Op::kWhile, {value(node.kid(0)), statement(node.kid(1))});
        case JsKind::kFor:
            return for_statement(node);
        case JsKind::kForOf:
            return for_of(node);
        case JsKind::kBreak:
        case JsKind::kContinue:
            return node.text.empty() ? node_of(node.is(JsKind::kBreak) ? Op::kBreak : Op::kContinue)
                                     : unsupported("a label");
        case JsKind::kSwitch:
            return switch_statement(node);
        case JsKind::kUnread:
            return unsupported(node.text);
        default:
            return unsupported("a kind of statement that glue does not use");
    }
}

Node Lowering::variables(const Js& node) {
    Node made = node_of(Op::kSequence);
    for (const Js* const pair : node.kids) {
        const Js& target = pair->kid(0);
        const bool nothing = pair->kid(1).is(JsKind::kNothing);
        if (node.text == "var" && nothing) {
            continue;
        }
        Node initial = nothing ? node_of(Op::kUndefined) : value(pair->kid(1));
        if (node.text == "var" && target.is(JsKind::kName)) {
            made.operands.push_back(assign_to(target, std::move(initial)));
        } else {
            made.operands.push_back(bind(target, std::move(initial)));
        }
    }
    return made.operands.size() == 1 ? std::move(made.operands.front()) : made;
}

// A new variable, or several.
Node Lowering::bind(const Js& target, Node value) {
    if (target.is(JsKind::kName)) {
        return set(declare(target.text), std::move(value));
    }
    return bind_pattern(target, std::move(value));
}

Node Lowering::bind_pattern(const Js& pattern, Node value) {
    const std::uint32_t whole = temporary();
    Node made = node_of(Op::kSequence, {set(whole, std::move(value))});
    const auto bind_part = [&](const Js& target, Node part) {
        if (!target.is(JsKind::kAssign)) {
            made.operands.push_back(bind(target, std::move(part)));
            return;
        }
        const std::uint32_t slot = temporary();
        made.operands.push_back(set(slot, std::move(part)));
        made.operands.push_back(
            node_of(Op::kIf, {node_of(Op::kEqual, {get(slot), node_of(Op::kUndefined)}),
                              set(slot, this->value(target.kid(1)))}));
        made.operands.push_back(bind(target.kid(0), get(slot)));
    };
    if (pattern.is(JsKind::kObject)) {
        for (const Js* const pair : pattern.kids) {
            if (!pair->is(JsKind::kPair) || pair->has(kComputed)) {
                return unsupported("a pattern with a rest or a computed name");
            }
            bind_part(pair->kid(1), text_node(Op::kProperty, pair->kid(0).text, {get(whole)}));
        }
        return made;
    }
    if (!pattern.is(JsKind::kArray)) {
        return unsupported("a pattern that glue does not use");
    }
    made.operands.push_back(set(whole, node_of(Op::kArray, {node_of(Op::kSpread, {get(whole)})})));
    for (std::size_t i = 0; i < pattern.kids.size(); ++i) {
        const Js& item = pattern.kid(i);
        if (item.is(JsKind::kSpread)) {
            bind_part(item.kid(0), text_node(Op::kMethod, "slice",
                                             {get(whole), number_node(static_cast<double>(i))}));
        } else if (!item.is(JsKind::kNothing)) {
            bind_part(item, node_of(Op::kGet, {get(whole), number_node(static_cast<double>(i))}));
        }
    }
    return made;
}

Node Lowering::try_statement(const Js& node) {
    Node made = block(node.kid(0));
    if (!node.kid(2).is(JsKind::kNothing)) {
        const std::size_t names = frame_->names.size();
        std::uint32_t slot = kNoSlot;
        Node handler = node_of(Op::kSequence);
        if (node.kid(1).is(JsKind::kName)) {
            slot = declare(node.kid(1).text);
            frame_->set[slot] = true;
        } else if (!node.kid(1).is(JsKind::kNothing)) {
            slot = temporary();
            frame_->set[slot] = true;
            handler.operands.push_back(bind_pattern(node.kid(1), get(slot)));
        }
        handler.operands.push_back(block(node.kid(2)));
        frame_->names.resize(names);
        made = index_node(Op::kTryCatch, slot, {std::move(made), std::move(handler)});
    }
    if (!node.kid(3).is(JsKind::kNothing)) {
        made = node_of(Op::kTryFinally, {std::move(made), block(node.kid(3))});
    }
    return made;
}

Node Lowering::for_statement(const Js& node) {
    const std::size_t names = frame_->names.size();
    Node made = node_of(Op::kSequence);
    const Js& start = node.kid(0);
    if (start.is(JsKind::kVar)) {
        made.operands.push_back(variables(start));
    } else if (!start.is(JsKind::kNothing)) {
        made.operands.push_back(value(start));
    }
    Node test = node.kid(1).is(JsKind::kNothing) ? node_of(Op::kTrue) : value(node.kid(1));
    Node step = node.kid(2).is(JsKind::kNothing) ? node_of(Op::kUndefined) : value(node.kid(2));
    Node body = statement(node.kid(3));
    made.operands.push_back(
        node_of(Op::kWhile, {std::move(test), std::move(body), std::move(step)}));
    frame_->names.resize(names);
    return made;
}

Node Lowering::for_of(const Js& node) {
    const std::size_t names = frame_->names.size();
    Node over = value(node.kid(1));
    const std::uint32_t slot = temporary();
    frame_->set[slot] = true;
    const Js& target = node.kid(0);
    Node each = target.is(JsKind::kVar) && target.text != "var"
                    ? bind(target.kid(0).kid(0), get(slot))
                    : assign_to(target.is(JsKind::kVar) ? target.kid(0).kid(0) : target, get(slot));
    Node body = node_of(Op::kSequence, {std::move(each)});
    body.operands.push_back(statement(node.kid(2)));
    frame_->names.resize(names);
    return index_node(Op::kForOf, slot, {std::move(over), std::move(body)});
}

// As a chain of conditions, where every case but the last ends what it does by itself.
Node Lowering::switch_statement(const Js& node) {
    const auto leaves = [](const Js& item) {
        return item.kids.size() == 1 || item.kids.back()->is(JsKind::kReturn) ||
               item.kids.back()->is(JsKind::kThrow) || item.kids.back()->is(JsKind::kBreak);
    };
    const std::uint32_t slot = temporary();
    Node made = node_of(Op::kSequence, {set(slot, value(node.kid(0)))});
    Node chain = node_of(Op::kSequence);
    Node* end = &chain;
    Node tests = node_of(Op::kFalse);
    for (std::size_t i = 1; i < node.kids.size(); ++i) {
        const Js& item = node.kid(i);
        const bool last = i + 1 == node.kids.size();
        if (!leaves(item) && !last) {
            return unsupported("a switch whose cases fall through");
        }
        if (item.kid(0).is(JsKind::kNothing) && !last) {
            return unsupported("a switch with a default before its end");
        }
        Node test = item.kid(0).is(JsKind::kNothing)
                        ? node_of(Op::kTrue)
                        : node_of(Op::kEqual, {get(slot), value(item.kid(0))});
        tests = tests.op == Op::kFalse ? std::move(test)
                                       : node_of(Op::kOr, {std::move(tests), std::move(test)});
        if (item.kids.size() == 1 && !last) {
            continue;
        }
        Node body = node_of(Op::kSequence);
        const std::size_t names = frame_->names.size();
        for (std::size_t j = 1; j < item.kids.size(); ++j) {
            if (j + 1 < item.kids.size() || !item.kid(j).is(JsKind::kBreak)) {
                body.operands.push_back(statement(item.kid(j)));
            }
        }
        frame_->names.resize(names);
        Node one = node_of(Op::kIf, {std::exchange(tests, node_of(Op::kFalse)), std::move(body),
                                     node_of(Op::kSequence)});
        end->operands.push_back(std::move(one));
        end = &end->operands.back().operands[2];
    }
    made.operands.push_back(std::move(chain));
    return made;
}

}  // namespace realm::glue
