// JavaScript's tokens. The text is untrusted: whatever is no token is one of kind kBad, and each
// call moves forward.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace realm::glue {

enum class TokenKind : std::uint8_t {
    kEnd,
    kName,  // keywords too
    kPrivateName,
    kNumber,
    kBigInt,
    kString,
    kTemplate,  // a part of one: from ` or } up to ${ or `
    kRegExp,
    kMark,  // punctuation and operators
    kBad,
};

struct Token {
    TokenKind kind = TokenKind::kEnd;
    bool after_newline = false;
    std::string_view text;  // as written
    std::size_t begin = 0;

    [[nodiscard]] bool is(std::string_view mark) const {
        return (kind == TokenKind::kMark || kind == TokenKind::kName) && text == mark;
    }
};

// Borrows the text. A value: a copy is a place to come back to.
class Lexer {
public:
    explicit Lexer(std::string_view source) : source_(source) {}

    // The next token. A `/` is an operator and a `}` a bracket: where a regular expression or the
    // rest of a template begins only the grammar knows, which asks for them.
    Token next();
    // The regular expression that begins with the token just read.
    Token regexp(const Token& slash);
    // The part of a template that follows the `}` just read.
    Token template_rest(const Token& brace);

    [[nodiscard]] std::string_view source() const { return source_; }
    [[nodiscard]] std::size_t at() const { return at_; }

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
    }
    bool skip_space();
    Token finish(TokenKind kind, std::size_t begin);
    Token string(std::size_t begin);
    Token template_part(std::size_t begin);
    Token number(std::size_t begin);
    Token mark(std::size_t begin);
    [[nodiscard]] bool starts_name() const;

    std::string_view source_;
    std::size_t at_ = 0;
    bool after_newline_ = false;
};

// The characters of a string or a template part between its delimiters.
std::string_view string_inside(std::string_view written);
std::string_view template_inside(std::string_view part);
// What such characters mean. Nothing where an escape is malformed. Half a surrogate pair becomes
// U+FFFD.
std::optional<std::string> unescaped(std::string_view inside);
std::optional<double> number_value(std::string_view written);
// A BigInt's digits in base ten, from any base of at most 64 bits.
std::optional<std::string> bigint_digits(std::string_view written);

}  // namespace realm::glue
