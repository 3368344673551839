#include "values/key.h"

#include <string>

#include "values/convert.h"

namespace realm::values {

namespace {

template <class Text>
std::optional<std::uint32_t> parse_index(const Text& text) {
    if (text.empty() || text.size() > 10 || (text[0] == '0' && text.size() > 1)) {
        return std::nullopt;
    }
    std::uint64_t index = 0;
    for (const auto unit : text) {
        if (unit < '0' || unit > '9') {
            return std::nullopt;
        }
        index = index * 10 + static_cast<std::uint64_t>(unit - '0');
    }
    return index < 0xFFFFFFFFU ? std::optional(static_cast<std::uint32_t>(index)) : std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> array_index_of(const String& text) {
    return text.is_ascii() ? parse_index(text.ascii()) : std::nullopt;
}

PropertyKey::PropertyKey(String& text) {
    if (const auto index = array_index_of(text)) {
        value_ = Value(*index);
    } else {
        value_ = text.heap().intern(text);
    }
}

PropertyKey::PropertyKey(Heap& heap, std::string_view ascii) {
    if (const auto index = parse_index(ascii)) {
        value_ = Value(*index);
    } else {
        value_ = heap.intern(ascii);
    }
}

Value PropertyKey::to_value(Heap& heap) const {
    return is_index() ? Value(make_string(heap, std::to_string(index()))) : value_;
}

std::string PropertyKey::text() const {
    if (is_index()) {
        return std::to_string(index());
    }
    if (is_string()) {
        return value_.string().utf8();
    }
    const Value& description = value_.symbol().description();
    return "Symbol(" + (description.is_string() ? description.string().utf8() : std::string()) +
           ")";
}

}  // namespace realm::values
