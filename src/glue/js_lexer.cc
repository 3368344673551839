#include "glue/js_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace realm::glue {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) {
    return is_name_start(c) || is_digit(c);
}

int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void append_utf8(std::string& out, std::uint32_t code) {
    if (code >= 0xD800 && code < 0xE000) {
        code = 0xFFFD;
    }
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | (code >> 6U));
        put(0x80 | (code & 0x3FU));
    } else if (code < 0x10000) {
        put(0xE0 | (code >> 12U));
        put(0x80 | ((code >> 6U) & 0x3FU));
        put(0x80 | (code & 0x3FU));
    } else {
        put(0xF0 | (code >> 18U));
        put(0x80 | ((code >> 12U) & 0x3FU));
        put(0x80 | ((code >> 6U) & 0x3FU));
        put(0x80 | (code & 0x3FU));
    }
}

std::optional<std::uint32_t> read_hex(std::string_view text, std::size_t& at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i, ++at) {
        const int digit = at < text.size() ? hex_digit(text[at]) : -1;
        if (digit < 0) {
            return std::nullopt;
        }
        value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
}

// What follows \u.
std::optional<std::uint32_t> read_unicode(std::string_view text, std::size_t& at) {
    if (at >= text.size() || text[at] != '{') {
        return read_hex(text, at, 4);
    }
    std::uint32_t value = 0;
    for (++at; at < text.size() && text[at] != '}'; ++at) {
        const int digit = hex_digit(text[at]);
        if (digit < 0) {
            return std::nullopt;
        }
        value = value * 16 + static_cast<std::uint32_t>(digit);
        if (value > 0x10FFFF) {
            return std::nullopt;
        }
    }
    if (at >= text.size()) {
        return std::nullopt;
    }
    ++at;
    return value;
}

// One escape after its backslash.
bool append_escape(std::string& out, std::string_view text, std::size_t& at) {
    const char c = text[at++];
    constexpr std::string_view kShort = "nrtbfv0";
    constexpr std::string_view kMeaning{"\n\r\t\b\f\v\0", 7};
    if (c == 'x') {
        const auto code = read_hex(text, at, 2);
        append_utf8(out, code.value_or(0));
        return code.has_value();
    }
    if (c == 'u') {
        auto code = read_unicode(text, at);
        if (!code) {
            return false;
        }
        if (*code >= 0xD800 && *code < 0xDC00 && text.substr(at).starts_with("\\u")) {
            std::size_t behind = at + 2;
            const auto low = read_unicode(text, behind);
            if (low && *low >= 0xDC00 && *low < 0xE000) {
                code = 0x10000 + ((*code - 0xD800) << 10U) + (*low - 0xDC00);
                at = behind;
            }
        }
        append_utf8(out, *code);
        return true;
    }
    if (c == '\r' && at < text.size() && text[at] == '\n') {
        ++at;
        return true;
    }
    if (c == '\n' || c == '\r') {
        return true;
    }
    const std::size_t found = kShort.find(c);
    out.push_back(found == std::string_view::npos ? c : kMeaning[found]);
    return true;
}

// Longest first.
constexpr std::array<std::string_view, 59> kMarks{">>>=",
                                                  "...",
                                                  "===",
                                                  "!==",
                                                  "**=",
                                                  "<<=",
                                                  ">>=",
                                                  ">>>",
                                                  "&&=",
                                                  "||=",
                                                  "?"
                                                  "?=",
                                                  "=>",
                                                  "==",
                                                  "!=",
                                                  "<=",
                                                  ">=",
                                                  "&&",
                                                  "||",
                                                  "??",
                                                  "?.",
                                                  "++",
                                                  "--",
                                                  "+=",
                                                  "-=",
                                                  "*=",
                                                  "/=",
                                                  "%=",
                                                  "&=",
                                                  "|=",
                                                  "^=",
                                                  "<<",
                                                  ">>",
                                                  "**",
                                                  "{",
                                                  "}",
                                                  "(",
                                                  ")",
                                                  "[",
                                                  "]",
                                                  ";",
                                                  ",",
                                                  "<",
                                                  ">",
                                                  "+",
                                                  "-",
                                                  "*",
                                                  "/",
                                                  "%",
                                                  "&",
                                                  "|",
                                                  "^",
                                                  "!",
                                                  "~",
                                                  "?",
                                                  ":",
                                                  "=",
                                                  ".",
                                                  "@",
                                                  "#"};

}  // namespace

bool Lexer::skip_space() {
    after_newline_ = at_ == 0;
    while (at_ < source_.size()) {
        const char c = source_[at_];
        if (c == '\n' || c == '\r') {
            after_newline_ = true;
            ++at_;
        } else if (c == ' ' || c == '\t' || c == '\f' || c == '\v') {
            ++at_;
        } else if (source_.substr(at_).starts_with("\xEF\xBB\xBF")) {
            at_ += 3;
        } else if (source_.substr(at_).starts_with("\xC2\xA0")) {
            at_ += 2;
        } else if ((c == '/' && peek(1) == '/') || (c == '#' && peek(1) == '!' && at_ == 0)) {
            at_ = std::min(source_.find('\n', at_), source_.size());
        } else if (c == '/' && peek(1) == '*') {
            const std::size_t end = source_.find("*/", at_ + 2);
            if (end == std::string_view::npos) {
                return false;
            }
            after_newline_ = after_newline_ ||
                             source_.substr(at_, end - at_).find('\n') != std::string_view::npos;
            at_ = end + 2;
        } else {
            break;
        }
    }
    return true;
}

Token Lexer::finish(TokenKind kind, std::size_t begin) {
    return {.kind = kind,
            .after_newline = after_newline_,
            .text = source_.substr(begin, at_ - begin),
            .begin = begin};
}

