// The tables of all classes and namespaces, and what their functions share. Internal.
#pragma once

#include <string>
#include <string_view>

#include "values/buffers.h"
#include "values/builtin.h"
#include "values/collections.h"
#include "values/operations.h"
#include "values/operators.h"

namespace realm::values {

extern const BuiltinSpec kObjectSpec;
extern const BuiltinSpec kFunctionSpec;
extern const BuiltinSpec kArraySpec;
extern const BuiltinSpec kStringSpec;
extern const BuiltinSpec kNumberSpec;
extern const BuiltinSpec kBooleanSpec;
extern const BuiltinSpec kSymbolSpec;
extern const BuiltinSpec kBigIntSpec;
const BuiltinSpec& error_spec(Builtin builtin);
extern const BuiltinSpec kDomExceptionSpec;
extern const BuiltinSpec kMapSpec;
extern const BuiltinSpec kSetSpec;
extern const BuiltinSpec kWeakMapSpec;
extern const BuiltinSpec kWeakSetSpec;
extern const BuiltinSpec kWeakRefSpec;
extern const BuiltinSpec kDateSpec;
extern const BuiltinSpec kPromiseSpec;
extern const BuiltinSpec kRegExpSpec;
extern const BuiltinSpec kArrayBufferSpec;
extern const BuiltinSpec kDataViewSpec;
extern const BuiltinSpec kTypedArraySpec;
const BuiltinSpec& typed_array_spec(Builtin builtin);
extern const BuiltinSpec kTextEncoderSpec;
extern const BuiltinSpec kTextDecoderSpec;
extern const BuiltinSpec kIteratorSpec;
extern const BuiltinSpec kArrayIteratorSpec;
extern const BuiltinSpec kMapIteratorSpec;
extern const BuiltinSpec kSetIteratorSpec;
extern const BuiltinSpec kStringIteratorSpec;
extern const BuiltinSpec kTimeoutSpec;
extern const BuiltinSpec kMemorySpec;
extern const BuiltinSpec kMathSpec;
extern const BuiltinSpec kJsonSpec;
extern const BuiltinSpec kReflectSpec;
extern const BuiltinSpec kConsoleSpec;
extern const BuiltinSpec kPerformanceSpec;
extern const BuiltinSpec kCryptoSpec;
extern const BuiltinSpec kGlobalSpec;

// "Constructor Map requires 'new'"
std::unexpected<Thrown> requires_new(World& world, std::string_view name);
// "Method Map.prototype.get called on incompatible receiver #<Object>"
std::unexpected<Thrown> bad_receiver(World& world, std::string_view method, const Value& self);

// `this` as an object of that class.
template <class T>
Completion<T*> receiver(World& world, std::string_view method, const Value& self) {
    if (auto* const object = self.as<T>()) {
        return object;
    }
    return bad_receiver(world, method, self);
}

// A function that was given where one must be: "x is not a function".
Completion<void> require_callable(World& world, const Value& value);
// to_integer() of an argument, or what it is without one.
Eventual<double> integer_or(World& world, const Value& value, double otherwise);

Value make_array_iterator(World& world, Value iterated, IteratorKind kind);
Value make_table_iterator(World& world, Value table, IteratorKind kind);
Value make_string_iterator(World& world, Value text);

// Sorts as Array.prototype.sort does: undefined last, stable, by text without a comparator.
Eventual<std::vector<Value>> sorted(World& world, std::vector<Value> values, Value comparator);

}  // namespace realm::values
