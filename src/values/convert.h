// Conversions between types, as JavaScript's abstract operations do them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "values/object.h"

namespace realm::values {

class World;

// --- Numbers and text, without objects ---------------------------------------------------------
// As Number.prototype.toString writes it; `radix` from 2 to 36.
std::string number_to_text(double number);
std::string number_to_text(double number, int radix);
std::string number_to_fixed(double number, int digits);
std::string number_to_exponential(double number, std::optional<int> digits);
std::string number_to_precision(double number, int digits);
// Number("text"): NaN for what is no number.
double text_to_number(const String& text);
double parse_float(const String& text);
double parse_int(const String& text, std::int32_t radix);

std::int32_t to_int32(double number);
inline std::uint32_t to_uint32(double number) {
    return static_cast<std::uint32_t>(to_int32(number));
}
// ToIntegerOrInfinity: NaN is 0, fractions are cut.
double to_integer(double number);
// A relative index, as slice() takes it, within 0...length.
std::size_t clamp_index(double relative, std::size_t length);

bool to_boolean(const Value& value);
std::string_view type_of(const Value& value);

// --- Of any value -------------------------------------------------------------------------------
enum class Hint : std::uint8_t { kDefault, kNumber, kString };
Eventual<Value> to_primitive(World& world, const Value& value, Hint hint);
// A number alone; BigInts and symbols are TypeErrors.
Eventual<double> to_number(World& world, const Value& value);
// A number or a bigint.
Eventual<Value> to_numeric(World& world, const Value& value);
Eventual<Value> to_bigint(World& world, const Value& value);
Eventual<double> to_integer(World& world, const Value& value);
Eventual<Ref<String>> to_string(World& world, const Value& value);
Eventual<PropertyKey> to_property_key(World& world, const Value& value);
Completion<Ref<Object>> to_object(World& world, const Value& value);
// ToLength of value.length.
Eventual<double> length_of(World& world, const Value& array_like);
// ToIndex: an integer from 0 to 2^53 - 1, or a RangeError with that message.
Eventual<double> to_index(World& world, const Value& value, std::string_view message);

// Of a primitive that is no symbol: its text, at once.
Ref<String> primitive_to_string(World& world, const Value& value);

// --- For messages -------------------------------------------------------------------------------
// A value as V8 writes it into "x is not a function": "a string", #<Object>, undefined.
std::string describe(World& world, const Value& value);
// The name of the class: own or inherited constructor.name, if these are plain properties.
std::string constructor_name(World& world, Object& object);
// A property's value, where no getter has to run for it; undefined else.
Value peek(World& world, Object& object, const PropertyKey& key);
Value peek(World& world, const Value& base, std::string_view key);

}  // namespace realm::values
