// Big integers: sign and magnitude.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/convert.h"
#include "values/operators.h"

namespace realm::values {

class BigInt final : public Cell {
public:
    static constexpr Kind kKind = Kind::kBigInt;
    static constexpr bool kMayBeInCycles = false;
    // Beyond it there is V8's RangeError "Maximum BigInt size exceeded" (V8 has more, which would
    // take our arithmetic too long).
    static constexpr std::size_t kMaxBits = std::size_t{1} << 18U;

    // Limbs from the least, the last one not zero.
    BigInt(bool negative, std::vector<std::uint64_t> limbs)
        : negative_(negative), limbs_(std::move(limbs)) {}
    [[nodiscard]] bool is_negative() const { return negative_; }
    [[nodiscard]] bool is_zero() const { return limbs_.empty(); }
    [[nodiscard]] const std::vector<std::uint64_t>& limbs() const { return limbs_; }

    // Modulo 2^64, as BigInt64Array stores it.
    [[nodiscard]] std::uint64_t low_bits() const;
    [[nodiscard]] double to_double() const;
    [[nodiscard]] std::string text(int radix = 10) const;
    [[nodiscard]] bool equals(const BigInt& other) const {
        return negative_ == other.negative_ && limbs_ == other.limbs_;
    }

private:
    bool negative_;
    std::vector<std::uint64_t> limbs_;
};

inline BigInt& Value::bigint() const noexcept {
    return static_cast<BigInt&>(*bits_.cell);
}

Value make_bigint(World& world, std::int64_t value);
Value make_bigint(World& world, std::uint64_t value);
// Of an integral number.
Value bigint_of_double(World& world, double number);
// Decimal with a sign, or 0x, 0o, 0b; white space around; empty is 0. Nothing for what is no
// integer. A RangeError for one that is too large.
Completion<std::optional<Value>> parse_bigint(World& world, const String& text);

Completion<Value> bigint_binary(World& world, BinaryOperator binary_operator, const BigInt& left,
                                const BigInt& right);
Value bigint_negate(World& world, const BigInt& value);
std::strong_ordering bigint_compare(const BigInt& left, const BigInt& right);
// Unordered where the number is NaN.
std::partial_ordering bigint_compare(const BigInt& left, double right);
// BigInt.asIntN, BigInt.asUintN
Value bigint_as_int(World& world, double bits, const BigInt& value);
Completion<Value> bigint_as_uint(World& world, double bits, const BigInt& value);

}  // namespace realm::values
