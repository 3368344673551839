#include "values/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <utility>

namespace realm::values {

namespace {

constexpr bool is_high(char32_t unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}
constexpr bool is_low(char32_t unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}
constexpr char32_t kReplacement = 0xFFFD;

char32_t code_point(std::u16string_view text, std::size_t index) {
    const char32_t first = text[index];
    if (is_high(first) && index + 1 < text.size() && is_low(text[index + 1])) {
        return 0x10000 + ((first - 0xD800) << 10U) + (text[index + 1] - 0xDC00U);
    }
    return first;
}

void append_utf16(std::u16string& out, char32_t point) {
    if (point < 0x10000) {
        out.push_back(static_cast<char16_t>(point));
        return;
    }
    out.push_back(static_cast<char16_t>(0xD800 + ((point - 0x10000) >> 10U)));
    out.push_back(static_cast<char16_t>(0xDC00 + ((point - 0x10000) & 0x3FFU)));
}

// The next code point of UTF-8; nothing for malformed bytes, of which the longest beginning of a
// character is taken.
std::optional<char32_t> decode(std::string_view text, std::size_t& at) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned char first = byte(at++);
    if (first < 0x80) {
        return first;
    }
    if (first < 0xC2 || first > 0xF4) {
        return std::nullopt;
    }
    const int more = first < 0xE0 ? 1 : (first < 0xF0 ? 2 : 3);
    char32_t point = first & (0x3FU >> static_cast<unsigned>(more));
    unsigned char least = first == 0xE0 ? 0xA0 : (first == 0xF0 ? 0x90 : 0x80);
    unsigned char most = first == 0xED ? 0x9F : (first == 0xF4 ? 0x8F : 0xBF);
    for (int i = 0; i < more; ++i) {
        if (at >= text.size() || byte(at) < least || byte(at) > most) {
            return std::nullopt;
        }
        point = (point << 6U) | (byte(at++) & 0x3FU);
        least = 0x80;
        most = 0xBF;
    }
    return point;
}

// The plain search takes as long as both lengths multiplied, which a long part may not.
constexpr std::size_t kLongPart = 32;

template <class Text, class Part>
std::size_t find_in(const Text& text, const Part& part, std::size_t from) {
    if (part.size() <= kLongPart || from >= text.size()) {
        return text.find(part, from);
    }
    const auto found = std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(),
                                   std::boyer_moore_searcher(part.begin(), part.end()));
    return found == text.end() ? String::kNpos : static_cast<std::size_t>(found - text.begin());
}

template <class Text, class Part>
std::size_t rfind_in(const Text& text, const Part& part, std::size_t from) {
    if (part.size() <= kLongPart || part.size() > text.size()) {
        return text.rfind(part, from);
    }
    const std::size_t end = std::min(from, text.size() - part.size()) + part.size();
    const auto first = text.rbegin() + static_cast<std::ptrdiff_t>(text.size() - end);
    const auto found =
        std::search(first, text.rend(), std::boyer_moore_searcher(part.rbegin(), part.rend()));
    return found == text.rend() ? String::kNpos
                                : static_cast<std::size_t>(text.rend() - found) - part.size();
}

template <class Left, class Right>
int compare_units(const Left& left, const Right& right) {
    const std::size_t both = std::min(left.size(), right.size());
    for (std::size_t i = 0; i < both; ++i) {
        const auto a = static_cast<char16_t>(
            static_cast<
                std::make_unsigned_t<std::conditional_t<sizeof(left[0]) == 1, char, short>>>(
                left[i]));
        const auto b = static_cast<char16_t>(
            static_cast<
                std::make_unsigned_t<std::conditional_t<sizeof(right[0]) == 1, char, short>>>(
                right[i]));
        if (a != b) {
            return a < b ? -1 : 1;
        }
    }
    return left.size() == right.size() ? 0 : (left.size() < right.size() ? -1 : 1);
}

}  // namespace

String::String(std::string ascii) : text_(std::move(ascii)) {
    charge_for(std::get<std::string>(text_).capacity());
}

String::String(std::u16string wide) : text_(std::move(wide)) {
    charge_for(2 * std::get<std::u16string>(text_).capacity());
}

char32_t String::code_point_at(std::size_t index) const {
    return is_ascii() ? at(index) : code_point(wide(), index);
}

std::string String::utf8() const {
    return is_ascii() ? std::string(ascii()) : utf8_of(wide());
}

std::size_t String::utf8_size() const {
    if (is_ascii()) {
        return ascii().size();
    }
    std::size_t size = 0;
    const std::u16string_view text = wide();
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char32_t point = code_point(text, i);
        i += point >= 0x10000 ? 1 : 0;
        size += point < 0x80 ? 1 : (point < 0x800 ? 2 : (point < 0x10000 ? 3 : 4));
    }
    return size;
}

std::u16string String::utf16() const {
    return is_ascii() ? std::u16string(ascii().begin(), ascii().end()) : std::u16string(wide());
}

std::size_t String::hash() const {
    if (hash_ == 0) {
        hash_ = is_ascii() ? std::hash<std::string_view>{}(ascii())
                           : std::hash<std::u16string_view>{}(wide());
    }
    return hash_;
}

bool String::equals(const String& other) const {
    return this == &other || text_ == other.text_;
}

