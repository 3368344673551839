// Object and its prototype.
#include <array>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> object_construct(World& world, Call call) {
    if (call.constructs() && call.new_target != call.callee) {
        return Value(world.heap().make<Object>(world.prototype_for(call, Builtin::kObject)));
    }
    if (call.argument(0).is_nullish()) {
        return Value(world.object());
    }
    return Value(*to_object(world, call.argument(0)));
}

Eventual<Value> assign(World& world, Call call) {
    const Ref<Object> target = co_await to_object(world, call.argument(0));
    const Value out(target);
    for (std::size_t i = 1; i < call.arguments.size(); ++i) {
        if (call.arguments[i].is_nullish()) {
            continue;
        }
        const Ref<Object> source = co_await to_object(world, call.arguments[i]);
        const Value from(source);
        const std::vector<PropertyKey> names = co_await own_keys(world, *source);
        for (const PropertyKey& key : names) {
            const auto own = source->own_property(world, key);
            if (!own || (own->flags & kEnumerable) == 0) {
                continue;
            }
            co_await world.step();
            const Value value = co_await get(world, from, key);
            co_await set(world, out, key, value);
        }
        co_await world.check();
    }
    co_return out;
}

Eventual<Value> define_all(World& world, Value target, Value properties) {
    const Ref<Object> source = co_await to_object(world, properties);
    const Value from(source);
    const std::vector<PropertyKey> names = co_await own_keys(world, *source);
    for (const PropertyKey& key : names) {
        const auto own = source->own_property(world, key);
        if (!own || (own->flags & kEnumerable) == 0) {
            continue;
        }
        const Value description = co_await get(world, from, key);
        const Descriptor change = co_await to_descriptor(world, description);
        const bool done = co_await target.object().define_own(world, key, change);
        if (!done) {
            co_return world.type_error("Cannot redefine property: " + key.text());
        }
    }
    co_return target;
}

Eventual<Value> create(World& world, Call call) {
    const Value& prototype = call.argument(0);
    if (!prototype.is_object() && !prototype.is_null()) {
        co_return world.type_error("Object prototype may only be an Object or null: " +
                                   describe(world, prototype));
    }
    const Value made = world.heap().make<Object>(
        prototype.is_object() ? Ref<Object>(&prototype.object()) : Ref<Object>());
    if (!call.argument(1).is_undefined()) {
        co_await define_all(world, made, call.argument(1));
    }
    co_return made;
}

Eventual<Value> define_property(World& world, Call call) {
    const Value& target = call.argument(0);
    if (!target.is_object()) {
        co_return world.type_error("Object.defineProperty called on non-object");
    }
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    const Descriptor change = co_await to_descriptor(world, call.argument(2));
    const bool done = co_await target.object().define_own(world, key, change);
    if (!done) {
        co_return world.type_error(target.object().own_property(world, key)
                                       ? "Cannot redefine property: " + key.text()
                                       : "Cannot define property " + key.text() +
                                             ", object is not extensible");
    }
    co_return target;
}

Eventual<Value> define_properties(World& world, Call call) {
    if (!call.argument(0).is_object()) {
        return world.type_error("Object.defineProperties called on non-object");
    }
    return define_all(world, call.argument(0), call.argument(1));
}

Eventual<Value> list_own(World& world, Value value, IteratorKind kind) {
    const Ref<Object> object = co_await to_object(world, value);
    const Value base(object);
    std::vector<Value> out;
    const std::vector<PropertyKey> names = co_await enumerable_keys(world, *object);
    for (const PropertyKey& key : names) {
        co_await world.step();
        if (kind == IteratorKind::kKeys) {
            out.push_back(key.to_value(world.heap()));
            continue;
        }
        // A getter may have removed what comes after it.
        if (!object->own_property(world, key)) {
            continue;
        }
        Value element = co_await get(world, base, key);
        if (kind == IteratorKind::kEntries) {
            std::vector<Value> pair{key.to_value(world.heap()), std::move(element)};
            element = world.array(std::move(pair));
        }
        out.push_back(std::move(element));
    }
    co_await world.check();
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> keys(World& world, Call call) {
    return list_own(world, call.argument(0), IteratorKind::kKeys);
}
Eventual<Value> values_of(World& world, Call call) {
    return list_own(world, call.argument(0), IteratorKind::kValues);
}
Eventual<Value> entries(World& world, Call call) {
    return list_own(world, call.argument(0), IteratorKind::kEntries);
}

Eventual<Value> from_entries(World& world, Call call) {
    const IteratorRecord record = co_await get_iterator(world, call.argument(0));
    const Ref<Object> out = world.object();
    while (true) {
        const std::optional<Value> entry = co_await iterator_step(world, record);
        if (!entry) {
            co_return Value(out);
        }
        if (!entry->is_object()) {
            co_await iterator_close(world, record);
            co_return world.type_error("Iterator value " + describe(world, *entry) +
                                       " is not an entry object");
        }
        const Value name = co_await get(world, *entry, Value(0));
        const Value value = co_await get(world, *entry, Value(1));
        const PropertyKey key = co_await to_property_key(world, name);
        out->put(key, value);
        co_await world.check();
    }
}

Eventual<Value> own_descriptor(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.argument(0));
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    co_return from_descriptor(world, object->own_property(world, key));
}

