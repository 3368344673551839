// Literals, templates, arrays and objects.

#include <utility>

#include "glue/js_parser_impl.h"

namespace realm::glue {

Js* Parser::literal() {
    const Token token = token_;
    const JsKind kind = token.kind == TokenKind::kString   ? JsKind::kString
                        : token.kind == TokenKind::kBigInt ? JsKind::kBigInt
                                                           : JsKind::kNumber;
    Js* const made = make(kind, token.begin);
    if (made == nullptr) {
        return nullptr;
    }
    if (kind == JsKind::kNumber) {
        const auto number = number_value(token.text);
        if (!number) {
            return fail("a number is malformed");
        }
        made->number = *number;
    } else if (kind == JsKind::kString && !token.text.contains('\\')) {
        made->text = string_inside(token.text);
    } else {
        auto value = kind == JsKind::kString ? unescaped(string_inside(token.text))
                                             : bigint_digits(token.text);
        if (!value) {
            return fail("a literal is malformed");
        }
        made->text = tree_.keep(std::move(*value));
    }
    advance();
    return made;
}

Js* Parser::template_literal() {
    Js* const made = make(JsKind::kTemplate, token_.begin);
    Token part = token_;
    while (made != nullptr) {
        auto text = unescaped(template_inside(part.text));
        Js* const piece = make(JsKind::kString, part.begin);
        if (piece == nullptr) {
            return nullptr;
        }
        piece->text = text ? tree_.keep(std::move(*text)) : template_inside(part.text);
        if (!add(*made, piece)) {
            return nullptr;
        }
        if (part.text.ends_with('`') && part.text.size() > 1) {
            advance();
            return made;
        }
        advance();
        if (!add(*made, expression())) {
            return nullptr;
        }
        if (!at("}")) {
            return fail("'}' is missing in a template");
        }
        part = lexer_.template_rest(token_);
        if (part.kind != TokenKind::kTemplate) {
            return fail("a template does not end");
        }
    }
    return nullptr;
}

Js* Parser::array() {
    Js* const made = make(JsKind::kArray, token_.begin);
    advance();
    const bool no_in = std::exchange(no_in_, false);
    while (made != nullptr && !at("]")) {
        const std::size_t begin = token_.begin;
        if (at(",")) {
            advance();
            if (!add(*made, nothing())) {
                return nullptr;
            }
            continue;
        }
        const bool spread = accept("...");
        Js* item = assignment();
        if (item != nullptr && spread) {
            item = make(JsKind::kSpread, begin, {item});
        }
        if (!add(*made, item)) {
            return nullptr;
        }
        if (!accept(",")) {
            break;
        }
    }
    no_in_ = no_in;
    return expect("]") ? made : nullptr;
}

Js* Parser::object() {
    Js* const made = make(JsKind::kObject, token_.begin);
    advance();
    const bool no_in = std::exchange(no_in_, false);
    while (made != nullptr && !at("}")) {
        if (!add(*made, property())) {
            return nullptr;
        }
        if (!accept(",")) {
            break;
        }
    }
    no_in_ = no_in;
    return expect("}") ? made : nullptr;
}

}  // namespace realm::glue
