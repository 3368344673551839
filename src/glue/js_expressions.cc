#include <algorithm>
#include <array>

#include "glue/js_parser_impl.h"

namespace realm::glue {
namespace {

struct Binding {
    std::string_view text;
    int strength;
};

constexpr std::array kBinary{
    Binding{.text = "??", .strength = 1},         Binding{.text = "||", .strength = 2},
    Binding{.text = "&&", .strength = 3},         Binding{.text = "|", .strength = 4},
    Binding{.text = "^", .strength = 5},          Binding{.text = "&", .strength = 6},
    Binding{.text = "==", .strength = 7},         Binding{.text = "!=", .strength = 7},
    Binding{.text = "===", .strength = 7},        Binding{.text = "!==", .strength = 7},
    Binding{.text = "<", .strength = 8},          Binding{.text = ">", .strength = 8},
    Binding{.text = "<=", .strength = 8},         Binding{.text = ">=", .strength = 8},
    Binding{.text = "instanceof", .strength = 8}, Binding{.text = "in", .strength = 8},
    Binding{.text = "<<", .strength = 9},         Binding{.text = ">>", .strength = 9},
    Binding{.text = ">>>", .strength = 9},        Binding{.text = "+", .strength = 10},
    Binding{.text = "-", .strength = 10},         Binding{.text = "*", .strength = 11},
    Binding{.text = "/", .strength = 11},         Binding{.text = "%", .strength = 11},
    Binding{.text = "**", .strength = 12}};

int strength_of(const Token& token) {
    if (token.kind != TokenKind::kMark && token.kind != TokenKind::kName) {
        return 0;
    }
    const auto* const found = std::ranges::find(kBinary, token.text, &Binding::text);
    return found == kBinary.end() ? 0 : found->strength;
}

bool is_assignment(const Token& token) {
    return token.kind == TokenKind::kMark && token.text.ends_with('=') && token.text != "==" &&
           token.text != "===" && token.text != "!=" && token.text != "!==" && token.text != "<=" &&
           token.text != ">=";
}

bool is_target(const Js& node) {
    switch (node.kind) {
        case JsKind::kName:
        case JsKind::kMember:
        case JsKind::kIndex:
        case JsKind::kArray:
        case JsKind::kObject:
            return true;
        default:
            return false;
    }
}

}  // namespace

Js* Parser::expression() {
    const std::size_t begin = token_.begin;
    Js* const first = assignment();
    if (first == nullptr || !at(",")) {
        return first;
    }
    Js* const comma = make(JsKind::kComma, begin, {first});
    while (comma != nullptr && accept(",")) {
        if (!add(*comma, assignment())) {
            return nullptr;
        }
    }
    return comma;
}

Js* Parser::assignment() {
    const Nested nested(*this);
    if (nested.too_deep()) {
        return fail("expressions nest too deep");
    }
    const std::size_t begin = token_.begin;
    if (at("yield")) {
        advance();
        accept("*");
        const bool bare = at(")") || at("]") || at("}") || at(",") || at(";");
        Js* const value = bare ? nothing() : assignment();
        return value == nullptr ? nullptr : make(JsKind::kYield, begin, {value});
    }
    Js* const left = conditional();
    if (left == nullptr || !is_assignment(token_) || left == bare_arrow_) {
        return left;
    }
    if (!is_target(*left)) {
        return fail("this cannot be assigned to");
    }
    const std::string_view oper = token_.text;
    advance();
    Js* const right = assignment();
    Js* const made = right == nullptr ? nullptr : make(JsKind::kAssign, begin, {left, right});
    if (made != nullptr) {
        made->text = oper;
    }
    return made;
}

Js* Parser::conditional() {
    const std::size_t begin = token_.begin;
    Js* const condition = binary(1);
    if (condition == nullptr || !accept("?")) {
        return condition;
    }
    const bool no_in = std::exchange(no_in_, false);
    Js* const then = assignment();
    no_in_ = no_in;
    if (then == nullptr || !expect(":")) {
        return nullptr;
    }
    Js* const otherwise = assignment();
    return otherwise == nullptr ? nullptr
                                : make(JsKind::kConditional, begin, {condition, then, otherwise});
}

Js* Parser::binary(int least) {
    const Nested nested(*this);
    if (nested.too_deep()) {
        return fail("expressions nest too deep");
    }
    const std::size_t begin = token_.begin;
    Js* left = token_.kind == TokenKind::kPrivateName ? name_or_arrow() : unary();
    while (left != nullptr && left != bare_arrow_) {
        const int strength = strength_of(token_);
        if (strength < least || strength == 0 || (no_in_ && at("in"))) {
            break;
        }
        const std::string_view oper = token_.text;
        advance();
        Js* const right = binary(oper == "**" ? strength : strength + 1);
        if (right == nullptr) {
            return nullptr;
        }
        left = make(JsKind::kBinary, begin, {left, right});
        if (left != nullptr) {
            left->text = oper;
        }
    }
    return left;
}

Js* Parser::unary() {
    const Nested nested(*this);
    if (nested.too_deep()) {
        return fail("expressions nest too deep");
    }
    constexpr std::array<std::string_view, 7> kOperators{"!",      "-",    "+",     "~",
                                                         "typeof", "void", "delete"};
    const Token start = token_;
    const bool update = at("++") || at("--");
    const bool awaits = at("await");
    const bool oper = std::ranges::any_of(kOperators, [&](std::string_view x) { return at(x); });
    if (!update && !awaits && !oper) {
        return postfix();
    }
    advance();
    Js* const operand = unary();
    if (operand == nullptr) {
        return nullptr;
    }
    const JsKind kind = update ? JsKind::kUpdate : awaits ? JsKind::kAwait : JsKind::kUnary;
    Js* const made = make(kind, start.begin, {operand});
    if (made != nullptr) {
        made->text = start.text;
        made->flags = update ? kPrefix : 0;
    }
    return made;
}

Js* Parser::postfix() {
    const std::size_t begin = token_.begin;
    Js* const base = primary();
    Js* const operand = base == nullptr || base == bare_arrow_ ? base : member_chain(base, true);
    if (operand == nullptr || token_.after_newline || !(at("++") || at("--"))) {
        return operand;
    }
    Js* const made = make(JsKind::kUpdate, begin, {operand});
    if (made != nullptr) {
        made->text = token_.text;
    }
    advance();
    return made;
}

Js* Parser::member_chain(Js* base, bool calls) {
    while (base != nullptr) {
        const std::size_t begin = base->begin;
        Js* made = nullptr;
        const bool optional = calls && accept("?.");
        if (optional ? token_.kind == TokenKind::kName : accept(".")) {
            if (token_.kind != TokenKind::kName && token_.kind != TokenKind::kPrivateName) {
                return fail("a property's name is missing");
            }
            made = make(JsKind::kMember, begin, {base});
            if (made != nullptr) {
                made->text = token_.text;
            }
            advance();
        } else if (accept("[")) {
            const bool no_in = std::exchange(no_in_, false);
            Js* const key = expression();
            no_in_ = no_in;
            if (key == nullptr || !expect("]")) {
                return nullptr;
            }
            made = make(JsKind::kIndex, begin, {base, key});
        } else if (calls && at("(")) {
            made = make(JsKind::kCall, begin, {base});
            if (made == nullptr || !arguments(*made)) {
                return nullptr;
            }
        } else if (token_.kind == TokenKind::kTemplate) {
            Js* const text = template_literal();
            made = text == nullptr ? nullptr : make(JsKind::kTagged, begin, {base, text});
        } else {
            return optional ? fail("nothing follows '?.'") : base;
        }
        if (made != nullptr && optional) {
            made->flags = kOptional;
        }
        base = made;
    }
    return nullptr;
}

bool Parser::arguments(Js& call) {
    if (!expect("(")) {
        return false;
    }
    const bool no_in = std::exchange(no_in_, false);
    while (!at(")")) {
        const std::size_t begin = token_.begin;
        const bool spread = accept("...");
        Js* argument = assignment();
        if (argument != nullptr && spread) {
            argument = make(JsKind::kSpread, begin, {argument});
        }
        if (!add(call, argument)) {
            return false;
        }
        if (!accept(",")) {
            break;
        }
    }
    no_in_ = no_in;
    return expect(")");
}

Js* Parser::primary() {
    if (at("(")) {
        return parenthesised();
    }
    if (at("[")) {
        return array();
    }
    if (at("{")) {
        return object();
    }
    if (at("/") || at("/=")) {
        const Token whole = lexer_.regexp(token_);
        Js* const made = whole.kind == TokenKind::kRegExp
                             ? make(JsKind::kRegExp, whole.begin)
                             : fail("a regular expression does not end");
        if (made != nullptr) {
            made->text = whole.text;
            advance();
        }
        return made;
    }
    switch (token_.kind) {
        case TokenKind::kName:
            return name_or_arrow();
        case TokenKind::kTemplate:
            return template_literal();
        case TokenKind::kNumber:
        case TokenKind::kBigInt:
        case TokenKind::kString:
            return literal();
        default:
            return fail("an expression is missing");
    }
}

Js* Parser::name_or_arrow() {
    const Token name = token_;
    if (at("function") || at("class")) {
        return at("class") ? class_definition() : function(0);
    }
    if (at("new")) {
        return new_expression();
    }
    const Token behind = at("async") ? peek() : Token{};
    if (behind.kind == TokenKind::kName && !behind.after_newline && !behind.is("of") &&
        !behind.is("in") && !behind.is("instanceof")) {
        advance();
        return behind.is("function") ? function(kAsync) : async_arrow(name.begin);
    }
    if (at("import")) {
        return import_expression();
    }
    constexpr std::array<std::pair<std::string_view, JsKind>, 5> kWords{
        {{"true", JsKind::kTrue},
         {"false", JsKind::kFalse},
         {"null", JsKind::kNull},
         {"this", JsKind::kThis},
         {"super", JsKind::kSuper}}};
    const auto* const word =
        std::ranges::find(kWords, name.text, [](const auto& x) { return x.first; });
    Js* const made = make(word == kWords.end() ? JsKind::kName : word->second, name.begin);
    if (made == nullptr) {
        return nullptr;
    }
    made->text = name.text;
    advance();
    if (made->is(JsKind::kName) && at("=>")) {
        return arrow(name.begin, made, 0);
    }
    const bool calls_async = made->is(JsKind::kName, "async") && at("(") && !token_.after_newline;
    return calls_async ? call_or_async_arrow(made) : made;
}

// async x => ...
Js* Parser::async_arrow(std::size_t begin) {
    Js* const parameter = make(JsKind::kName, token_.begin);
    if (parameter == nullptr) {
        return nullptr;
    }
    parameter->text = token_.text;
    advance();
    return arrow(begin, parameter, kAsync);
}

// async(x) or async (x) => ...
Js* Parser::call_or_async_arrow(Js* name) {
    Js* const call = make(JsKind::kCall, name->begin, {name});
    if (call == nullptr || !arguments(*call)) {
        return nullptr;
    }
    if (!at("=>")) {
        return call;
    }
    Js* const list = make(JsKind::kComma, name->begin);
    if (list == nullptr) {
        return nullptr;
    }
    list->kids.assign(call->kids.begin() + 1, call->kids.end());
    return arrow(name->begin, list, kAsync);
}

// import.meta, import(x)
Js* Parser::import_expression() {
    Js* const meta = make(JsKind::kMeta, token_.begin);
    advance();
    if (meta == nullptr) {
        return nullptr;
    }
    meta->text = at("(") ? "import()" : "import.meta";
    if (accept(".")) {
        advance();
    }
    return meta;
}

Js* Parser::new_expression() {
    const std::size_t begin = token_.begin;
    advance();
    if (accept(".")) {
        advance();
        Js* const meta = make(JsKind::kMeta, begin);
        if (meta != nullptr) {
            meta->text = "new.target";
        }
        return meta;
    }
    Js* const base = at("new") ? new_expression() : primary();
    Js* const constructor = base == nullptr ? nullptr : member_chain(base, false);
    Js* const made = constructor == nullptr ? nullptr : make(JsKind::kNew, begin, {constructor});
    if (made == nullptr || (at("(") && !arguments(*made))) {
        return nullptr;
    }
    return made;
}

Js* Parser::parenthesised() {
    const std::size_t begin = token_.begin;
    advance();
    const bool no_in = std::exchange(no_in_, false);
    Js* const list = make(JsKind::kComma, begin);
    bool rest = false;
    while (list != nullptr && !at(")")) {
        const std::size_t item_begin = token_.begin;
        rest = accept("...");
        Js* item = rest ? pattern() : assignment();
        if (item != nullptr && rest) {
            item = make(JsKind::kSpread, item_begin, {item});
        }
        if (!add(*list, item)) {
            return nullptr;
        }
        if (!accept(",")) {
            break;
        }
    }
    no_in_ = no_in;
    if (!expect(")")) {
        return nullptr;
    }
    if (at("=>")) {
        return arrow(begin, list, 0);
    }
    if (list->kids.empty() || rest) {
        return fail("an arrow is missing");
    }
    bare_arrow_ = nullptr;
    return list->kids.size() == 1 ? list->kids.front() : list;
}

Js* Parser::arrow(std::size_t begin, Js* parameters, std::uint8_t flags) {
    Js* const made = make(JsKind::kFunction, begin);
    if (made == nullptr || !expect("=>")) {
        return nullptr;
    }
    made->flags = static_cast<std::uint8_t>(flags | kArrow);
    if (!parameters->is(JsKind::kComma)) {
        if (!add(*made, parameters)) {
            return nullptr;
        }
    } else {
        for (Js* const parameter : parameters->kids) {
            if (!add(*made, parameter)) {
                return nullptr;
            }
        }
    }
    Js* const body = at("{") ? function_body() : assignment();
    bare_arrow_ = made;
    return add(*made, body) ? made : nullptr;
}

}  // namespace realm::glue
