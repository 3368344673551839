#include "values/operators.h"

#include <cmath>
#include <string>

#include "values/bigint.h"
#include "values/operations.h"

namespace realm::values {

namespace {

double power(double base, double exponent) {
    // Unlike pow(): 1 ** NaN and 1 ** Infinity are NaN.
    if (std::isnan(exponent) || (std::abs(base) == 1 && std::isinf(exponent))) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    return std::pow(base, exponent);
}

double number_binary(BinaryOperator binary_operator, double left, double right) {
    const std::uint32_t shift = to_uint32(right) & 31U;
    switch (binary_operator) {
        case BinaryOperator::kAdd:
            return left + right;
        case BinaryOperator::kSubtract:
            return left - right;
        case BinaryOperator::kMultiply:
            return left * right;
        case BinaryOperator::kDivide:
            return left / right;
        case BinaryOperator::kRemainder:
            return std::fmod(left, right);
        case BinaryOperator::kPower:
            return power(left, right);
        case BinaryOperator::kBitAnd:
            return to_int32(left) & to_int32(right);
        case BinaryOperator::kBitOr:
            return to_int32(left) | to_int32(right);
        case BinaryOperator::kBitXor:
            return to_int32(left) ^ to_int32(right);
        case BinaryOperator::kShiftLeft:
            return static_cast<std::int32_t>(to_uint32(left) << shift);
        case BinaryOperator::kShiftRight:
            return to_int32(left) >> shift;
        default:
            return to_uint32(left) >> shift;
    }
}

Eventual<Value> numeric_binary(World& world, BinaryOperator binary_operator, Value left,
                               Value right) {
    const Value a = co_await to_numeric(world, left);
    const Value b = co_await to_numeric(world, right);
    if (a.is_number() && b.is_number()) {
        co_return Value(number_binary(binary_operator, a.number(), b.number()));
    }
    if (!a.is_bigint() || !b.is_bigint()) {
        co_return world.type_error("Cannot mix BigInt and other types, use explicit conversions");
    }
    co_await world.step(a.bigint().limbs().size() + b.bigint().limbs().size());
    co_return co_await bigint_binary(world, binary_operator, a.bigint(), b.bigint());
}

Completion<Value> concatenate(World& world, const String& left, const String& right) {
    const std::size_t length = left.length() + right.length();
    if (length > String::kMaxLength) {
        return world.range_error("Invalid string length");
    }
    if (auto allowed = world.admit(length); !allowed) {
        return std::unexpected(std::move(allowed.error()));
    }
    if (left.length() == 0) {
        return Value(Ref(const_cast<String*>(&right)));
    }
    TextBuilder out;
    out.add(left);
    out.add(right);
    return Value(out.make(world.heap()));
}

Eventual<Value> add_slowly(World& world, Value left, Value right) {
    const Value a = co_await to_primitive(world, left, Hint::kDefault);
    const Value b = co_await to_primitive(world, right, Hint::kDefault);
    if (a.is_string() || b.is_string()) {
        const Ref<String> left_text = co_await to_string(world, a);
        const Ref<String> right_text = co_await to_string(world, b);
        co_return concatenate(world, *left_text, *right_text);
    }
    co_return co_await numeric_binary(world, BinaryOperator::kAdd, a, b);
}

// left < right; nothing where one is NaN.
Completion<std::partial_ordering> order(World& world, const Value& left, const Value& right) {
    if (left.is_number() && right.is_number()) {
        return left.number() <=> right.number();
    }
    if (left.is_bigint() && right.is_bigint()) {
        return std::partial_ordering(bigint_compare(left.bigint(), right.bigint()));
    }
    if (left.is_bigint()) {
        return bigint_compare(left.bigint(), right.number());
    }
    (void)world;
    return 0 <=> bigint_compare(right.bigint(), left.number());
}

// A string against a bigint is compared as one; nothing for a string that is none.
Completion<std::optional<Value>> beside_bigint(World& world, const Value& value,
                                               const Value& other) {
    if (value.is_string() && other.is_bigint()) {
        return parse_bigint(world, value.string());
    }
    return std::optional(value);
}

}  // namespace

bool strictly_equal(const Value& left, const Value& right) {
    if (left.kind() != right.kind()) {
        return false;
    }
    switch (left.kind()) {
        case Kind::kNumber:
            return left.number() == right.number();
        case Kind::kString:
            return left.string().equals(right.string());
        case Kind::kBigInt:
            return left.bigint().equals(right.bigint());
        default:
            return left.same_bits(right);
    }
}

bool same_value(const Value& left, const Value& right) {
    if (left.is_number() && right.is_number()) {
        return left.bits() == right.bits() ||
               (std::isnan(left.number()) && std::isnan(right.number()));
    }
    return strictly_equal(left, right);
}

bool same_value_zero(const Value& left, const Value& right) {
    return strictly_equal(left, right) || (left.is_number() && same_value(left, right));
}

Eventual<bool> loosely_equal(World& world, Value left, Value right) {
    if (left.kind() == right.kind()) {
        co_return strictly_equal(left, right);
    }
    if (left.is_nullish() || right.is_nullish()) {
        co_return left.is_nullish() && right.is_nullish();
    }
    if (left.is_object()) {
        left = co_await to_primitive(world, left, Hint::kDefault);
        co_return co_await loosely_equal(world, left, right);
    }
    if (right.is_object()) {
        right = co_await to_primitive(world, right, Hint::kDefault);
        co_return co_await loosely_equal(world, left, right);
    }
    if (left.is_symbol() || right.is_symbol()) {
        co_return false;
    }
    if (left.is_bigint() || right.is_bigint()) {
        Value big = left.is_bigint() ? left : right;
        Value other = left.is_bigint() ? right : left;
        if (other.is_string()) {
            std::optional<Value> parsed = co_await parse_bigint(world, other.string());
            co_return parsed && parsed->bigint().equals(big.bigint());
        }
        const double number = co_await to_number(world, other);
        co_return bigint_compare(big.bigint(), number) == std::partial_ordering::equivalent;
    }
    const double a = co_await to_number(world, left);
    const double b = co_await to_number(world, right);
    co_return a == b;
}

Eventual<bool> compare(World& world, Comparison comparison, Value left, Value right) {
    const Value a = co_await to_primitive(world, left, Hint::kNumber);
    const Value b = co_await to_primitive(world, right, Hint::kNumber);
    std::partial_ordering found = std::partial_ordering::unordered;
    if (a.is_string() && b.is_string()) {
        found = a.string().compare(b.string()) <=> 0;
    } else {
        const std::optional<Value> first = co_await beside_bigint(world, a, b);
        const std::optional<Value> second = co_await beside_bigint(world, b, a);
        if (!first || !second) {
            co_return false;
        }
        const Value c = co_await to_numeric(world, *first);
        const Value d = co_await to_numeric(world, *second);
        found = co_await order(world, c, d);
    }
    switch (comparison) {
        case Comparison::kLess:
            co_return found < 0;
        case Comparison::kLessOrEqual:
            co_return found <= 0;
        case Comparison::kGreater:
            co_return found > 0;
        default:
            co_return found >= 0;
    }
}

Eventual<Value> binary(World& world, BinaryOperator binary_operator, const Value& left,
                       const Value& right) {
    if (left.is_number() && right.is_number()) {
        return Value(number_binary(binary_operator, left.number(), right.number()));
    }
    if (binary_operator == BinaryOperator::kAdd) {
        if (left.is_string() && right.is_string()) {
            return concatenate(world, left.string(), right.string());
        }
        return add_slowly(world, left, right);
    }
    return numeric_binary(world, binary_operator, left, right);
}

Eventual<Value> negate(World& world, const Value& value) {
    struct Later {
        static Eventual<Value> run(World& world, Value value) {
            const Value numeric = co_await to_numeric(world, value);
            if (numeric.is_bigint()) {
                co_return bigint_negate(world, numeric.bigint());
            }
            co_return Value(-numeric.number());
        }
    };
    return value.is_number() ? Eventual<Value>(Value(-value.number())) : Later::run(world, value);
}

Eventual<Value> bit_not(World& world, const Value& value) {
    struct Later {
        static Eventual<Value> run(World& world, Value value) {
            const Value numeric = co_await to_numeric(world, value);
            if (numeric.is_bigint()) {
                // ~x is -x - 1
                const Value negative = bigint_negate(world, numeric.bigint());
                const Value one = make_bigint(world, std::int64_t{1});
                co_return bigint_binary(world, BinaryOperator::kSubtract, negative.bigint(),
                                        one.bigint());
            }
            co_return Value(~to_int32(numeric.number()));
        }
    };
    return Later::run(world, value);
}

Eventual<bool> in(World& world, Value left, Value right) {
    if (!right.is_object()) {
        const std::string what = left.is_symbol()   ? PropertyKey(Ref(&left.symbol())).text()
                                 : left.is_object() ? describe(world, left)
                                                    : primitive_to_string(world, left)->utf8();
        const std::string where =
            right.is_symbol() ? describe(world, right) : primitive_to_string(world, right)->utf8();
        co_return world.type_error("Cannot use 'in' operator to search for '" + what + "' in " +
                                   where);
    }
    const PropertyKey key = co_await to_property_key(world, left);
    co_return has_property(world, right.object(), key);
}

}  // namespace realm::values
