// The iterator protocol.
#include <algorithm>

#include "values/collections.h"
#include "values/operations.h"

namespace realm::values {

Eventual<std::vector<Value>> list_from_array_like(World& world, Value source) {
    if (auto* const array = source.as<ArrayObject>()) {
        co_return array->elements();
    }
    if (!source.is_object()) {
        co_return world.type_error("CreateListFromArrayLike called on non-object");
    }
    const double length = co_await length_of(world, source);
    std::vector<Value> out;
    for (double i = 0; i < length; ++i) {
        co_await world.step();
        co_await world.admit(out.size() * sizeof(Value));
        Value element = co_await get(world, source, Value(i));
        out.push_back(std::move(element));
    }
    co_return out;
}

Eventual<IteratorRecord> get_iterator(World& world, Value source) {
    Value method;
    if (!source.is_nullish()) {
        method = co_await get(world, source, world.names().iterator);
    }
    if (!is_callable(method)) {
        std::string what(type_of(source));
        if (source.is_null()) {
            what = "object null";
        } else if (!source.is_nullish() && !source.is_object() && !source.is_symbol()) {
            what += " " + primitive_to_string(world, source)->utf8();
        }
        co_return world.type_error(
            what + " is not iterable (cannot read property Symbol(Symbol.iterator))");
    }
    Value iterator = co_await call(world, method, source, {});
    if (!iterator.is_object()) {
        co_return world.type_error("Result of the Symbol.iterator method is not an object");
    }
    Value next = co_await get(world, iterator, world.names().next);
    co_return IteratorRecord{.iterator = std::move(iterator), .next = std::move(next)};
}

Eventual<std::optional<Value>> iterator_step(World& world, IteratorRecord record) {
    const Value result = co_await call(world, record.next, record.iterator, {});
    if (!result.is_object()) {
        co_return world.type_error("Iterator result " + describe(world, result) +
                                   " is not an object");
    }
    const Value done = co_await get(world, result, world.names().done);
    if (to_boolean(done)) {
        co_return std::optional<Value>();
    }
    Value value = co_await get(world, result, world.names().value);
    co_return std::optional<Value>(std::move(value));
}

Eventual<Value> iterator_close(World& world, IteratorRecord record) {
    const auto method = co_await caught(get(world, record.iterator, world.names().return_key));
    if (method && is_callable(*method)) {
        auto closed = co_await caught(call(world, *method, record.iterator, {}));
        if (!closed && closed.error().is_fault()) {
            co_return std::unexpected(std::move(closed.error()));
        }
    }
    co_return Value();
}

Eventual<std::vector<Value>> list_from_iterable(World& world, Value source) {
    if (auto* const array = source.as<ArrayObject>()) {
        co_return array->elements();
    }
    const IteratorRecord record = co_await get_iterator(world, source);
    std::vector<Value> out;
    while (true) {
        std::optional<Value> element = co_await iterator_step(world, record);
        if (!element) {
            co_return out;
        }
        out.push_back(std::move(*element));
        co_await world.admit(out.size() * sizeof(Value));
    }
}

Value iterator_result(World& world, Value value, bool done) {
    const Ref<Object> result = world.object();
    result->put(world.names().value, std::move(value));
    result->put(world.names().done, Value(done));
    return result;
}

}  // namespace realm::values
