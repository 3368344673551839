// `import` and `export`.

#include "glue/js_parser_impl.h"

namespace realm::glue {

Js* Parser::import_statement() {
    Js* const made = make(JsKind::kImport, token_.begin);
    advance();
    const auto name = [&](std::string_view outside) {
        Js* const here = make(JsKind::kName, token_.begin);
        Js* const there = make(JsKind::kString, token_.begin);
        if (here == nullptr || there == nullptr) {
            return false;
        }
        here->text = token_.text;
        there->text = outside;
        advance();
        return add(*made, make(JsKind::kPair, here->begin, {there, here}));
    };
    if (made == nullptr) {
        return nullptr;
    }
    if (token_.kind == TokenKind::kName && !at("from")) {
        if (!name("default")) {
            return nullptr;
        }
        accept(",");
    }
    if (accept("*")) {
        if (!expect("as") || !name("*")) {
            return nullptr;
        }
    } else if (accept("{")) {
        while (!accept("}")) {
            const std::string_view outside = token_.kind == TokenKind::kString
                                                 ? token_.text.substr(1, token_.text.size() - 2)
                                                 : token_.text;
            if (token_.kind == TokenKind::kString || peek().is("as")) {
                advance();
                advance();
            }
            if (token_.kind != TokenKind::kName || !name(outside)) {
                return fail("a name is missing");
            }
            accept(",");
        }
    }
    accept("from");
    if (token_.kind != TokenKind::kString) {
        return fail("what is imported from is missing");
    }
    made->text = token_.text.substr(1, token_.text.size() - 2);
    advance();
    if (accept("with") || accept("assert")) {
        if (object() == nullptr) {
            return nullptr;
        }
    }
    return end_statement() ? made : nullptr;
}

Js* Parser::export_statement() {
    const std::size_t begin = token_.begin;
    advance();
    if (at("{") || at("*")) {
        return export_list(begin);
    }
    Js* const made = make(JsKind::kExport, begin);
    if (made == nullptr) {
        return nullptr;
    }
    if (!at("default")) {
        return add(*made, statement()) ? made : nullptr;
    }
    made->text = token_.text;
    advance();
    const bool declares = at("function") || at("class") || (at("async") && peek().is("function"));
    Js* const value = declares ? statement() : assignment();
    return add(*made, value) && (declares || end_statement()) ? made : nullptr;
}

Js* Parser::export_list(std::size_t begin) {
    Js* const made = make(JsKind::kExportList, begin);
    if (made == nullptr) {
        return nullptr;
    }
    const auto unquoted = [](const Token& token) {
        return token.kind == TokenKind::kString ? token.text.substr(1, token.text.size() - 2)
                                                : token.text;
    };
    if (accept("*")) {
        if (accept("as")) {
            advance();
        }
    } else {
        expect("{");
        while (!accept("}")) {
            if (token_.kind != TokenKind::kName && token_.kind != TokenKind::kString) {
                return fail("a name is missing");
            }
            Js* const here = make(JsKind::kString, token_.begin);
            Js* const outside = make(JsKind::kString, token_.begin);
            if (here == nullptr || outside == nullptr) {
                return nullptr;
            }
            here->text = unquoted(token_);
            outside->text = here->text;
            advance();
            if (accept("as")) {
                outside->text = unquoted(token_);
                advance();
            }
            if (!add(*made, make(JsKind::kPair, begin, {here, outside}))) {
                return nullptr;
            }
            accept(",");
        }
    }
    if (accept("from")) {
        made->text = unquoted(token_);
        advance();
    }
    return end_statement() ? made : nullptr;
}

}  // namespace realm::glue
