// Symbols, and what properties are found by.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "values/text.h"
#include "values/value.h"

namespace realm::values {

class Symbol final : public Cell {
public:
    static constexpr Kind kKind = Kind::kSymbol;
    static constexpr bool kMayBeInCycles = false;

    // Undefined or a string.
    explicit Symbol(Value description) : description_(std::move(description)) {}
    [[nodiscard]] const Value& description() const { return description_; }

private:
    Value description_;
};

inline Symbol& Value::symbol() const noexcept {
    return static_cast<Symbol&>(*bits_.cell);
}

// An index below 2^32 - 1, an interned string that is no such index, or a symbol. Equal keys have
// equal bits.
class PropertyKey {
public:
    PropertyKey() = default;
    explicit PropertyKey(std::uint32_t index) : value_(index) {}
    explicit PropertyKey(const Ref<Symbol>& symbol) : value_(symbol) {}
    // Interns it, unless it is an index.
    explicit PropertyKey(String& text);
    PropertyKey(Heap& heap, std::string_view ascii);

    // No key at all, as a freed slot has it.
    [[nodiscard]] bool is_empty() const { return value_.is_undefined(); }
    [[nodiscard]] bool is_index() const { return value_.is_number(); }
    [[nodiscard]] bool is_string() const { return value_.is_string(); }
    [[nodiscard]] bool is_symbol() const { return value_.is_symbol(); }
    [[nodiscard]] std::uint32_t index() const {
        return static_cast<std::uint32_t>(value_.number());
    }
    // A string where it is an index.
    [[nodiscard]] Value to_value(Heap& heap) const;
    [[nodiscard]] const Value& raw() const { return value_; }

    [[nodiscard]] std::size_t hash() const {
        const std::uint64_t bits = value_.bits() * 0x9E3779B97F4A7C15U;
        return static_cast<std::size_t>(bits ^ (bits >> 32U));
    }
    friend bool operator==(const PropertyKey& left, const PropertyKey& right) noexcept {
        return left.value_.same_bits(right.value_);
    }
    // For messages: the text, or Symbol(description).
    [[nodiscard]] std::string text() const;

private:
    Value value_;
};

// The index that this text is, written as JavaScript writes it.
std::optional<std::uint32_t> array_index_of(const String& text);

}  // namespace realm::values
