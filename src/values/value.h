// A value as JavaScript has it.
#pragma once

#include <cstdint>
#include <utility>

#include "values/cell.h"

namespace realm::values {

class BigInt;
class Object;
class String;
class Symbol;

enum class Kind : std::uint8_t {
    kUndefined,
    kNull,
    kBoolean,
    kNumber,
    kString,
    kSymbol,
    kBigInt,
    kObject,
    kInternal,  // a cell that no program sees, such as a pair of accessors
};

// Sixteen bytes: copying one counts a reference, comparing bits is same_bits(). It must not outlive
// the World whose cell it names. Operators of JavaScript are in operators.h, conversions in
// convert.h.
class Value {
public:
    constexpr Value() noexcept : bits_{.integer = 0} {}
    constexpr explicit Value(bool boolean) noexcept
        : kind_(Kind::kBoolean), bits_{.integer = boolean ? 1U : 0U} {}
    constexpr explicit Value(double number) noexcept
        : kind_(Kind::kNumber), bits_{.number = number} {}
    constexpr explicit Value(int number) noexcept : Value(static_cast<double>(number)) {}
    constexpr explicit Value(std::uint32_t number) noexcept : Value(static_cast<double>(number)) {}
    constexpr explicit Value(std::size_t number) noexcept : Value(static_cast<double>(number)) {}
    Value(const Value& other) noexcept : kind_(other.kind_), bits_(other.bits_) {
        if (is_cell()) {
            bits_.cell->retain();
        }
    }
    constexpr Value(Value&& other) noexcept
        : kind_(std::exchange(other.kind_, Kind::kUndefined)), bits_(other.bits_) {}
    // What is a cell: a string, symbol, bigint or object.
    template <class T>
    Value(const Ref<T>& cell) noexcept  // NOLINT(google-explicit-constructor)
        : kind_(T::kKind), bits_{.cell = cell.get()} {
        bits_.cell->retain();
    }
    Value& operator=(const Value& other) noexcept {
        Value copy(other);
        swap(copy);
        return *this;
    }
    Value& operator=(Value&& other) noexcept {
        Value gone(std::move(*this));
        swap(other);
        return *this;
    }
    constexpr ~Value() {
        if (is_cell()) {
            let_go();
        }
    }

    [[nodiscard]] static constexpr Value null() noexcept {
        Value value;
        value.kind_ = Kind::kNull;
        return value;
    }
    // Of a cell that is alive.
    template <class T>
    [[nodiscard]] static Value of(T& cell) noexcept {
        return Value(Ref<T>(&cell));
    }

    [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
    [[nodiscard]] constexpr bool is_undefined() const noexcept { return kind_ == Kind::kUndefined; }
    [[nodiscard]] constexpr bool is_null() const noexcept { return kind_ == Kind::kNull; }
    // undefined or null
    [[nodiscard]] constexpr bool is_nullish() const noexcept { return kind_ <= Kind::kNull; }
    [[nodiscard]] constexpr bool is_boolean() const noexcept { return kind_ == Kind::kBoolean; }
    [[nodiscard]] constexpr bool is_number() const noexcept { return kind_ == Kind::kNumber; }
    [[nodiscard]] constexpr bool is_string() const noexcept { return kind_ == Kind::kString; }
    [[nodiscard]] constexpr bool is_symbol() const noexcept { return kind_ == Kind::kSymbol; }
    [[nodiscard]] constexpr bool is_bigint() const noexcept { return kind_ == Kind::kBigInt; }
    [[nodiscard]] constexpr bool is_object() const noexcept { return kind_ == Kind::kObject; }
    [[nodiscard]] constexpr bool is_internal() const noexcept { return kind_ == Kind::kInternal; }
    [[nodiscard]] constexpr bool is_cell() const noexcept { return kind_ >= Kind::kString; }

    // Each of a value of that kind alone.
    [[nodiscard]] constexpr bool boolean() const noexcept { return bits_.integer != 0; }
    [[nodiscard]] constexpr double number() const noexcept { return bits_.number; }
    [[nodiscard]] Cell& cell() const noexcept { return *bits_.cell; }
    [[nodiscard]] String& string() const noexcept;
    [[nodiscard]] Symbol& symbol() const noexcept;
    [[nodiscard]] BigInt& bigint() const noexcept;
    [[nodiscard]] Object& object() const noexcept;
    // The object as that class, or null where it is another value.
    template <class T>
    [[nodiscard]] T* as() const noexcept {
        return is_object() ? dynamic_cast<T*>(bits_.cell) : nullptr;
    }

    // The same kind and the same bits: equality for all but numbers, strings and bigints.
    [[nodiscard]] bool same_bits(const Value& other) const noexcept {
        return kind_ == other.kind_ &&
               (kind_ <= Kind::kNull || bits_.integer == other.bits_.integer);
    }
    [[nodiscard]] std::uint64_t bits() const noexcept { return bits_.integer; }

    void trace(Tracer& tracer) const {
        if (is_cell()) {
            tracer.visit(*bits_.cell);
        }
    }

private:
    // Not inline: GCC 12 takes bits that are no cell for the address of one, and warns.
    void let_go() noexcept;
    void swap(Value& other) noexcept {
        std::swap(kind_, other.kind_);
        std::swap(bits_, other.bits_);
    }

    union Bits {
        std::uint64_t integer;
        double number;
        Cell* cell;
    };
    Kind kind_ = Kind::kUndefined;
    Bits bits_;
};

}  // namespace realm::values