bool Lexer::starts_name() const {
    return is_name_start(peek()) || (peek() == '\\' && peek(1) == 'u');
}

Token Lexer::next() {
    if (!skip_space()) {
        const std::size_t begin = at_;
        at_ = source_.size();
        return finish(TokenKind::kBad, begin);
    }
    const std::size_t begin = at_;
    if (at_ >= source_.size()) {
        return finish(TokenKind::kEnd, begin);
    }
    const char c = source_[at_];
    if (starts_name() || (c == '#' && is_name_start(peek(1)))) {
        ++at_;
        while (is_name_part(peek()) || peek() == '\\') {
            ++at_;
        }
        return finish(c == '#' ? TokenKind::kPrivateName : TokenKind::kName, begin);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
        return number(begin);
    }
    if (c == '"' || c == '\'') {
        return string(begin);
    }
    if (c == '`') {
        ++at_;
        return template_part(begin);
    }
    return mark(begin);
}

Token Lexer::mark(std::size_t begin) {
    const std::string_view rest = source_.substr(at_);
    for (const std::string_view known : kMarks) {
        if (rest.starts_with(known)) {
            if (known == "?." && rest.size() > 2 && is_digit(rest[2])) {
                continue;  // a condition before a number
            }
            at_ += known.size();
            return finish(TokenKind::kMark, begin);
        }
    }
    ++at_;
    return finish(TokenKind::kBad, begin);
}

Token Lexer::string(std::size_t begin) {
    const char quote = source_[at_++];
    while (at_ < source_.size() && source_[at_] != quote && source_[at_] != '\n') {
        at_ += source_[at_] == '\\' ? 2 : 1;
    }
    at_ = std::min(at_, source_.size());
    if (peek() != quote) {
        return finish(TokenKind::kBad, begin);
    }
    ++at_;
    return finish(TokenKind::kString, begin);
}

Token Lexer::template_part(std::size_t begin) {
    while (at_ < source_.size()) {
        const char c = source_[at_];
        if (c == '`') {
            ++at_;
            return finish(TokenKind::kTemplate, begin);
        }
        if (c == '$' && peek(1) == '{') {
            at_ += 2;
            return finish(TokenKind::kTemplate, begin);
        }
        at_ += c == '\\' ? 2 : 1;
    }
    at_ = std::min(at_, source_.size());
    return finish(TokenKind::kBad, begin);
}

Token Lexer::template_rest(const Token& brace) {
    at_ = brace.begin + 1;
    return template_part(brace.begin);
}

Token Lexer::regexp(const Token& slash) {
    at_ = slash.begin + 1;
    bool in_class = false;
    for (; at_ < source_.size() && source_[at_] != '\n'; ++at_) {
        const char c = source_[at_];
        if (c == '\\') {
            ++at_;
        } else if (c == '[') {
            in_class = true;
        } else if (c == ']') {
            in_class = false;
        } else if (c == '/' && !in_class) {
            ++at_;
            while (is_name_part(peek())) {
                ++at_;
            }
            return finish(TokenKind::kRegExp, slash.begin);
        }
    }
    at_ = std::min(at_, source_.size());
    return finish(TokenKind::kBad, slash.begin);
}

Token Lexer::number(std::size_t begin) {
    const bool based = peek() == '0' && std::string_view("xXbBoO").contains(peek(1));
    at_ += based ? 2 : 1;
    while (is_name_part(peek()) || (!based && peek() == '.') ||
           (!based && (peek() == '+' || peek() == '-') &&
            std::string_view("eE").contains(source_[at_ - 1]))) {
        ++at_;
    }
    return finish(source_[at_ - 1] == 'n' ? TokenKind::kBigInt : TokenKind::kNumber, begin);
}

std::string_view template_inside(std::string_view part) {
    part.remove_prefix(1);
    part.remove_suffix(part.ends_with("`") ? 1 : 2);
    return part;
}

std::optional<std::string> unescaped(std::string_view inside) {
    std::string out;
    out.reserve(inside.size());
    for (std::size_t at = 0; at < inside.size();) {
        if (inside[at] != '\\') {
            out.push_back(inside[at++]);
            continue;
        }
        ++at;
        if (at >= inside.size() || !append_escape(out, inside, at)) {
            return std::nullopt;
        }
    }
    return out;
}

std::string_view string_inside(std::string_view written) {
    return written.substr(1, written.size() - 2);
}

namespace {

// 0x, 0o, 0b and their digits.
std::optional<std::uint64_t> based_value(std::string_view digits) {
    const char kind = static_cast<char>(digits[1] | 0x20);
    const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
    digits.remove_prefix(2);
    std::uint64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size()
               ? std::optional(value)
               : std::nullopt;
}

bool is_based(std::string_view digits) {
    return digits.size() > 2 && digits[0] == '0' && std::string_view("xXoObB").contains(digits[1]);
}

std::string without_underscores(std::string_view written) {
    std::string digits(written);
    std::erase(digits, '_');
    return digits;
}

}  // namespace

std::optional<double> number_value(std::string_view written) {
    const std::string digits = without_underscores(written);
    if (is_based(digits)) {
        const auto value = based_value(digits);
        return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
    }
    double value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec == std::errc::result_out_of_range) {
        return HUGE_VAL;
    }
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size()
               ? std::optional(value)
               : std::nullopt;
}

std::optional<std::string> bigint_digits(std::string_view written) {
    std::string digits = without_underscores(written);
    digits.pop_back();
    if (is_based(digits)) {
        const auto value = based_value(digits);
        return value ? std::optional(std::to_string(*value)) : std::nullopt;
    }
    return !digits.empty() && std::ranges::all_of(digits, is_digit) ? std::optional(digits)
                                                                    : std::nullopt;
}

}  // namespace realm::glue
