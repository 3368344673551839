#include "values/bigint.h"

#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <iterator>
#include <limits>

#include "values/world.h"

namespace realm::values {

namespace {

using Integer = boost::multiprecision::cpp_int;

Integer integer_of(const BigInt& value) {
    Integer out;
    if (value.is_zero()) {
        return out;  // an empty range leaves no number behind
    }
    boost::multiprecision::import_bits(out, value.limbs().begin(), value.limbs().end(), 64, false);
    return value.is_negative() ? Integer(-out) : out;
}

Value value_of(World& world, const Integer& integer) {
    std::vector<std::uint64_t> limbs;
    if (integer != 0) {
        boost::multiprecision::export_bits(Integer(abs(integer)), std::back_inserter(limbs), 64,
                                           false);
    }
    return world.heap().make<BigInt>(integer < 0, std::move(limbs));
}

std::unexpected<Thrown> too_big(World& world) {
    return world.range_error("Maximum BigInt size exceeded");
}

std::size_t bits_of(const BigInt& value) {
    return value.limbs().size() * 64;
}

Completion<Value> checked(World& world, const Integer& integer) {
    if (integer != 0 && msb(abs(integer)) >= BigInt::kMaxBits) {
        return too_big(world);
    }
    return value_of(world, integer);
}

Completion<Value> power(World& world, const BigInt& base, const BigInt& exponent) {
    if (exponent.is_negative()) {
        return world.range_error("Exponent must be non-negative");
    }
    const Integer integer = integer_of(base);
    if (exponent.is_zero() || integer == 1) {
        return value_of(world, 1);
    }
    if (integer == 0) {
        return value_of(world, 0);
    }
    if (integer == -1) {
        return value_of(world, (exponent.limbs()[0] & 1U) == 0 ? 1 : -1);
    }
    if (exponent.limbs().size() > 1 || exponent.limbs()[0] > BigInt::kMaxBits ||
        exponent.limbs()[0] * msb(abs(integer)) > BigInt::kMaxBits) {
        return too_big(world);
    }
    return checked(world, pow(integer, static_cast<unsigned>(exponent.limbs()[0])));
}

// Towards minus infinity to the right.
Completion<Value> shift(World& world, const BigInt& value, const BigInt& by, bool left) {
    const bool is_left = left != by.is_negative();
    const bool is_far =
        by.limbs().size() > 1 || (!by.is_zero() && by.limbs()[0] > BigInt::kMaxBits);
    const Integer integer = integer_of(value);
    if (value.is_zero() || by.is_zero()) {
        return value_of(world, integer);
    }
    if (is_left) {
        if (is_far || bits_of(value) + by.limbs()[0] > BigInt::kMaxBits + 64) {
            return too_big(world);
        }
        return checked(world, integer << by.limbs()[0]);
    }
    if (is_far) {
        return value_of(world, integer < 0 ? -1 : 0);
    }
    if (integer >= 0) {
        return value_of(world, integer >> by.limbs()[0]);
    }
    return value_of(world, -((-integer - 1) >> by.limbs()[0]) - 1);
}

// Two's complement with as many bits as both need.
Integer bitwise(BinaryOperator binary_operator, const Integer& left, const Integer& right) {
    const auto width = [](const Integer& value) { return value == 0 ? 1U : msb(abs(value)) + 2U; };
    const auto bits = static_cast<unsigned>(std::max<std::size_t>(width(left), width(right)));
    const Integer modulus = Integer(1) << bits;
    const Integer a = left < 0 ? Integer(left + modulus) : left;
    const Integer b = right < 0 ? Integer(right + modulus) : right;
    Integer out = binary_operator == BinaryOperator::kBitAnd  ? Integer(a & b)
                  : binary_operator == BinaryOperator::kBitOr ? Integer(a | b)
                                                              : Integer(a ^ b);
    return bit_test(out, bits - 1) ? Integer(out - modulus) : out;
}

}  // namespace

std::uint64_t BigInt::low_bits() const {
    const std::uint64_t magnitude = limbs_.empty() ? 0 : limbs_[0];
    return negative_ ? 0 - magnitude : magnitude;
}

// Exact rounding to even: what lies below the upper 64 bits only matters as a sticky bit.
double BigInt::to_double() const {
    if (limbs_.empty()) {
        return 0;
    }
    const std::size_t top = limbs_.size() - 1;
    const auto lead = static_cast<unsigned>(std::countl_zero(limbs_[top]));
    std::uint64_t upper = limbs_[top] << lead;
    bool sticky = false;
    if (top > 0) {
        if (lead > 0) {
            upper |= limbs_[top - 1] >> (64U - lead);
            sticky = (limbs_[top - 1] << lead) != 0;
        } else {
            sticky = limbs_[top - 1] != 0;
        }
        for (std::size_t i = 0; i + 1 < top; ++i) {
            sticky = sticky || limbs_[i] != 0;
        }
    }
    upper |= sticky ? 1U : 0U;
    const double magnitude =
        std::ldexp(static_cast<double>(upper), static_cast<int>(64 * top) - static_cast<int>(lead));
    return negative_ ? -magnitude : magnitude;
}

std::string BigInt::text(int radix) const {
    if (limbs_.size() <= 1 && radix == 10) {
        return (negative_ ? "-" : "") + std::to_string(limbs_.empty() ? 0 : limbs_[0]);
    }
    if (radix == 10) {
        return integer_of(*this).str();
    }
    std::string out;
    Integer rest = abs(integer_of(*this));
    do {
        Integer quotient;
        Integer digit;
        divide_qr(rest, Integer(radix), quotient, digit);
        out.insert(out.begin(),
                   "0123456789abcdefghijklmnopqrstuvwxyz"[static_cast<unsigned>(digit)]);
        rest = quotient;
    } while (rest != 0);
    return negative_ ? "-" + out : out;
}

Value make_bigint(World& world, std::int64_t value) {
    const bool is_negative = value < 0;
    const auto bits = static_cast<std::uint64_t>(value);
    std::vector<std::uint64_t> limbs;
    if (value != 0) {
        limbs.push_back(is_negative ? 0 - bits : bits);
    }
    return world.heap().make<BigInt>(is_negative, std::move(limbs));
}

Value make_bigint(World& world, std::uint64_t value) {
    std::vector<std::uint64_t> limbs;
    if (value != 0) {
        limbs.push_back(value);
    }
    return world.heap().make<BigInt>(false, std::move(limbs));
}

Value bigint_of_double(World& world, double number) {
    return value_of(world, Integer(number));
}

Completion<std::optional<Value>> parse_bigint(World& world, const String& text) {
    if (!text.is_ascii()) {
        return std::nullopt;
    }
    std::string_view rest = text.ascii();
    constexpr std::string_view kSpace = " \t\n\v\f\r";
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
    rest = rest.substr(0, rest.find_last_not_of(kSpace) + 1);
    if (rest.empty()) {
        return value_of(world, 0);
    }
    const bool is_negative = rest[0] == '-';
    unsigned radix = 10;
    if (rest[0] == '-' || rest[0] == '+') {
        rest.remove_prefix(1);
    } else if (rest.size() > 2 && rest[0] == '0') {
        const char mark = static_cast<char>(rest[1] | 0x20);
        radix = mark == 'x' ? 16 : (mark == 'o' ? 8 : (mark == 'b' ? 2 : 10));
        rest.remove_prefix(radix == 10 ? 0 : 2);
    }
    if (rest.empty()) {
        return std::nullopt;
    }
    for (const char c : rest) {
        const bool is_digit = c >= '0' && static_cast<unsigned>(c - '0') < radix;
        const bool is_letter = radix == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f';
        if (!is_digit && !is_letter) {
            return std::nullopt;
        }
    }
    // Digits of ten have more than three bits each.
    if (rest.size() > BigInt::kMaxBits / 3) {
        return too_big(world);
    }
    if (auto stepped = world.step(rest.size() * rest.size() / 64); !stepped) {
        return std::unexpected(std::move(stepped.error()));
    }
    Integer out;
    if (radix == 10) {
        const std::size_t first = rest.find_first_not_of('0');
        out =
            first == std::string_view::npos ? Integer(0) : Integer(std::string(rest.substr(first)));
    } else {
        for (const char c : rest) {
            out *= radix;
            out += c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        }
    }
    auto made = checked(world, is_negative ? Integer(-out) : out);
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return std::move(*made);
}

Completion<Value> bigint_binary(World& world, BinaryOperator binary_operator, const BigInt& left,
                                const BigInt& right) {
    switch (binary_operator) {
        case BinaryOperator::kPower:
            return power(world, left, right);
        case BinaryOperator::kShiftLeft:
            return shift(world, left, right, true);
        case BinaryOperator::kShiftRight:
            return shift(world, left, right, false);
        case BinaryOperator::kShiftRightUnsigned:
            return world.type_error("BigInts have no unsigned right shift, use >> instead");
        default:
            break;
    }
    const Integer a = integer_of(left);
    const Integer b = integer_of(right);
    switch (binary_operator) {
        case BinaryOperator::kAdd:
            return checked(world, a + b);
        case BinaryOperator::kSubtract:
            return checked(world, a - b);
        case BinaryOperator::kMultiply:
            return bits_of(left) + bits_of(right) > BigInt::kMaxBits + 128 ? too_big(world)
                                                                           : checked(world, a * b);
        case BinaryOperator::kDivide:
            return b == 0 ? world.range_error("Division by zero") : checked(world, a / b);
        case BinaryOperator::kRemainder:
            return b == 0 ? world.range_error("Division by zero") : checked(world, a % b);
        default:
            return checked(world, bitwise(binary_operator, a, b));
    }
}

Value bigint_negate(World& world, const BigInt& value) {
    return world.heap().make<BigInt>(!value.is_negative() && !value.is_zero(), value.limbs());
}

std::strong_ordering bigint_compare(const BigInt& left, const BigInt& right) {
    if (left.is_negative() != right.is_negative()) {
        return left.is_negative() ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    std::strong_ordering magnitude = left.limbs().size() <=> right.limbs().size();
    for (std::size_t i = left.limbs().size(); i > 0 && magnitude == 0; --i) {
        magnitude = left.limbs()[i - 1] <=> right.limbs()[i - 1];
    }
    return left.is_negative() ? 0 <=> magnitude : magnitude;
}

std::partial_ordering bigint_compare(const BigInt& left, double right) {
    if (std::isnan(right)) {
        return std::partial_ordering::unordered;
    }
    if (std::isinf(right)) {
        return right > 0 ? std::partial_ordering::less : std::partial_ordering::greater;
    }
    const Integer whole(std::floor(right));
    const int order = integer_of(left).compare(whole);
    if (order == 0 && std::floor(right) != right) {
        return std::partial_ordering::less;
    }
    return order <=> 0;
}

Value bigint_as_int(World& world, double bits, const BigInt& value) {
    if (bits == 0) {
        return value_of(world, 0);
    }
    // Narrower than that wide, it is what it is.
    if (bits > static_cast<double>(bits_of(value) + 1)) {
        return value_of(world, integer_of(value));
    }
    const auto count = static_cast<unsigned>(bits);
    const Integer modulus = Integer(1) << count;
    Integer out = integer_of(value) % modulus;
    if (out < 0) {
        out += modulus;
    }
    return value_of(world, bit_test(out, count - 1) ? Integer(out - modulus) : out);
}

Completion<Value> bigint_as_uint(World& world, double bits, const BigInt& value) {
    if (bits > static_cast<double>(BigInt::kMaxBits)) {
        return value.is_negative() ? Completion<Value>(too_big(world))
                                   : value_of(world, integer_of(value));
    }
    const Integer modulus = Integer(1) << static_cast<unsigned>(bits);
    Integer out = integer_of(value) % modulus;
    return value_of(world, out < 0 ? Integer(out + modulus) : out);
}

}  // namespace realm::values