Eventual<Value> own_descriptors(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.argument(0));
    const Ref<Object> out = world.object();
    const std::vector<PropertyKey> names = co_await own_keys(world, *object);
    for (const PropertyKey& key : names) {
        out->put(key, from_descriptor(world, object->own_property(world, key)));
    }
    co_return Value(out);
}

Eventual<Value> own_names(World& world, Value value, bool symbols) {
    const Ref<Object> object = co_await to_object(world, value);
    std::vector<Value> out;
    const std::vector<PropertyKey> names = co_await own_keys(world, *object);
    for (const PropertyKey& key : names) {
        if (key.is_symbol() == symbols) {
            out.push_back(key.to_value(world.heap()));
        }
    }
    co_await world.check();
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> own_property_names(World& world, Call call) {
    return own_names(world, call.argument(0), false);
}
Eventual<Value> own_property_symbols(World& world, Call call) {
    return own_names(world, call.argument(0), true);
}

Eventual<Value> get_prototype_of(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.argument(0));
    Object* const prototype = object->prototype();
    co_return prototype == nullptr ? Value::null() : Value::of(*prototype);
}

Completion<void> change_prototype(World& world, Object& object, const Value& prototype) {
    Object* const wanted = prototype.is_object() ? &prototype.object() : nullptr;
    if (wanted == object.prototype()) {
        return {};
    }
    if (!object.is_extensible()) {
        return world.type_error(describe(world, Value::of(object)) + " is not extensible");
    }
    for (const Object* at = wanted; at != nullptr; at = at->prototype()) {
        if (at == &object) {
            return world.type_error("Cyclic __proto__ value");
        }
    }
    object.set_prototype(Ref(wanted));
    return {};
}

Eventual<Value> set_prototype_of(World& world, Call call) {
    const Value& target = call.argument(0);
    const Value& prototype = call.argument(1);
    if (target.is_nullish()) {
        co_return world.type_error("Object.setPrototypeOf called on null or undefined");
    }
    if (!prototype.is_object() && !prototype.is_null()) {
        co_return world.type_error("Object prototype may only be an Object or null: " +
                                   describe(world, prototype));
    }
    if (target.is_object()) {
        co_await change_prototype(world, target.object(), prototype);
    }
    co_return target;
}

Eventual<Value> has_own(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.argument(0));
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    co_return Value(object->own_property(world, key).has_value());
}

Eventual<Value> is(World& /*world*/, Call call) {
    return Value(same_value(call.argument(0), call.argument(1)));
}

Eventual<Value> is_extensible(World& /*world*/, Call call) {
    return Value(call.argument(0).is_object() && call.argument(0).object().is_extensible());
}

Completion<Value> is_fixed(World& world, const Value& value, PropertyFlags forbidden) {
    if (!value.is_object()) {
        return Value(true);
    }
    Object& object = value.object();
    if (object.is_extensible()) {
        return Value(false);
    }
    auto names = own_keys(world, object);
    if (!names) {
        return std::unexpected(std::move(names.error()));
    }
    for (const PropertyKey& key : *names) {
        const auto own = object.own_property(world, key);
        const bool writable =
            own && !own->is_accessor() && (own->flags & forbidden & kWritable) != 0;
        if (writable || (own && (own->flags & kConfigurable) != 0)) {
            return Value(false);
        }
    }
    return Value(true);
}

Eventual<Value> is_frozen(World& world, Call call) {
    return is_fixed(world, call.argument(0), kWritable);
}
Eventual<Value> is_sealed(World& world, Call call) {
    return is_fixed(world, call.argument(0), 0);
}

Eventual<Value> prevent_extensions(World& /*world*/, Call call) {
    if (call.argument(0).is_object()) {
        call.argument(0).object().prevent_extensions();
    }
    return call.argument(0);
}

Completion<Value> fix(World& world, const Value& value, bool freezes) {
    if (!value.is_object()) {
        return value;
    }
    Object& object = value.object();
    if (const auto* const view = value.as<TypedArrayObject>();
        view != nullptr && view->length() > 0) {
        return world.type_error(freezes ? "Cannot freeze array buffer views with elements"
                                        : "Cannot seal array buffer views with elements");
    }
    object.prevent_extensions();
    auto* const array = value.as<ArrayObject>();
    if (array != nullptr && freezes) {
        array->freeze();
    } else if (array != nullptr) {
        array->seal();
    }
    auto names = own_keys(world, object);
    if (!names) {
        return std::unexpected(std::move(names.error()));
    }
    for (const PropertyKey& key : *names) {
        if (array != nullptr && (key.is_index() || key == world.names().length)) {
            continue;
        }
        const auto own = object.own_property(world, key);
        Descriptor change{.configurable = false};
        if (freezes && !own->is_accessor()) {
            change.writable = false;
        }
        if (auto defined = object.define_own(world, key, change); !defined) {
            return std::unexpected(std::move(defined.error()));
        }
    }
    return value;
}

