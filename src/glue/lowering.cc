#include "glue/lowering.h"

#include <fmt/format.h>

#include <algorithm>

namespace realm::glue {
namespace {

// Slots of what is captured are numbered from here until their number is known.
constexpr std::uint32_t kCaptured = 1U << 30U;

void renumber(Node& node, std::uint32_t captures) {
    const bool has_slot = node.op == Op::kLocal || node.op == Op::kSetLocal ||
                          node.op == Op::kForOf ||
                          (node.op == Op::kTryCatch && node.index != kNoSlot);
    if (has_slot) {
        node.index = node.index >= kCaptured ? node.index - kCaptured : node.index + captures;
    }
    for (Node& operand : node.operands) {
        renumber(operand, captures);
    }
}

std::size_t count_of(const Node& node) {
    std::size_t count = 1;
    for (const Node& operand : node.operands) {
        count += count_of(operand);
    }
    return count;
}

Node throwing(std::string_view reason) {
    return node_of(
        Op::kThrow,
        {node_of(Op::kNew, {text_node(Op::kGlobal, "Error"), text_node(Op::kString, reason)})});
}

}  // namespace

Node node_of(Op op, std::vector<Node> operands) {
    Node node;
    node.op = op;
    node.operands = std::move(operands);
    return node;
}

Node text_node(Op op, std::string_view text, std::vector<Node> operands) {
    Node node = node_of(op, std::move(operands));
    node.text = text;
    return node;
}

Node index_node(Op op, std::uint32_t index, std::vector<Node> operands) {
    Node node = node_of(op, std::move(operands));
    node.index = index;
    return node;
}

Node type_node(Op op, Element type, std::vector<Node> operands) {
    Node node = node_of(op, std::move(operands));
    node.type = type;
    return node;
}

Node number_node(double number) {
    Node node = node_of(Op::kNumber);
    node.number = number;
    return node;
}

std::size_t depth_of(const Node& node) {
    std::size_t deepest = 0;
    for (const Node& operand : node.operands) {
        deepest = std::max(deepest, depth_of(operand));
    }
    return deepest + 1;
}

Lowering::Lowering(const GlueScope& scope, const std::map<std::string, GlueScope>& snippets,
                   Bindings& bindings)
    : main_(scope), snippets_(snippets), bindings_(bindings), scope_(&scope) {}

std::uint32_t Lowering::index_of(const Js& node, How how, std::string_view name,
                                 std::uint32_t parameters) {
    const auto [found, is_new] =
        indices_.try_emplace({&node, how}, static_cast<std::uint32_t>(bindings_.functions.size()));
    if (is_new) {
        bindings_.functions.push_back(
            {.name = std::string(name), .parameters = parameters, .slots = parameters});
        pending_.push_back({.node = &node, .index = found->second, .scope = scope_, .how = how});
    }
    return found->second;
}

std::uint32_t Lowering::function(const Js& node, std::string_view name) {
    return index_of(node, How::kBody, name, 0);
}

std::uint32_t Lowering::function_of(const GlueScope& scope, const Js& node, std::string_view name) {
    const GlueScope* const here = std::exchange(scope_, &scope);
    const std::uint32_t index = function(node, name);
    scope_ = here;
    return index;
}

std::uint32_t Lowering::calling(const Js& value, std::string_view name, std::uint32_t parameters) {
    return index_of(value, How::kCall, name, parameters);
}

std::uint32_t Lowering::made(std::string_view name, std::uint32_t parameters, Node body) {
    bindings_.functions.push_back({.name = std::string(name),
                                   .parameters = parameters,
                                   .slots = parameters,
                                   .body = std::move(body)});
    return static_cast<std::uint32_t>(bindings_.functions.size() - 1);
}

void Lowering::finish() {
    while (!pending_.empty()) {
        const Pending next = pending_.front();
        pending_.pop_front();
        lower(next);
    }
}

std::string Lowering::reason(std::uint32_t function) const {
    const auto found = reasons_.find(function);
    return found == reasons_.end() ? std::string() : found->second;
}

void Lowering::lower(const Pending& pending) {
    scope_ = pending.scope;
    reason_.clear();
    Frame frame;
    Frame* const before = std::exchange(frame_, &frame);
    Function made = bindings_.functions[pending.index];
    Node body;
    if (pending.how == How::kValue) {
        body = node_of(Op::kReturn, {value(*pending.node)});
    } else if (pending.how == How::kCall) {
        std::vector<Node> arguments;
        for (std::uint32_t i = 0; i < made.parameters; ++i) {
            arguments.push_back(get(temporary()));
        }
        Node callee = node_of(Op::kCall, {value(*pending.node)});
        std::ranges::move(arguments, std::back_inserter(callee.operands));
        body = node_of(Op::kReturn, {std::move(callee)});
    } else if (pending.how == How::kFields) {
        body = fields_of(*pending.node);
    } else if (pending.how == How::kUsualConstructor) {
        body = usual_constructor_of(*pending.node);
        made.rest = made.parameters > 0;
    } else {
        frame.member = classes_.contains(pending.node) ? pending.node : nullptr;
        body = with_fields(*pending.node, body_of(*pending.node));
        made.parameters = static_cast<std::uint32_t>(pending.node->parameters());
        made.rest =
            made.parameters > 0 && pending.node->kid(made.parameters - 1).is(JsKind::kSpread);
    }
    frame_ = before;
    made.slots = frame.slots;
    nodes_ += count_of(body);
    if (reason_.empty() && (made.slots > kMaxSlots || depth_of(body) > kMaxNodeDepth)) {
        reason_ = "it is too large";
    }
    if (reason_.empty() && nodes_ > kMaxNodes) {
        reason_ = fmt::format("the glue has more than {} operations", kMaxNodes);
    }
    if (!reason_.empty()) {
        reasons_[pending.index] = reason_;
        made.slots = made.parameters;
        body = throwing(fmt::format("{}: {}", made.name, reason_));
    }
    made.body = std::move(body);
    bindings_.functions[pending.index] = std::move(made);
}

Node Lowering::unsupported(std::string_view why) {
    if (reason_.empty()) {
        reason_ = why;
    }
    return node_of(Op::kUndefined);
}

// --- Names and slots -----------------------------------------------------------------------------

std::uint32_t Lowering::declare(std::string_view text) {
    const std::uint32_t slot = temporary();
    frame_->names.emplace_back(text, slot);
    return slot;
}

std::uint32_t Lowering::temporary() {
    frame_->about.push_back({.depth = frame_->loops.size()});
    return frame_->slots++;
}

Node Lowering::get(std::uint32_t slot) {
    return index_node(Op::kLocal, slot);
}

Node Lowering::set(std::uint32_t slot, Node value) {
    if (slot >= kCaptured || frame_->about[slot].fixed) {
        return unsupported("it changes a variable that a function in it has taken");
    }
    Slot& about = frame_->about[slot];
    about.set = true;
    if (about.changing == 0 && frame_->loops.size() > about.depth) {
        about.changing = frame_->loops[about.depth];
    }
    return index_node(Op::kSetLocal, slot, {std::move(value)});
}

// The slot of a name of a function around this one, which becomes a capture of all in between.
std::optional<std::uint32_t> Lowering::capture(Frame& frame, std::string_view text) {
    const auto own = std::find_if(frame.names.rbegin(), frame.names.rend(),
                                  [&](const auto& x) { return x.first == text; });
    if (own != frame.names.rend() && own->second == kLater) {
        unsupported(fmt::format("it takes '{}' before its declaration", text));
        return std::nullopt;
    }
    if (own != frame.names.rend()) {
        return own->second;
    }
    const auto known = std::ranges::find(frame.captured, text);
    if (known != frame.captured.end()) {
        return kCaptured + static_cast<std::uint32_t>(known - frame.captured.begin());
    }
    if (frame.around == nullptr || (text == "this" && !frame.arrow)) {
        return std::nullopt;
    }
    const auto outer = capture(*frame.around, text);
    if (!outer && text != "this") {
        return std::nullopt;
    }
    if (outer && *outer < kCaptured) {
        Slot& about = frame.around->about[*outer];
        if (!about.set) {
            unsupported("a function in it takes a variable that has no value yet");
        }
        // The next turn of a loop would change it behind the function's back.
        if (about.changing != 0 &&
            std::ranges::find(frame.around->loops, about.changing) != frame.around->loops.end()) {
            unsupported("a function in it takes a variable that a loop around it changes");
        }
        about.fixed = true;
    }
    frame.captured.push_back(text);
    return kCaptured + static_cast<std::uint32_t>(frame.captured.size() - 1);
}

std::optional<Node> Lowering::local(std::string_view text) {
    const auto slot = frame_ == nullptr ? std::nullopt : capture(*frame_, text);
    return slot ? std::optional(get(*slot)) : std::nullopt;
}

// A function within a function, as a value.
Node Lowering::closure_value(const Js& node) {
    Frame frame;
    frame.around = frame_;
    frame.arrow = node.has(kArrow);
    frame.member = frame.arrow ? frame_->member : nullptr;
    frame_ = &frame;
    Function made{.name = node.text.empty() ? "function" : std::string(node.text),
                  .parameters = static_cast<std::uint32_t>(node.parameters())};
    made.rest = made.parameters > 0 && node.kid(made.parameters - 1).is(JsKind::kSpread);
    made.body = body_of(node);
    frame_ = frame.around;
    if (!reason_.empty()) {
        return node_of(Op::kUndefined);  // the function around it is given up
    }
    const auto captures = static_cast<std::uint32_t>(frame.captured.size());
    renumber(made.body, captures);
    made.captures = captures;
    made.slots = captures + frame.slots;
    if (made.slots > kMaxSlots || depth_of(made.body) > kMaxNodeDepth) {
        return unsupported("it is too large");
    }
    nodes_ += count_of(made.body);
    const auto index = static_cast<std::uint32_t>(bindings_.functions.size());
    bindings_.functions.push_back(std::move(made));
    Node result = index_node(Op::kFunction, index);
    for (const std::string_view text : frame.captured) {
        // `this` is no variable of an ordinary function, but what its arrows take.
        const auto outer = capture(*frame_, text);
        result.operands.push_back(outer ? get(*outer) : node_of(Op::kThis));
    }
    return result;
}

// A variable of the file, which keeps its value.
std::uint32_t Lowering::variable(std::string_view text, const Name& known) {
    const auto [found, is_new] = variables_.try_emplace(
        {scope_, text}, static_cast<std::uint32_t>(bindings_.variables.size()));
    if (is_new) {
        bindings_.variables.push_back({.name = std::string(text)});
        const auto started = started_.find(text);
        const Js* const first =
            scope_ == &main_ && started != started_.end() ? started->second : known.node;
        if (first != nullptr) {
            bindings_.variables[found->second].function = index_of(*first, How::kValue, text, 0);
        }
    }
    if (scope_->changed(text)) {
        unsupported(
            fmt::format("it needs '{}', which statements outside of functions change", text));
    }
    return found->second;
}

bool Lowering::constant(std::string_view text, const Name& known) {
    if (scope_->changed(text)) {
        return false;
    }
    if (bindings_.constants.contains(std::string(text))) {
        return scope_ == &main_;
    }
    auto made = known.constant && known.node != nullptr && scope_ == &main_
                    ? constant_value(*known.node)
                    : std::nullopt;
    if (made) {
        bindings_.constants.emplace(std::string(text), std::move(*made));
    }
    return made.has_value();
}

std::optional<nlohmann::json> constant_value(const Js& node) {
    if (node.is(JsKind::kCall) && node.kids.size() == 2 &&
        node.kid(0).is(JsKind::kMember, "freeze")) {
        return constant_value(node.kid(1));
    }
    const auto scalar = [](const Js& at) -> std::optional<nlohmann::json> {
        switch (at.kind) {
            case JsKind::kString:
                return std::string(at.text);
            case JsKind::kNumber:
                return at.number;
            case JsKind::kUnary:
                if (at.text == "-" && at.kid(0).is(JsKind::kNumber)) {
                    return -at.kid(0).number;
                }
                return std::nullopt;
            default:
                return std::nullopt;
        }
    };
    if (node.is(JsKind::kArray) && !node.kids.empty()) {
        nlohmann::json list = nlohmann::json::array();
        for (const Js* const item : node.kids) {
            auto one = scalar(*item);
            if (!one) {
                return std::nullopt;
            }
            list.push_back(std::move(*one));
        }
        return list;
    }
    if (!node.is(JsKind::kObject) || node.kids.empty()) {
        return std::nullopt;
    }
    nlohmann::json object = nlohmann::json::object();
    for (const Js* const pair : node.kids) {
        auto one =
            pair->is(JsKind::kPair) && !pair->has(kComputed) ? scalar(pair->kid(1)) : std::nullopt;
        if (!one) {
            return std::nullopt;
        }
        object[std::string(pair->kid(0).text)] = std::move(*one);
    }
    return object;
}

}  // namespace realm::glue
