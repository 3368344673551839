#include "glue/declarations.h"

#include "glue/js_lexer.h"

namespace realm::glue {
namespace {

class DeclarationReader {
public:
    explicit DeclarationReader(std::string_view text) : lexer_(text) { advance(); }

    std::map<std::string, Declared> read() {
        while (token_.kind != TokenKind::kEnd) {
            if (at("function")) {
                advance();
                member("");
            } else if (at("class") || at("interface")) {
                const bool is_class = at("class");
                advance();
                class_body(is_class);
            } else {
                advance();
            }
        }
        return std::move(declared_);
    }

private:
    void advance() {
        end_ = token_.begin + token_.text.size();
        token_ = lexer_.next();
    }
    [[nodiscard]] bool at(std::string_view mark) const { return token_.is(mark); }

    // Up to one of `ends` outside of all brackets; the text of what was stepped over.
    std::string until(std::string_view ends) {
        const std::size_t begin = token_.begin;
        std::size_t open = 0;
        std::size_t end = begin;
        while (token_.kind != TokenKind::kEnd) {
            const char c = token_.kind == TokenKind::kMark ? token_.text.front() : ' ';
            if (open == 0 && token_.text.size() == 1 && ends.contains(c)) {
                break;
            }
            if (c == '(' || c == '[' || c == '{' || (c == '<' && token_.text.size() == 1)) {
                ++open;
            } else if (c == ')' || c == ']' || c == '}' || (c == '>' && token_.text.size() == 1)) {
                if (open == 0) {
                    break;
                }
                --open;
            }
            advance();
            end = end_;
        }
        return std::string(lexer_.source().substr(begin, end - begin));
    }

    void class_body(bool keep) {
        const std::string name(token_.text);
        while (token_.kind != TokenKind::kEnd && !at("{")) {
            advance();
        }
        advance();
        while (token_.kind != TokenKind::kEnd && !at("}")) {
            const bool word = at("static") || at("readonly") || at("get") || at("set") ||
                              at("private") || at("public");
            if (word || token_.kind != TokenKind::kName) {
                const bool bracket = at("[") || at("(") || at("{");
                advance();
                if (bracket) {
                    until(";");
                }
                continue;
            }
            member(keep ? name + "." : "-");
        }
        advance();
    }

    // name(a: T, b?: U): R; or name: T;
    void member(const std::string& before) {
        const std::string name = before + std::string(token_.text);
        advance();
        Declared made;
        if (at("<")) {
            advance();
            until("(");
        }
        const bool is_function = at("(");
        if (is_function) {
            advance();
            while (token_.kind != TokenKind::kEnd && !at(")")) {
                parameter(made);
            }
            advance();
        }
        if (at("?")) {
            advance();
        }
        if (at(":")) {
            advance();
            made.result = until(";");
        }
        if (before != "-") {
            declared_.try_emplace(name, std::move(made));
        }
    }

    void parameter(Declared& made) {
        DeclaredParameter one;
        if (at("...")) {
            advance();
        }
        one.name = token_.text;
        if (at("{") || at("[")) {
            one.name = until(":,");
        } else {
            advance();
        }
        if (at("?")) {
            one.optional = true;
            advance();
        }
        if (at(":")) {
            advance();
            one.type = until(",");
        }
        if (at(",")) {
            advance();
        }
        made.parameters.push_back(std::move(one));
    }

    Lexer lexer_;
    Token token_;
    std::size_t end_ = 0;
    std::map<std::string, Declared> declared_;
};

}  // namespace

std::map<std::string, Declared> read_declarations(std::string_view text) {
    return DeclarationReader(text).read();
}

}  // namespace realm::glue