Eventual<Value> freeze(World& world, Call call) {
    return fix(world, call.argument(0), true);
}
Eventual<Value> seal(World& world, Call call) {
    return fix(world, call.argument(0), false);
}

// --- The prototype -------------------------------------------------------------------------------

Eventual<Value> has_own_property(World& world, Call call) {
    const PropertyKey key = co_await to_property_key(world, call.argument(0));
    const Ref<Object> object = co_await to_object(world, call.self);
    co_return Value(object->own_property(world, key).has_value());
}

Eventual<Value> is_prototype_of(World& world, Call call) {
    if (!call.argument(0).is_object()) {
        co_return Value(false);
    }
    const Ref<Object> object = co_await to_object(world, call.self);
    for (const Object* at = call.argument(0).object().prototype(); at != nullptr;
         at = at->prototype()) {
        if (at == object.get()) {
            co_return Value(true);
        }
    }
    co_return Value(false);
}

Eventual<Value> property_is_enumerable(World& world, Call call) {
    const PropertyKey key = co_await to_property_key(world, call.argument(0));
    const Ref<Object> object = co_await to_object(world, call.self);
    const auto own = object->own_property(world, key);
    co_return Value(own && (own->flags & kEnumerable) != 0);
}

Eventual<Value> to_text(World& world, Call call) {
    if (call.self.is_nullish()) {
        co_return world.string(call.self.is_null() ? "[object Null]" : "[object Undefined]");
    }
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value base(object);
    const Value tag = co_await get(world, base, world.names().to_string_tag);
    if (tag.is_string()) {
        TextBuilder out;
        out.add("[object ");
        out.add(tag.string());
        out.add("]");
        co_return Value(out.make(world.heap()));
    }
    co_return world.string("[object " + std::string(object->class_name()) + "]");
}

Eventual<Value> to_locale_text(World& world, Call call) {
    co_return co_await invoke(world, call.self, world.names().to_string, {});
}

Eventual<Value> value_of(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    co_return Value(object);
}

Eventual<Value> get_proto(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    Object* const prototype = object->prototype();
    co_return prototype == nullptr ? Value::null() : Value::of(*prototype);
}

Eventual<Value> set_proto(World& world, Call call) {
    const Value& prototype = call.argument(0);
    if (call.self.is_object() && (prototype.is_object() || prototype.is_null())) {
        co_await change_prototype(world, call.self.object(), prototype);
    }
    co_return Value();
}

void more(World& world, Object& prototype) {
    prototype.put_accessor(world.key("__proto__"), world.native("get __proto__", 0, get_proto),
                           world.native("set __proto__", 1, set_proto), kConfigurable);
}

constexpr std::array kStatics{
    MethodSpec{"assign", assign, 2},
    MethodSpec{"create", create, 2},
    MethodSpec{"defineProperties", define_properties, 2},
    MethodSpec{"defineProperty", define_property, 3},
    MethodSpec{"entries", entries, 1},
    MethodSpec{"freeze", freeze, 1},
    MethodSpec{"fromEntries", from_entries, 1},
    MethodSpec{"getOwnPropertyDescriptor", own_descriptor, 2},
    MethodSpec{"getOwnPropertyDescriptors", own_descriptors, 1},
    MethodSpec{"getOwnPropertyNames", own_property_names, 1},
    MethodSpec{"getOwnPropertySymbols", own_property_symbols, 1},
    MethodSpec{"getPrototypeOf", get_prototype_of, 1},
    MethodSpec{"hasOwn", has_own, 2},
    MethodSpec{"is", is, 2},
    MethodSpec{"isExtensible", is_extensible, 1},
    MethodSpec{"isFrozen", is_frozen, 1},
    MethodSpec{"isSealed", is_sealed, 1},
    MethodSpec{"keys", keys, 1},
    MethodSpec{"preventExtensions", prevent_extensions, 1},
    MethodSpec{"seal", seal, 1},
    MethodSpec{"setPrototypeOf", set_prototype_of, 2},
    MethodSpec{"values", values_of, 1},
};

constexpr std::array kMethods{
    MethodSpec{"hasOwnProperty", has_own_property, 1},
    MethodSpec{"isPrototypeOf", is_prototype_of, 1},
    MethodSpec{"propertyIsEnumerable", property_is_enumerable, 1},
    MethodSpec{"toLocaleString", to_locale_text, 0},
    MethodSpec{"toString", to_text, 0},
    MethodSpec{"valueOf", value_of, 0},
};

}  // namespace

constinit const BuiltinSpec kObjectSpec{.name = "Object",
                                        .construct = object_construct,
                                        .length = 1,
                                        .methods = kMethods,
                                        .statics = kStatics,
                                        .more = more};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
