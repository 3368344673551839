#include "values/operations.h"

#include <array>
#include <string>

#include "values/collections.h"
#include "values/operators.h"

namespace realm::values {

namespace {

constexpr Value kUndefined;

// Keeps the function alive for as long as its call takes.
Eventual<Value> held(Eventual<Value> running, Value /*kept*/, Value /*self*/) {
    co_return co_await std::move(running);
}

Eventual<Value> run_getter(World& world, const Value& pair, const Value& receiver) {
    const Value getter = static_cast<const AccessorPair&>(pair.cell()).getter();
    if (getter.is_undefined()) {
        return Value();
    }
    auto running = call(world, getter, receiver, {});
    if (running.ready()) {
        return running;
    }
    return held(std::move(running), getter, receiver);
}

std::optional<Property> lookup(World& world, Object& object, const PropertyKey& key) {
    for (Object* at = &object; at != nullptr; at = at->prototype()) {
        if (auto found = at->own_property(world, key)) {
            return found;
        }
    }
    return std::nullopt;
}

// Whose properties a primitive has.
Object& prototype_of_primitive(World& world, const Value& value) {
    switch (value.kind()) {
        case Kind::kString:
            return world.prototype(Builtin::kString);
        case Kind::kNumber:
            return world.prototype(Builtin::kNumber);
        case Kind::kBoolean:
            return world.prototype(Builtin::kBoolean);
        case Kind::kBigInt:
            return world.prototype(Builtin::kBigInt);
        default:
            return world.prototype(Builtin::kSymbol);
    }
}

std::unexpected<Thrown> not_readable(World& world, const Value& base, const PropertyKey& key) {
    return world.type_error("Cannot read properties of " +
                            std::string(base.is_null() ? "null" : "undefined") + " (reading '" +
                            key.text() + "')");
}

std::unexpected<Thrown> not_writable(World& world, const Value& base, const PropertyKey& key) {
    const std::string name = key.text();
    if (!base.is_object()) {
        return world.type_error(
            "Cannot create property '" + name + "' on " + std::string(type_of(base)) + " '" +
            (base.is_symbol() ? "Symbol" : primitive_to_string(world, base)->utf8()) + "'");
    }
    Object& object = base.object();
    const auto found = lookup(world, object, key);
    if (found && found->is_accessor()) {
        return world.type_error("Cannot set property " + name + " of " + describe(world, base) +
                                " which has only a getter");
    }
    if (found) {
        return world.type_error("Cannot assign to read only property '" + name + "' of " +
                                "object '" + describe(world, base) + "'");
    }
    return world.type_error("Cannot add property " + name + ", object is not extensible");
}

Eventual<bool> run_setter(World& world, Value pair, Value receiver, Value value) {
    const Value setter = static_cast<const AccessorPair&>(pair.cell()).setter();
    if (setter.is_undefined()) {
        co_return false;
    }
    const std::array arguments{value};
    co_await call(world, setter, receiver, arguments);
    co_return true;
}

// The end of OrdinarySet: the receiver gets or changes a data property.
Completion<bool> set_on_receiver(World& world, const PropertyKey& key, const Value& value,
                                 const Value& receiver) {
    if (!receiver.is_object()) {
        return false;
    }
    Object& target = receiver.object();
    if (const auto own = target.own_property(world, key)) {
        if (own->is_accessor() || (own->flags & kWritable) == 0) {
            return false;
        }
        return target.define_own(world, key, {.value = value});
    }
    return target.define_own(
        world, key, {.value = value, .writable = true, .enumerable = true, .configurable = true});
}

Eventual<Value> set_slowly(World& world, Value base, PropertyKey key, Value value) {
    Ref<Object> object(base.is_object() ? &base.object() : &prototype_of_primitive(world, base));
    const bool done = co_await set_in(world, *object, key, value, base);
    if (!done) {
        co_return not_writable(world, base, key);
    }
    co_return value;
}

}  // namespace

Eventual<Value> get_from(World& world, Object& object, const PropertyKey& key,
                         const Value& receiver) {
    const auto found = lookup(world, object, key);
    if (!found) {
        return Value();
    }
    return found->is_accessor() ? run_getter(world, found->value, receiver)
                                : Eventual<Value>(found->value);
}

Eventual<Value> get(World& world, const Value& base, const PropertyKey& key) {
    if (base.is_object()) {
        return get_from(world, base.object(), key, base);
    }
    if (base.is_nullish()) {
        return not_readable(world, base, key);
    }
    if (base.is_string()) {
        String& text = base.string();
        if (key == world.names().length) {
            return Value(text.length());
        }
        if (key.is_index()) {
            return key.index() < text.length()
                       ? Value(substring(world.heap(), text, key.index(), key.index() + 1))
                       : Value();
        }
    }
    return get_from(world, prototype_of_primitive(world, base), key, base);
}

namespace {

Eventual<Value> get_with_object_key(World& world, Value base, Value key) {
    const PropertyKey name = co_await to_property_key(world, key);
    co_return co_await get(world, base, name);
}

Eventual<Value> set_with_object_key(World& world, Value base, Value key, Value value) {
    const PropertyKey name = co_await to_property_key(world, key);
    co_return co_await set(world, base, name, value);
}

}  // namespace

Eventual<Value> get(World& world, const Value& base, const Value& key) {
    if (key.is_object() && !base.is_nullish()) {
        return get_with_object_key(world, base, key);
    }
    if (key.is_number() && base.is_object()) {
        // The way of loops over arrays.
        const auto index = static_cast<std::uint32_t>(
            key.number() >= 0 && key.number() < 4294967295.0 ? key.number() : 0);
        if (static_cast<double>(index) == key.number()) {
            return get_from(world, base.object(), PropertyKey(index), base);
        }
    }
    if (base.is_nullish() && key.is_object()) {
        return world.type_error("Cannot read properties of " +
                                std::string(base.is_null() ? "null" : "undefined"));
    }
    auto name = to_property_key(world, key).take();
    if (!name) {
        return std::unexpected(std::move(name.error()));
    }
    return get(world, base, *name);
}

Eventual<Value> set(World& world, const Value& base, const PropertyKey& key, const Value& value) {
    if (base.is_object()) {
        if (auto done = base.object().set_fast(world, key, value)) {
            if (!*done) {
                return std::unexpected(std::move(done->error()));
            }
            return **done ? Eventual<Value>(value) : not_writable(world, base, key);
        }
    } else if (base.is_nullish()) {
        return world.type_error("Cannot set properties of " +
                                std::string(base.is_null() ? "null" : "undefined") + " (setting '" +
                                key.text() + "')");
    }
    return set_slowly(world, base, key, value);
}

Eventual<Value> set(World& world, const Value& base, const Value& key, const Value& value) {
    if (key.is_object()) {
        return set_with_object_key(world, base, key, value);
    }
    auto name = to_property_key(world, key).take();
    if (!name) {
        return std::unexpected(std::move(name.error()));
    }
    return set(world, base, *name, value);
}

Eventual<bool> set_in(World& world, Object& object, const PropertyKey& key, const Value& value,
                      const Value& receiver) {
    if (receiver.is_object() && &receiver.object() == &object) {
        if (auto done = object.set_fast(world, key, value)) {
            return std::move(*done);
        }
    }
    if (const auto found = lookup(world, object, key)) {
        if (found->is_accessor()) {
            return run_setter(world, found->value, receiver, value);
        }
        if ((found->flags & kWritable) == 0) {
            return false;
        }
    }
    return set_on_receiver(world, key, value, receiver);
}

bool has_property(World& world, Object& object, const PropertyKey& key) {
    return lookup(world, object, key).has_value();
}

Eventual<Value> delete_property(World& world, const Value& base, const Value& key) {
    if (base.is_nullish()) {
        co_return world.type_error("Cannot convert undefined or null to object");
    }
    const PropertyKey name = co_await to_property_key(world, key);
    if (base.is_object() && !base.object().delete_own(world, name)) {
        co_return world.type_error("Cannot delete property '" + name.text() + "' of " +
                                   describe(world, base));
    }
    co_return Value(true);
}

Value from_descriptor(World& world, const std::optional<Property>& property) {
    if (!property) {
        return {};
    }
    const Names& names = world.names();
    const auto flag = [&](PropertyFlags bit) { return Value((property->flags & bit) != 0); };
    const Ref<Object> out = world.object();
    if (property->is_accessor()) {
        const auto& pair = static_cast<const AccessorPair&>(property->value.cell());
        out->put(names.get, pair.getter());
        out->put(names.set, pair.setter());
    } else {
        out->put(names.value, property->value);
        out->put(names.writable, flag(kWritable));
    }
    out->put(names.enumerable, flag(kEnumerable));
    out->put(names.configurable, flag(kConfigurable));
    return out;
}

Eventual<Descriptor> to_descriptor(World& world, Value object) {
    if (!object.is_object()) {
        co_return world.type_error("Property description must be an object: " +
                                   describe(world, object));
    }
    const Names& names = world.names();
    Descriptor out;
    Object& source = object.object();
    const std::array flags{std::pair(&names.enumerable, &out.enumerable),
                           std::pair(&names.configurable, &out.configurable),
                           std::pair(&names.writable, &out.writable)};
    for (const auto& [key, flag] : flags) {
        if (has_property(world, source, *key)) {
            const Value value = co_await get(world, object, *key);
            *flag = to_boolean(value);
        }
    }
    if (has_property(world, source, names.value)) {
        Value value = co_await get(world, object, names.value);
        out.value = std::move(value);
    }
    const std::array accessors{std::tuple(&names.get, &out.getter, "Getter"),
                               std::tuple(&names.set, &out.setter, "Setter")};
    for (const auto& [key, accessor, word] : accessors) {
        if (!has_property(world, source, *key)) {
            continue;
        }
        Value function = co_await get(world, object, *key);
        if (!function.is_undefined() && !is_callable(function)) {
            co_return world.type_error(std::string(word) +
                                       " must be a function: " + describe(world, function));
        }
        *accessor = std::move(function);
    }
    if ((out.getter || out.setter) && (out.value || out.writable)) {
        co_return world.type_error(
            "Invalid property descriptor. Cannot both specify accessors and a value or writable "
            "attribute");
    }
    co_return out;
}

Completion<std::vector<PropertyKey>> own_keys(World& world, Object& object) {
    const std::size_t count = object.key_count(world);
    if (auto stepped = world.step(count); !stepped) {
        return std::unexpected(std::move(stepped.error()));
    }
    if (auto allowed = world.admit(2 * count * sizeof(PropertyKey)); !allowed) {
        return std::unexpected(std::move(allowed.error()));
    }
    return object.list_keys(world);
}

Completion<std::vector<PropertyKey>> enumerable_keys(World& world, Object& object) {
    auto keys = own_keys(world, object);
    if (!keys) {
        return keys;
    }
    std::erase_if(*keys, [&](const PropertyKey& key) {
        if (key.is_symbol()) {
            return true;
        }
        const auto own = object.own_property(world, key);
        return !own || (own->flags & kEnumerable) == 0;
    });
    return keys;
}

bool is_callable(const Value& value) {
    return value.is_object() && value.object().is_callable();
}

bool is_constructor(const Value& value) {
    return is_callable(value) && static_cast<const Function&>(value.object()).is_constructor();
}

Eventual<Value> call(World& world, const Value& callee, const Value& self, Arguments arguments,
                     std::string_view described) {
    if (!is_callable(callee)) {
        return world.type_error(
            (described.empty() ? describe(world, callee) : std::string(described)) +
            " is not a function");
    }
    if (auto stepped = world.step(); !stepped) {
        return std::unexpected(std::move(stepped.error()));
    }
    const World::Depth depth(world);
    if (auto allowed = depth.check(); !allowed) {
        return std::unexpected(std::move(allowed.error()));
    }
    auto& function = static_cast<Function&>(callee.object());
    return function.run(world, Call{.self = self, .arguments = arguments, .callee = &function});
}

Eventual<Value> invoke(World& world, const Value& base, const PropertyKey& key, Arguments arguments,
                       std::string_view described) {
    auto found = get(world, base, key);
    if (found.ready()) {
        auto function = found.take();
        if (!function) {
            return std::unexpected(std::move(function.error()));
        }
        if (!is_callable(*function) && described.empty()) {
            return world.type_error(key.text() + " is not a function");
        }
        auto running = call(world, *function, base, arguments, described);
        if (running.ready()) {
            return running;
        }
        return held(std::move(running), *function, base);
    }
    struct Later {
        static Eventual<Value> run(World& world, Eventual<Value> found, Value base,
                                   Arguments arguments, std::string described) {
            const Value function = co_await std::move(found);
            co_return co_await call(world, function, base, arguments, described);
        }
    };
    return Later::run(world, std::move(found), base, arguments,
                      described.empty() ? key.text() : std::string(described));
}

Eventual<Value> construct(World& world, const Value& callee, Arguments arguments,
                          std::string_view described) {
    if (!is_constructor(callee)) {
        return world.type_error(
            (described.empty() ? describe(world, callee) : std::string(described)) +
            " is not a constructor");
    }
    auto& function = static_cast<Function&>(callee.object());
    return construct(world, function, arguments, function);
}

Eventual<Value> construct(World& world, Function& callee, Arguments arguments, Object& new_target) {
    if (auto stepped = world.step(); !stepped) {
        return std::unexpected(std::move(stepped.error()));
    }
    const World::Depth depth(world);
    if (auto allowed = depth.check(); !allowed) {
        return std::unexpected(std::move(allowed.error()));
    }
    return callee.run(
        world,
        Call{.self = {}, .arguments = arguments, .callee = &callee, .new_target = &new_target});
}

namespace {

Eventual<bool> is_instance(World& world, Value value, Value target) {
    const Value prototype = co_await get(world, target, world.names().prototype);
    if (!value.is_object()) {
        co_return false;
    }
    if (!prototype.is_object()) {
        co_return world.type_error("Function has non-object prototype '" +
                                   describe(world, prototype) + "' in instanceof check");
    }
    for (const Object* at = value.object().prototype(); at != nullptr; at = at->prototype()) {
        if (at == &prototype.object()) {
            co_return true;
        }
    }
    co_return false;
}

Eventual<bool> instance_by_method(World& world, Value value, Value target) {
    const Value method = co_await get(world, target, world.names().has_instance);
    if (!method.is_nullish()) {
        const std::array arguments{value};
        const Value answer = co_await call(world, method, target, arguments);
        co_return to_boolean(answer);
    }
    if (!is_callable(target)) {
        co_return world.type_error("Right-hand side of 'instanceof' is not callable");
    }
    if (const auto* const bound = target.as<BoundFunction>()) {
        const Value inner = Value::of(bound->target());
        co_return co_await instance_of(world, value, inner);
    }
    co_return co_await is_instance(world, value, target);
}

}  // namespace

Eventual<bool> instance_of(World& world, const Value& value, const Value& target) {
    if (!target.is_object()) {
        return world.type_error("Right-hand side of 'instanceof' is not an object");
    }
    return instance_by_method(world, value, target);
}

bool is_array(const Value& value) {
    return value.as<ArrayObject>() != nullptr;
}

}  // namespace realm::values
