// Functions, classes, objects' members and what binds names.

#include <array>

#include "glue/js_parser_impl.h"

namespace realm::glue {

Js* Parser::function(std::uint8_t flags) {
    Js* const made = make(JsKind::kFunction, token_.begin);
    advance();
    if (made == nullptr) {
        return nullptr;
    }
    made->flags = flags;
    if (accept("*")) {
        made->flags |= kGenerator;
    }
    if (token_.kind == TokenKind::kName) {
        made->text = token_.text;
        advance();
    }
    return function_rest(*made);
}

Js* Parser::function_rest(Js& made) {
    if (!parameters(made)) {
        return nullptr;
    }
    return add(made, function_body()) ? &made : nullptr;
}

bool Parser::parameters(Js& made) {
    if (!expect("(")) {
        return false;
    }
    while (!at(")")) {
        if (!add(made, pattern_item())) {
            return false;
        }
        if (!accept(",")) {
            break;
        }
    }
    return expect(")");
}

// A body that cannot be understood is stepped over, so that the rest of the file can be.
Js* Parser::function_body() {
    if (!at("{")) {
        return fail("a function's body is missing");
    }
    const Lexer from = lexer_;
    const Token brace = token_;
    const std::size_t nesting = nesting_;
    const bool no_in = std::exchange(no_in_, false);
    Js* const body = block();
    no_in_ = no_in;
    nesting_ = nesting;
    return body != nullptr || hopeless_ ? body : skip(from, brace, true);
}

// Steps over a function's body, or a statement: to the bracket that closes it, or to a semicolon or
// new line outside of all brackets.
Js* Parser::skip(const Lexer& from, const Token& start, bool body) {
    const std::string_view why = tree_.keep(std::exchange(failure_, {}));
    lexer_ = from;
    token_ = start;
    std::size_t open = 0;
    Token last;
    // Where in a template an expression stands, the template goes on at its closing bracket.
    std::vector<std::size_t> templates;
    do {
        if (hopeless_ || (token_.kind == TokenKind::kEnd && (body || open > 0))) {
            return fail("brackets do not match");
        }
        const bool value_before =
            last.kind == TokenKind::kNumber || last.kind == TokenKind::kString ||
            last.kind == TokenKind::kName || last.is(")") || last.is("]") || last.is("}");
        if ((at("/") || at("/=")) && !value_before) {
            token_ = lexer_.regexp(token_);
        }
        if (at("}") && !templates.empty() && templates.back() == open) {
            token_ = lexer_.template_rest(token_);
            templates.pop_back();
        } else if (at("{") || at("(") || at("[")) {
            ++open;
        } else if (at("}") || at(")") || at("]")) {
            open -= open > 0 ? 1 : 0;
        }
        if (token_.kind == TokenKind::kTemplate && token_.text.ends_with("${")) {
            templates.push_back(open);
        }
        last = token_;
        if (token_.kind != TokenKind::kEnd) {
            advance();
        }
    } while (open > 0 ||
             (!body && token_.kind != TokenKind::kEnd && !last.is(";") && !token_.after_newline));
    Js* const made = make(JsKind::kUnread, start.begin);
    if (made != nullptr) {
        made->text = why;
    }
    return made;
}

Js* Parser::class_definition() {
    Js* const made = make(JsKind::kClass, token_.begin);
    advance();
    if (made == nullptr) {
        return nullptr;
    }
    if (token_.kind == TokenKind::kName && !at("extends")) {
        made->text = token_.text;
        advance();
    }
    Js* parent = nullptr;
    if (accept("extends")) {
        Js* const base = primary();
        parent = base == nullptr ? nullptr : member_chain(base, true);
    } else {
        parent = nothing();
    }
    if (!add(*made, parent) || !expect("{")) {
        return nullptr;
    }
    while (!at("}")) {
        if (accept(";")) {
            continue;
        }
        if (!add(*made, member())) {
            return nullptr;
        }
    }
    advance();
    return made;
}

// Of a class.
Js* Parser::member() {
    const std::size_t begin = token_.begin;
    std::uint8_t flags = 0;
    constexpr std::array<std::pair<std::string_view, JsFlag>, 4> kWords{
        {{"static", kStatic}, {"async", kAsync}, {"get", kGetter}, {"set", kSetter}}};
    for (const auto& [word, flag] : kWords) {
        if (!at(word)) {
            continue;
        }
        const Token behind = peek();
        if (behind.is("(") || behind.is("=") || behind.is(";") || behind.is("}")) {
            break;
        }
        advance();
        flags |= flag;
        if (flag == kStatic && at("{")) {
            return block();
        }
    }
    if (accept("*")) {
        flags |= kGenerator;
    }
    Js* const name = property_name(flags);
    if (name == nullptr) {
        return nullptr;
    }
    Js* const made = make(at("(") ? JsKind::kFunction : JsKind::kField, begin);
    if (made == nullptr) {
        return nullptr;
    }
    made->text = name->text;
    if (name->is(JsKind::kMember) && name->kid(0).is(JsKind::kName, "Symbol")) {
        made->text = tree_.keep("@@" + std::string(name->text));
        flags = static_cast<std::uint8_t>(flags & ~kComputed);
    }
    made->flags = flags;
    if ((flags & kComputed) != 0 && !add(*made, name)) {
        return nullptr;
    }
    if (made->is(JsKind::kFunction)) {
        return function_rest(*made);
    }
    Js* const value = accept("=") ? assignment() : nothing();
    return add(*made, value) && end_statement() ? made : nullptr;
}

Js* Parser::property_name(std::uint8_t& flags) {
    if (accept("[")) {
        Js* const name = assignment();
        flags |= kComputed;
        return name != nullptr && expect("]") ? name : nullptr;
    }
    if (token_.kind == TokenKind::kString) {
        return literal();
    }
    const bool plain = token_.kind == TokenKind::kName || token_.kind == TokenKind::kPrivateName ||
                       token_.kind == TokenKind::kNumber;
    Js* const made =
        plain ? make(JsKind::kString, token_.begin) : fail("a property's name is missing");
    if (made != nullptr) {
        made->text = token_.text;
        advance();
    }
    return made;
}

// async, get, set and * before a name.
std::uint8_t Parser::property_words() {
    std::uint8_t flags = 0;
    constexpr std::array<std::pair<std::string_view, JsFlag>, 3> kWords{
        {{"async", kAsync}, {"get", kGetter}, {"set", kSetter}}};
    for (const auto& [word, flag] : kWords) {
        const Token behind = at(word) ? peek() : Token{};
        if (behind.kind == TokenKind::kEnd || behind.is("(") || behind.is(":") || behind.is(",") ||
            behind.is("}") || behind.is("=")) {
            continue;
        }
        advance();
        flags |= flag;
    }
    if (accept("*")) {
        flags |= kGenerator;
    }
    return flags;
}

// Of an object, or of the pattern that it turns out to be.
Js* Parser::property() {
    const std::size_t begin = token_.begin;
    if (accept("...")) {
        Js* const value = assignment();
        return value == nullptr ? nullptr : make(JsKind::kSpread, begin, {value});
    }
    std::uint8_t flags = property_words();
    const bool is_name = token_.kind == TokenKind::kName;
    Js* const key = property_name(flags);
    if (key == nullptr) {
        return nullptr;
    }
    if (at("(")) {
        Js* const made = make(JsKind::kFunction, begin);
        if (made == nullptr) {
            return nullptr;
        }
        made->flags = flags;
        made->text = key->text;
        if ((flags & kComputed) != 0 && !add(*made, key)) {
            return nullptr;
        }
        return function_rest(*made);
    }
    Js* value = nullptr;
    if (accept(":")) {
        value = assignment();
    } else if (is_name) {
        value = make(JsKind::kName, begin);
        if (value != nullptr) {
            value->text = key->text;
        }
        if (value != nullptr && accept("=")) {
            Js* const usual = assignment();
            value = usual == nullptr ? nullptr : make(JsKind::kAssign, begin, {value, usual});
            if (value != nullptr) {
                value->text = "=";
            }
        }
    } else {
        return fail("a property's value is missing");
    }
    Js* const made = value == nullptr ? nullptr : make(JsKind::kPair, begin, {key, value});
    if (made != nullptr) {
        made->flags = flags;
    }
    return made;
}

// What may stand left of "=" in a declaration. Arrays and objects are read as the expressions that
// they look like.
Js* Parser::pattern() {
    if (at("[")) {
        return array();
    }
    if (at("{")) {
        return object();
    }
    if (token_.kind != TokenKind::kName) {
        return fail("a name is missing");
    }
    Js* const made = make(JsKind::kName, token_.begin);
    if (made != nullptr) {
        made->text = token_.text;
        advance();
    }
    return made;
}

// A parameter.
Js* Parser::pattern_item() {
    const std::size_t begin = token_.begin;
    if (accept("...")) {
        Js* const rest = pattern();
        return rest == nullptr ? nullptr : make(JsKind::kSpread, begin, {rest});
    }
    Js* const target = pattern();
    if (target == nullptr || !accept("=")) {
        return target;
    }
    Js* const usual = assignment();
    Js* const made = usual == nullptr ? nullptr : make(JsKind::kAssign, begin, {target, usual});
    if (made != nullptr) {
        made->text = "=";
    }
    return made;
}

}  // namespace realm::glue
