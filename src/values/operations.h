// Properties, calls and iteration, as expressions of JavaScript do them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "values/convert.h"
#include "values/world.h"

namespace realm::values {

// base.key; a TypeError for undefined and null ("Cannot read properties of undefined (reading
// 'x')").
Eventual<Value> get(World& world, const Value& base, const PropertyKey& key);
// base[key], with any value as key.
Eventual<Value> get(World& world, const Value& base, const Value& key);
// Of an object or one of its prototypes, with another receiver for getters.
Eventual<Value> get_from(World& world, Object& object, const PropertyKey& key,
                         const Value& receiver);

// base.key = value, as in strict code: a TypeError where it is not allowed.
Eventual<Value> set(World& world, const Value& base, const PropertyKey& key, const Value& value);
Eventual<Value> set(World& world, const Value& base, const Value& key, const Value& value);
// Reflect.set: false where it is not allowed.
Eventual<bool> set_in(World& world, Object& object, const PropertyKey& key, const Value& value,
                      const Value& receiver);

// key in object, through its prototypes.
bool has_property(World& world, Object& object, const PropertyKey& key);
// delete base.key; a TypeError where it may not be deleted.
Eventual<Value> delete_property(World& world, const Value& base, const Value& key);

// What an own property describes as an object, or undefined; and the way back.
Value from_descriptor(World& world, const std::optional<Property>& property);
Eventual<Descriptor> to_descriptor(World& world, Value object);

// Keys in JavaScript's order, within limits: all of them, and those that are enumerable and no
// symbols.
Completion<std::vector<PropertyKey>> own_keys(World& world, Object& object);
Completion<std::vector<PropertyKey>> enumerable_keys(World& world, Object& object);

bool is_callable(const Value& value);
bool is_constructor(const Value& value);

// callee(...arguments). `described` is the callee's text in "x is not a function"; without one it
// is made of the value.
Eventual<Value> call(World& world, const Value& callee, const Value& self, Arguments arguments,
                     std::string_view described = {});
// base.key(...arguments)
Eventual<Value> invoke(World& world, const Value& base, const PropertyKey& key, Arguments arguments,
                       std::string_view described = {});
// new callee(...arguments)
Eventual<Value> construct(World& world, const Value& callee, Arguments arguments,
                          std::string_view described = {});
Eventual<Value> construct(World& world, Function& callee, Arguments arguments, Object& new_target);

// value instanceof target
Eventual<bool> instance_of(World& world, const Value& value, const Value& target);
// Array.isArray
bool is_array(const Value& value);

// The elements of an array-like: its length and indices, as Function.prototype.apply reads them.
Eventual<std::vector<Value>> list_from_array_like(World& world, Value source);
// Everything that an iterable gives, bounded by steps and the heap.
Eventual<std::vector<Value>> list_from_iterable(World& world, Value source);

// A for...of loop by hand: `next` gives nothing at the end.
struct IteratorRecord {
    Value iterator;
    Value next;
};
Eventual<IteratorRecord> get_iterator(World& world, Value source);
Eventual<std::optional<Value>> iterator_step(World& world, IteratorRecord record);
// Leaves the loop early; what that throws is dropped.
Eventual<Value> iterator_close(World& world, IteratorRecord record);
// {value, done}
Value iterator_result(World& world, Value value, bool done);

}  // namespace realm::values
