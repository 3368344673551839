// The operators of JavaScript's expressions.
#pragma once

#include <cstdint>

#include "values/convert.h"

namespace realm::values {

enum class BinaryOperator : std::uint8_t {
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kRemainder,
    kPower,
    kBitAnd,
    kBitOr,
    kBitXor,
    kShiftLeft,
    kShiftRight,
    kShiftRightUnsigned,
};

bool strictly_equal(const Value& left, const Value& right);           // ===
bool same_value(const Value& left, const Value& right);               // Object.is
bool same_value_zero(const Value& left, const Value& right);          // as keys of a Map
Eventual<bool> loosely_equal(World& world, Value left, Value right);  // ==

enum class Comparison : std::uint8_t { kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
Eventual<bool> compare(World& world, Comparison comparison, Value left, Value right);

Eventual<Value> binary(World& world, BinaryOperator binary_operator, const Value& left,
                       const Value& right);
Eventual<Value> negate(World& world, const Value& value);   // -x
Eventual<Value> bit_not(World& world, const Value& value);  // ~x
// left in right
Eventual<bool> in(World& world, Value left, Value right);

}  // namespace realm::values
