// JSON as an object.
#include <array>

#include "values/builtin_specs.h"
#include "values/json.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

// From the leaves up, as the reviver is to see them.
Eventual<Value> revive(World& world, Value holder, PropertyKey key, Value reviver) {
    const World::Depth depth(world);
    co_await depth.check();
    const Value value = co_await get(world, holder, key);
    if (value.is_object()) {
        const std::vector<PropertyKey> keys = co_await enumerable_keys(world, value.object());
        for (const PropertyKey& inner : keys) {
            const Value revived = co_await revive(world, value, inner, reviver);
            if (revived.is_undefined()) {
                value.object().delete_own(world, inner);
            } else {
                co_await set(world, value, inner, revived);
            }
        }
    }
    const std::array arguments{key.to_value(world.heap()), value};
    co_return co_await call(world, reviver, holder, arguments);
}

Eventual<Value> parse(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    const Value value = co_await parse_json(world, *text);
    if (!is_callable(call.argument(1))) {
        co_return value;
    }
    const Ref<Object> holder = world.object();
    const PropertyKey empty(world.heap(), "");
    holder->put(empty, value);
    co_return co_await revive(world, Value(holder), empty, call.argument(1));
}

Eventual<Value> stringify(World& world, Call call) {
    return stringify_json(world, call.argument(0), call.argument(1), call.argument(2));
}

constexpr std::array kMethods{MethodSpec{"parse", parse, 2}, MethodSpec{"stringify", stringify, 3}};

}  // namespace

constinit const BuiltinSpec kJsonSpec{.name = "JSON", .methods = kMethods, .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
