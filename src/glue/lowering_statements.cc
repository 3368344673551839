#include <fmt/format.h>

#include <algorithm>

#include "glue/lowering.h"

namespace realm::glue {

// The names of `var` and of functions belong to the whole function.
void Lowering::declare_vars(const Js& node) {
    if (node.is(JsKind::kFunction) || node.is(JsKind::kClass)) {
        return;
    }
    if (node.is(JsKind::kVar, "var")) {
        for (const Js* const pair : node.kids) {
            // Each is undefined until it is set.
            std::vector<std::string_view> names;
            names_in(pair->kid(0), names);
            for (const std::string_view text : names) {
                frame_->about[declare(text)].set = true;
            }
        }
    }
    for (const Js* const kid : node.kids) {
        declare_vars(*kid);
    }
}

// The names that a pattern binds.
void Lowering::names_in(const Js& pattern, std::vector<std::string_view>& names) {
    switch (pattern.kind) {
        case JsKind::kName:
            names.push_back(pattern.text);
            break;
        case JsKind::kArray:
        case JsKind::kObject:
            for (const Js* const item : pattern.kids) {
                names_in(*item, names);
            }
            break;
        case JsKind::kPair:
            names_in(pattern.kid(1), names);
            break;
        case JsKind::kSpread:
        case JsKind::kAssign:
            names_in(pattern.kid(0), names);
            break;
        default:
            break;
    }
}

Node Lowering::body_of(const Js& function) {
    if (function.has(kAsync)) {
        return unsupported("it is an async function");
    }
    if (function.has(kGenerator)) {
        return unsupported("it is a generator");
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
        frame_->about[slots.back()].set = true;
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
            made.operands.push_back(bind_pattern(target, get(slots[i]), Binds::kNew));
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
    // What the block declares hides what is around it, also before that.
    for (const Js* const item : node.kids) {
        std::vector<std::string_view> later;
        if (item->is(JsKind::kFunction) || item->is(JsKind::kClass)) {
            later.push_back(item->text);
        } else if (item->is(JsKind::kVar) && item->text != "var") {
            for (const Js* const pair : item->kids) {
                names_in(pair->kid(0), later);
            }
        }
        for (const std::string_view text : later) {
            frame_->names.emplace_back(text, kLater);
        }
    }
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
            return return_statement(node);
        case JsKind::kThrow:
            return node_of(Op::kThrow, {value(node.kid(0))});
        case JsKind::kTry:
            return try_statement(node);
        case JsKind::kWhile:
        case JsKind::kDoWhile:
            return while_statement(node);
        case JsKind::kFor:
            return for_statement(node);
        case JsKind::kForOf:
            return for_of(node);
        case JsKind::kForIn:
            return for_in(node);
        case JsKind::kBreak:
        case JsKind::kContinue:
            return node.text.empty() ? node_of(node.is(JsKind::kBreak) ? Op::kBreak : Op::kContinue)
                                     : unsupported("a label");
        case JsKind::kSwitch:
            return switch_statement(node);
        case JsKind::kLabel:
            return unsupported("a label");
        case JsKind::kClass:
            return unsupported("a class within a function");
        case JsKind::kUnread:
            return unsupported(node.text);
        default:
            return unsupported("a kind of statement that glue does not use");
    }
}

Node Lowering::return_statement(const Js& node) {
    const bool nothing = node.kid(0).is(JsKind::kNothing);
    // Without an object, a derived constructor gives what super() made.
    if (derived_constructor() != nullptr) {
        return node_of(Op::kReturn, {nothing ? node_of(Op::kThis)
                                             : node_of(Op::kCoalesce,
                                                       {value(node.kid(0)), node_of(Op::kThis)})});
    }
    return nothing ? node_of(Op::kReturn) : node_of(Op::kReturn, {value(node.kid(0))});
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
        made.operands.push_back(
            bind(target, std::move(initial), node.text == "var" ? Binds::kOld : Binds::kNew));
    }
    return made.operands.size() == 1 ? std::move(made.operands.front()) : made;
}