int String::compare(const String& other) const {
    if (this == &other) {
        return 0;
    }
    if (is_ascii()) {
        return other.is_ascii() ? compare_units(ascii(), other.ascii())
                                : compare_units(ascii(), other.wide());
    }
    return other.is_ascii() ? compare_units(wide(), other.ascii())
                            : compare_units(wide(), other.wide());
}

bool String::has_at(const String& part, std::size_t index) const {
    if (index > length() || part.length() > length() - index) {
        return false;
    }
    if (is_ascii()) {
        return part.is_ascii() && ascii().substr(index, part.length()) == part.ascii();
    }
    if (!part.is_ascii()) {
        return wide().substr(index, part.length()) == part.wide();
    }
    return std::ranges::equal(wide().substr(index, part.length()), part.ascii(), {}, {},
                              [](char unit) { return static_cast<char16_t>(unit); });
}

std::size_t String::find(const String& part, std::size_t from) const {
    if (is_ascii()) {
        return part.is_ascii() ? find_in(ascii(), part.ascii(), from) : kNpos;
    }
    return find_in(wide(), part.utf16(), from);
}

std::size_t String::rfind(const String& part, std::size_t from) const {
    if (is_ascii()) {
        return part.is_ascii() ? rfind_in(ascii(), part.ascii(), from) : kNpos;
    }
    return rfind_in(wide(), part.utf16(), from);
}

// Most of what crosses the border is ASCII, so it is looked at in whole words.
bool is_ascii(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
    std::array<std::uint64_t, 4> words{};
    while (text.size() >= sizeof words) {
        std::memcpy(words.data(), text.data(), sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) {
            return false;
        }
        text.remove_prefix(sizeof words);
    }
    return std::ranges::all_of(text,
                               [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

Ref<String> make_string(Heap& heap, std::string_view utf8) {
    if (is_ascii(utf8)) {
        return heap.make<String>(std::string(utf8));
    }
    return heap.make<String>(*utf16_of(utf8, false));
}

Ref<String> make_string(Heap& heap, std::u16string_view utf16) {
    if (std::ranges::all_of(utf16, [](char16_t unit) { return unit < 0x80; })) {
        std::string ascii(utf16.size(), '\0');
        std::ranges::transform(utf16, ascii.begin(),
                               [](char16_t unit) { return static_cast<char>(unit); });
        return heap.make<String>(std::move(ascii));
    }
    return heap.make<String>(std::u16string(utf16));
}

Ref<String> substring(Heap& heap, const String& text, std::size_t from, std::size_t to) {
    if (text.is_ascii()) {
        return heap.make<String>(std::string(text.ascii().substr(from, to - from)));
    }
    return make_string(heap, text.wide().substr(from, to - from));
}

void TextBuilder::widen() {
    if (wide_.empty()) {
        wide_.assign(narrow_.begin(), narrow_.end());
        narrow_.clear();
    }
}

void TextBuilder::add(std::string_view ascii) {
    if (wide_.empty()) {
        narrow_ += ascii;
    } else {
        wide_.append(ascii.begin(), ascii.end());
    }
}

void TextBuilder::add(char16_t unit) {
    if (unit >= 0x80) {
        widen();
    } else if (wide_.empty()) {
        narrow_.push_back(static_cast<char>(unit));
        return;
    }
    wide_.push_back(unit);
}

void TextBuilder::add(const String& text) {
    if (text.is_ascii()) {
        add(text.ascii());
        return;
    }
    widen();
    wide_ += text.wide();
}

void TextBuilder::add_range(const String& text, std::size_t from, std::size_t to) {
    if (text.is_ascii()) {
        add(text.ascii().substr(from, to - from));
        return;
    }
    for (std::size_t i = from; i < to; ++i) {
        add(text.wide()[i]);
    }
}

void TextBuilder::add_code_point(char32_t point) {
    if (point < 0x10000) {
        add(static_cast<char16_t>(point));
        return;
    }
    widen();
    append_utf16(wide_, point);
}

Ref<String> TextBuilder::make(Heap& heap) {
    if (wide_.empty()) {
        return heap.make<String>(std::move(narrow_));
    }
    return heap.make<String>(std::move(wide_));
}

std::optional<std::u16string> utf16_of(std::string_view utf8, bool strict) {
    std::u16string out;
    out.reserve(utf8.size());
    for (std::size_t at = 0; at < utf8.size();) {
        const auto point = decode(utf8, at);
        if (!point && strict) {
            return std::nullopt;
        }
        append_utf16(out, point.value_or(kReplacement));
    }
    return out;
}

std::string utf8_of(std::u16string_view utf16) {
    std::string out;
    out.reserve(utf16.size());
    for (std::size_t i = 0; i < utf16.size(); ++i) {
        const char32_t point = code_point(utf16, i);
        i += point >= 0x10000 ? 1 : 0;
        append_utf8(out, is_high(point) || is_low(point) ? kReplacement : point);
    }
    return out;
}

void append_utf8(std::string& out, char32_t point) {
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xC0U | (point >> 6U));
        put(0x80U | (point & 0x3FU));
    } else if (point < 0x10000) {
        put(0xE0U | (point >> 12U));
        put(0x80U | ((point >> 6U) & 0x3FU));
        put(0x80U | (point & 0x3FU));
    } else {
        put(0xF0U | (point >> 18U));
        put(0x80U | ((point >> 12U) & 0x3FU));
        put(0x80U | ((point >> 6U) & 0x3FU));
        put(0x80U | (point & 0x3FU));
    }
}

}  // namespace realm::values
