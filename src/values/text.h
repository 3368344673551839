// Strings: UTF-16 as JavaScript counts it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "values/heap.h"
#include "values/value.h"

namespace realm::values {

// Immutable. ASCII is kept in bytes, which are its UTF-8 too, so that most text comes in and goes
// out as it is; other text is kept in UTF-16, where lengths, indices and lone surrogates are what
// JavaScript says they are.
class String final : public Cell {
public:
    static constexpr Kind kKind = Kind::kString;
    static constexpr bool kMayBeInCycles = false;
    // V8's, in units.
    static constexpr std::size_t kMaxLength = 536'870'888;

    // `ascii` holds ASCII alone; `wide` at least one unit that is not.
    explicit String(std::string ascii);
    explicit String(std::u16string wide);

    [[nodiscard]] std::size_t length() const { return is_ascii() ? ascii().size() : wide().size(); }
    [[nodiscard]] bool is_ascii() const { return std::holds_alternative<std::string>(text_); }
    // Each of text of that form alone.
    [[nodiscard]] std::string_view ascii() const { return *std::get_if<std::string>(&text_); }
    [[nodiscard]] std::u16string_view wide() const { return *std::get_if<std::u16string>(&text_); }

    [[nodiscard]] char16_t at(std::size_t index) const {
        return is_ascii() ? static_cast<unsigned char>(ascii()[index]) : wide()[index];
    }
    // The code point that begins at `index`; a lone surrogate is itself.
    [[nodiscard]] char32_t code_point_at(std::size_t index) const;

    // Lone surrogates become U+FFFD, as TextEncoder has it.
    [[nodiscard]] std::string utf8() const;
    [[nodiscard]] std::size_t utf8_size() const;
    [[nodiscard]] std::u16string utf16() const;

    [[nodiscard]] std::size_t hash() const;
    [[nodiscard]] bool equals(const String& other) const;
    [[nodiscard]] bool equals(std::string_view ascii) const {
        return is_ascii() && this->ascii() == ascii;
    }
    // By units: negative, zero or positive.
    [[nodiscard]] int compare(const String& other) const;
    // Whether it holds that text at `index`.
    [[nodiscard]] bool has_at(const String& part, std::size_t index) const;
    // The first at `from` or later, the last at `from` or before; kNpos where there is none.
    [[nodiscard]] std::size_t find(const String& part, std::size_t from) const;
    [[nodiscard]] std::size_t rfind(const String& part, std::size_t from) const;
    static constexpr std::size_t kNpos = std::string::npos;

private:
    std::variant<std::string, std::u16string> text_;
    mutable std::size_t hash_ = 0;
};

bool is_ascii(std::string_view text);

// Malformed bytes become U+FFFD, as TextDecoder has it.
Ref<String> make_string(Heap& heap, std::string_view utf8);
Ref<String> make_string(Heap& heap, std::u16string_view utf16);
Ref<String> substring(Heap& heap, const String& text, std::size_t from, std::size_t to);

// What is put together piece by piece.
class TextBuilder {
public:
    void add(std::string_view ascii);
    void add(char16_t unit);
    void add(const String& text);
    void add_range(const String& text, std::size_t from, std::size_t to);
    void add_code_point(char32_t point);
    [[nodiscard]] std::size_t size() const { return wide_.empty() ? narrow_.size() : wide_.size(); }
    [[nodiscard]] Ref<String> make(Heap& heap);

private:
    void widen();

    std::string narrow_;
    std::u16string wide_;  // once there is a unit beyond ASCII
};

// UTF-8 to UTF-16. `strict` gives nothing for malformed bytes, which otherwise become U+FFFD, one
// for each longest beginning of a character (the WHATWG's decoder).
std::optional<std::u16string> utf16_of(std::string_view utf8, bool strict);
std::string utf8_of(std::u16string_view utf16);
void append_utf8(std::string& out, char32_t point);

inline String& Value::string() const noexcept {
    return static_cast<String&>(*bits_.cell);
}

}  // namespace realm::values
