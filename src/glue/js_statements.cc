#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "glue/js_parser_impl.h"

namespace realm::glue {
namespace {

// How often a text may be read on average, and what even a short one may cost.
constexpr std::size_t kMostWork = 4;
constexpr std::size_t kFreeWork = 10'000;

}  // namespace

void Parser::advance() {
    const std::size_t before = lexer_.at();
    token_ = lexer_.next();
    // A body that was not understood is read twice; those around it may be, too. That must not
    // become a way to make us read for ever.
    work_ += lexer_.at() - before + 1;
    if (work_ > kMostWork * lexer_.source().size() + kFreeWork) {
        hopeless_ = true;
        token_ = {.kind = TokenKind::kEnd, .text = {}, .begin = lexer_.source().size()};
    }
}

// Counted on from the last failure: there may be many.
std::size_t Parser::line_at(std::size_t place) {
    const std::string_view source = lexer_.source();
    if (place >= line_place_) {
        line_ += static_cast<std::size_t>(
            std::ranges::count(source.substr(line_place_, place - line_place_), '\n'));
    } else {
        line_ -= static_cast<std::size_t>(
            std::ranges::count(source.substr(place, line_place_ - place), '\n'));
    }
    line_place_ = place;
    return line_;
}

Token Parser::peek() {
    Lexer ahead = lexer_;
    return ahead.next();
}

bool Parser::accept(std::string_view mark) {
    if (!at(mark)) {
        return false;
    }
    advance();
    return true;
}

bool Parser::expect(std::string_view mark) {
    if (accept(mark)) {
        return true;
    }
    fail(fmt::format("'{}' is missing", mark));
    return false;
}

Js* Parser::fail(std::string_view what) {
    if (failure_.empty()) {
        failure_ = fmt::format("line {}: {}", line_at(token_.begin), what);
    }
    return nullptr;
}

Js* Parser::make(JsKind kind, std::size_t begin, std::initializer_list<Js*> kids) {
    if (tree_.size() >= kMaxTreeNodes) {
        hopeless_ = true;
        return fail(fmt::format("more than {} parts", kMaxTreeNodes));
    }
    Js& made = tree_.make(kind, begin);
    for (Js* const kid : kids) {
        if (!add(made, kid)) {
            return nullptr;
        }
    }
    return &made;
}

bool Parser::add(Js& parent, Js* kid) {
    if (kid == nullptr) {
        return false;
    }
    if (kid->depth > kMaxTreeDepth) {
        fail("expressions nest too deep");
        return false;
    }
    parent.depth = std::max(parent.depth, static_cast<std::uint16_t>(kid->depth + 1));
    parent.kids.push_back(kid);
    return true;
}

Js* Parser::program() {
    Js* const made = make(JsKind::kBlock, 0);
    while (made != nullptr && token_.kind != TokenKind::kEnd) {
        const Lexer from = lexer_;
        const Token start = token_;
        Js* one = statement();
        nesting_ = 0;
        no_in_ = false;
        if (one == nullptr && !hopeless_) {
            one = skip(from, start, false);
        }
        if (!add(*made, one)) {
            return nullptr;
        }
    }
    if (hopeless_) {
        return fail("it takes too long to read");
    }
    tree_.program = made;
    return made;
}

bool Parser::end_statement() {
    if (accept(";") || at("}") || token_.kind == TokenKind::kEnd || token_.after_newline) {
        return true;
    }
    fail("';' is missing");
    return false;
}

Js* Parser::block() {
    Js* const made = make(JsKind::kBlock, token_.begin);
    if (made == nullptr || !expect("{")) {
        return nullptr;
    }
    while (!at("}")) {
        if (token_.kind == TokenKind::kEnd) {
            return fail("'}' is missing");
        }
        if (!add(*made, statement())) {
            return nullptr;
        }
    }
    advance();
    return made;
}

Js* Parser::statement() {
    const Nested nested(*this);
    if (nested.too_deep()) {
        return fail("statements nest too deep");
    }
    const std::size_t begin = token_.begin;
    if (at("{")) {
        return block();
    }
    if (accept(";")) {
        return make(JsKind::kBlock, begin);
    }
    if (token_.kind == TokenKind::kName) {
        if (Js* const made = keyword_statement(); made != nullptr || !failure_.empty()) {
            return made;
        }
    }
    Js* const value = expression();
    if (value == nullptr) {
        return nullptr;
    }
    if (value->is(JsKind::kName) && accept(":")) {
        Js* const inner = statement();
        Js* const made = inner == nullptr ? nullptr : make(JsKind::kLabel, begin, {inner});
        if (made != nullptr) {
            made->text = value->text;
        }
        return made;
    }
    return end_statement() ? make(JsKind::kExpression, begin, {value}) : nullptr;
}

Js* Parser::condition() {
    if (!expect("(")) {
        return nullptr;
    }
    Js* const value = expression();
    return value != nullptr && expect(")") ? value : nullptr;
}

Js* Parser::conditional_statement() {
    const Token word = token_;
    advance();
    if (word.is("do")) {
        Js* const body = statement();
        if (body == nullptr || !expect("while")) {
            return nullptr;
        }
        Js* const test = condition();
        accept(";");
        return test == nullptr ? nullptr : make(JsKind::kDoWhile, word.begin, {test, body});
    }
    Js* const test = condition();
    Js* const then = test == nullptr ? nullptr : statement();
    if (then == nullptr || word.is("while")) {
        return then == nullptr ? nullptr : make(JsKind::kWhile, word.begin, {test, then});
    }
    Js* const otherwise = accept("else") ? statement() : nothing();
    return otherwise == nullptr ? nullptr : make(JsKind::kIf, word.begin, {test, then, otherwise});
}

// nullptr without a failure where the statement begins with no keyword.
Js* Parser::keyword_statement() {
    const std::size_t begin = token_.begin;
    const std::string_view word = token_.text;
    const Token behind = peek();
    if (word == "var" || word == "const" ||
        (word == "let" && (behind.kind == TokenKind::kName || behind.is("[") || behind.is("{")))) {
        Js* const made = variables();
        return made != nullptr && end_statement() ? made : nullptr;
    }
    if (word == "function" || (word == "async" && behind.is("function"))) {
        if (word == "async") {
            advance();
        }
        return function(word == "async" ? std::uint8_t{kAsync} : std::uint8_t{0});
    }
    if (word == "class") {
        return class_definition();
    }
    if (word == "if" || word == "while" || word == "do") {
        return conditional_statement();
    }
    if (word == "return" || word == "throw") {
        advance();
        const bool bare =
            at(";") || at("}") || token_.after_newline || token_.kind == TokenKind::kEnd;
        Js* const value = bare ? nothing() : expression();
        return value != nullptr && end_statement()
                   ? make(word == "return" ? JsKind::kReturn : JsKind::kThrow, begin, {value})
                   : nullptr;
    }
    if (word == "break" || word == "continue") {
        advance();
        Js* const made = make(word == "break" ? JsKind::kBreak : JsKind::kContinue, begin);
        if (made != nullptr && token_.kind == TokenKind::kName && !token_.after_newline) {
            made->text = token_.text;
            advance();
        }
        return end_statement() ? made : nullptr;
    }
    if (word == "for") {
        return for_statement();
    }
    if (word == "try") {
        return try_statement();
    }
    if (word == "switch") {
        return switch_statement();
    }
    if (word == "import" && !behind.is("(") && !behind.is(".")) {
        return import_statement();
    }
    return word == "export" ? export_statement() : nullptr;
}

namespace {

// The names below a node, which is no deeper than the parser goes.
void rename_below(Js& node, std::string_view from, std::string_view to) {
    for (Js* const kid : node.kids) {
        if (kid->is(JsKind::kName, from)) {
            kid->text = to;
        }
        rename_below(*kid, from, to);
    }
}

// var A = class B {...}, as bundlers write it: inside, B is what A is outside.
void name_class(const Js& target, Js& value) {
    if (value.is(JsKind::kClass) && target.is(JsKind::kName) && !value.text.empty() &&
        value.text != target.text) {
        rename_below(value, std::exchange(value.text, target.text), target.text);
    }
}

}  // namespace

Js* Parser::variables() {
    Js* const made = make(JsKind::kVar, token_.begin);
    if (made == nullptr) {
        return nullptr;
    }
    made->text = token_.text;
    advance();
    do {
        const std::size_t begin = token_.begin;
        Js* const target = pattern();
        Js* const value = target == nullptr ? nullptr : accept("=") ? assignment() : nothing();
        if (value == nullptr || !add(*made, make(JsKind::kPair, begin, {target, value}))) {
            return nullptr;
        }
        name_class(*target, *value);
    } while (accept(","));
    return made;
}

Js* Parser::for_statement() {
    const std::size_t begin = token_.begin;
    advance();
    accept("await");
    if (!expect("(")) {
        return nullptr;
    }
    const bool no_in = std::exchange(no_in_, true);
    const bool declares = at("var") || at("let") || at("const");
    Js* const start = at(";") ? nothing() : declares ? variables() : expression();
    no_in_ = no_in;
    if (start == nullptr) {
        return nullptr;
    }
    if (at("of") || at("in")) {
        return for_each(begin, start);
    }
    if (!expect(";")) {
        return nullptr;
    }
    Js* const test = at(";") ? nothing() : expression();
    if (test == nullptr || !expect(";")) {
        return nullptr;
    }
    Js* const step = at(")") ? nothing() : expression();
    if (step == nullptr || !expect(")")) {
        return nullptr;
    }
    Js* const body = statement();
    return body == nullptr ? nullptr : make(JsKind::kFor, begin, {start, test, step, body});
}

Js* Parser::for_each(std::size_t begin, Js* target) {
    const JsKind kind = at("of") ? JsKind::kForOf : JsKind::kForIn;
    advance();
    Js* const over = expression();
    if (over == nullptr || !expect(")")) {
        return nullptr;
    }
    Js* const body = statement();
    return body == nullptr ? nullptr : make(kind, begin, {target, over, body});
}

Js* Parser::try_statement() {
    const std::size_t begin = token_.begin;
    advance();
    Js* const tried = block();
    if (tried == nullptr) {
        return nullptr;
    }
    Js* parameter = nothing();
    Js* handler = nothing();
    Js* finally = nothing();
    if (accept("catch")) {
        if (accept("(")) {
            parameter = pattern();
            if (parameter == nullptr || !expect(")")) {
                return nullptr;
            }
        }
        handler = block();
    }
    if (handler != nullptr && accept("finally")) {
        finally = block();
    }
    return handler == nullptr || finally == nullptr
               ? nullptr
               : make(JsKind::kTry, begin, {tried, parameter, handler, finally});
}

Js* Parser::switch_statement() {
    const std::size_t begin = token_.begin;
    advance();
    Js* const value = condition();
    Js* const made = value == nullptr ? nullptr : make(JsKind::kSwitch, begin, {value});
    if (made == nullptr || !expect("{")) {
        return nullptr;
    }
    while (!accept("}")) {
        const std::size_t case_begin = token_.begin;
        if (!at("case") && !at("default")) {
            return fail("'case' is missing");
        }
        const bool tested = at("case");
        advance();
        Js* const test = tested ? expression() : nothing();
        Js* const item = test == nullptr ? nullptr : make(JsKind::kCase, case_begin, {test});
        if (item == nullptr || !expect(":")) {
            return nullptr;
        }
        while (!at("case") && !at("default") && !at("}")) {
            if (!add(*item, statement())) {
                return nullptr;
            }
        }
        if (!add(*made, item)) {
            return nullptr;
        }
    }
    return made;
}

Result<JsTree> parse_javascript(std::string_view source) {
    if (source.size() > kMaxGlueBytes) {
        return realm::fail(ErrorType::kInvalidRequest, "invalid_glue",
                           fmt::format("it has more than {} bytes", kMaxGlueBytes));
    }
    Parser parser(source);
    if (parser.program() == nullptr) {
        return realm::fail(ErrorType::kInvalidRequest, "invalid_glue", parser.failure());
    }
    return std::move(parser.tree());
}

}  // namespace realm::glue