Node Lowering::bind(const Js& target, Node value, Binds binds) {
    if (target.is(JsKind::kObject) || target.is(JsKind::kArray)) {
        return bind_pattern(target, std::move(value), binds);
    }
    if (binds == Binds::kNew && target.is(JsKind::kName)) {
        return set(declare(target.text), std::move(value));
    }
    return assign_to(target, std::move(value));
}

Node Lowering::bind_pattern(const Js& pattern, Node value, Binds binds) {
    const std::uint32_t whole = temporary();
    Node made = node_of(Op::kSequence, {set(whole, std::move(value))});
    const auto bind_part = [&](const Js& target, Node part) {
        if (!target.is(JsKind::kAssign)) {
            made.operands.push_back(bind(target, std::move(part), binds));
            return;
        }
        const std::uint32_t slot = temporary();
        made.operands.push_back(set(slot, std::move(part)));
        made.operands.push_back(
            node_of(Op::kIf, {node_of(Op::kEqual, {get(slot), node_of(Op::kUndefined)}),
                              set(slot, this->value(target.kid(1)))}));
        made.operands.push_back(bind(target.kid(0), get(slot), binds));
    };
    if (pattern.is(JsKind::kObject)) {
        for (const Js* const pair : pattern.kids) {
            if (!pair->is(JsKind::kPair) || pair->has(kComputed)) {
                return unsupported("a pattern with a rest or a computed name");
            }
            bind_part(pair->kid(1), text_node(Op::kProperty, pair->kid(0).text, {get(whole)}));
        }
        made.operands.push_back(get(whole));
        return made;
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
    made.operands.push_back(get(whole));
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
            frame_->about[slot].set = true;
        } else if (!node.kid(1).is(JsKind::kNothing)) {
            slot = temporary();
            frame_->about[slot].set = true;
            handler.operands.push_back(bind_pattern(node.kid(1), get(slot), Binds::kNew));
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

// Tells what is read next that it is done again and again.
class Lowering::Loop {
public:
    explicit Loop(Frame& frame) : frame_(frame) { frame.loops.push_back(++frame.loops_so_far); }
    ~Loop() { frame_.loops.pop_back(); }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

private:
    Frame& frame_;
};

Node Lowering::while_statement(const Js& node) {
    if (node.is(JsKind::kWhile)) {
        const Loop loop(*frame_);
        Node test = value(node.kid(0));
        return node_of(Op::kWhile, {std::move(test), statement(node.kid(1))});
    }
    const std::uint32_t first = temporary();
    Node made = node_of(Op::kSequence, {set(first, node_of(Op::kTrue))});
    const Loop loop(*frame_);
    Node body = statement(node.kid(1));
    Node test = node_of(Op::kConditional, {get(first), node_of(Op::kTrue), value(node.kid(0))});
    made.operands.push_back(
        node_of(Op::kWhile, {std::move(test), std::move(body), set(first, node_of(Op::kFalse))}));
    return made;
}

Node Lowering::for_statement(const Js& node) {
    const std::size_t names = frame_->names.size();
    const std::size_t slots = frame_->about.size();
    Node made = node_of(Op::kSequence);
    const Js& start = node.kid(0);
    if (start.is(JsKind::kVar)) {
        made.operands.push_back(variables(start));
    } else if (!start.is(JsKind::kNothing)) {
        made.operands.push_back(value(start));
    }
    const Loop loop(*frame_);
    // Each turn has its own of what `let` declares: a function holds that of its turn.
    if (start.is(JsKind::kVar) && start.text != "var") {
        for (std::size_t i = slots; i < frame_->about.size(); ++i) {
            frame_->about[i].depth = frame_->loops.size();
        }
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
    return for_each(node, value(node.kid(1)));
}

// Over the names of the object's own properties; nothing has none.
Node Lowering::for_in(const Js& node) {
    const std::uint32_t object = temporary();
    Node test = node_of(Op::kIsNone, {set(object, value(node.kid(1)))});
    Node keys = text_node(Op::kMethod, "keys", {text_node(Op::kGlobal, "Object"), get(object)});
    return for_each(
        node, node_of(Op::kConditional, {std::move(test), node_of(Op::kArray), std::move(keys)}));
}

Node Lowering::for_each(const Js& node, Node over) {
    const std::size_t names = frame_->names.size();
    const Loop loop(*frame_);
    const std::uint32_t slot = temporary();
    frame_->about[slot].set = true;
    const Js& target = node.kid(0);
    Node each = target.is(JsKind::kVar) ? bind(target.kid(0).kid(0), get(slot),
                                               target.text == "var" ? Binds::kOld : Binds::kNew)
                                        : assign_to(target, get(slot));
    Node body = node_of(Op::kSequence, {std::move(each)});
    body.operands.push_back(statement(node.kid(2)));
    frame_->names.resize(names);
    return index_node(Op::kForOf, slot, {std::move(over), std::move(body)});
}

namespace {

// Whether a statement leaves a switch around it by `break`, or goes on with a loop around that.
bool jumps(const Js& node, JsKind kind) {
    switch (node.kind) {
        case JsKind::kFunction:
        case JsKind::kClass:
        case JsKind::kWhile:
        case JsKind::kDoWhile:
        case JsKind::kFor:
        case JsKind::kForIn:
        case JsKind::kForOf:
            return false;
        case JsKind::kSwitch:
            return kind == JsKind::kContinue &&
                   std::ranges::any_of(node.kids, [&](const Js* x) { return jumps(*x, kind); });
        default:
            return node.is(kind) ||
                   std::ranges::any_of(node.kids, [&](const Js* x) { return jumps(*x, kind); });
    }
}

// Whether what follows the statement is never reached.
bool leaves(const Js& statement) {
    switch (statement.kind) {
        case JsKind::kReturn:
        case JsKind::kThrow:
        case JsKind::kBreak:
        case JsKind::kContinue:
            return true;
        case JsKind::kBlock:
            return !statement.kids.empty() && leaves(*statement.kids.back());
        case JsKind::kIf:
            return leaves(statement.kid(1)) && leaves(statement.kid(2));
        default:
            return false;
    }
}

}  // namespace

// As a chain of conditions, where every case but the last ends what it does by itself.
Node Lowering::switch_statement(const Js& node) {
    // Where a `break` stands amid a case, the switch is a loop of one turn.
    bool breaks = false;
    for (std::size_t i = 1; i < node.kids.size(); ++i) {
        const Js& item = node.kid(i);
        for (std::size_t j = 1; j < item.kids.size(); ++j) {
            const bool ends = j + 1 == item.kids.size() && item.kid(j).is(JsKind::kBreak);
            breaks = breaks || (!ends && jumps(item.kid(j), JsKind::kBreak));
        }
    }
    if (breaks && jumps(node, JsKind::kContinue)) {
        return unsupported("a switch with both 'break' and 'continue' amid its cases");
    }
    const std::uint32_t slot = temporary();
    Node made = node_of(Op::kSequence, {set(slot, value(node.kid(0)))});
    Node chain = node_of(Op::kSequence);
    Node* end = &chain;
    Node tests = node_of(Op::kFalse);
    for (std::size_t i = 1; i < node.kids.size(); ++i) {
        const Js& item = node.kid(i);
        const bool last = i + 1 == node.kids.size();
        if (item.kids.size() > 1 && !leaves(*item.kids.back()) && !last) {
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
            if (breaks || j + 1 < item.kids.size() || !item.kid(j).is(JsKind::kBreak)) {
                body.operands.push_back(statement(item.kid(j)));
            }
        }
        frame_->names.resize(names);
        Node one = node_of(Op::kIf, {std::exchange(tests, node_of(Op::kFalse)), std::move(body),
                                     node_of(Op::kSequence)});
        end->operands.push_back(std::move(one));
        end = &end->operands.back().operands[2];
    }
    if (breaks) {
        chain.operands.push_back(node_of(Op::kBreak));
        chain = node_of(Op::kWhile, {node_of(Op::kTrue), std::move(chain)});
    }
    made.operands.push_back(std::move(chain));
    return made;
}

}  // namespace realm::glue
