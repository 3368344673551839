// Function and Reflect.
#include <array>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> return_global(World& world, Call /*call*/) {
    return Value::of(world.global());
}

// There is nobody to compile a function's text. Old libraries find the global object with this one.
Eventual<Value> function_construct(World& world, Call call) {
    std::string body;
    if (!call.arguments.empty()) {
        const Ref<String> text = co_await to_string(world, call.arguments.back());
        body = text->utf8();
    }
    if (call.arguments.size() == 1 && (body == "return this" || body == "return this;")) {
        co_return Value(world.native("anonymous", 0, return_global));
    }
    co_return world.fail(Builtin::kEvalError,
                         "Code generation from strings disallowed for this context");
}

Eventual<Value> apply(World& world, Call call) {
    const Value function = call.self;
    if (!is_callable(function)) {
        co_return world.type_error("Function.prototype.apply was called on " +
                                   describe(world, function) + ", which is " +
                                   std::string(type_of(function)) + " and not a function");
    }
    std::vector<Value> arguments;
    if (!call.argument(1).is_nullish()) {
        arguments = co_await list_from_array_like(world, call.argument(1));
    }
    co_return co_await values::call(world, function, call.argument(0), arguments);
}

Eventual<Value> call_method(World& world, Call call) {
    if (!is_callable(call.self)) {
        co_return world.type_error("Function.prototype.call was called on " +
                                   describe(world, call.self) + ", which is not a function");
    }
    const Arguments rest = call.arguments.empty() ? call.arguments : call.arguments.subspan(1);
    co_return co_await values::call(world, call.self, call.argument(0), rest);
}

Eventual<Value> bind(World& world, Call call) {
    if (!is_callable(call.self)) {
        co_return world.type_error("Bind must be called on a function");
    }
    auto& target = static_cast<Function&>(call.self.object());
    std::vector<Value> first;
    if (call.arguments.size() > 1) {
        first.assign(call.arguments.begin() + 1, call.arguments.end());
    }
    const Value name = peek(world, target, world.names().name);
    const Value length = peek(world, target, world.names().length);
    const double rest =
        length.is_number() ? std::max(0.0, length.number() - static_cast<double>(first.size())) : 0;
    const auto bound = world.heap().make<BoundFunction>(
        Ref<Object>(target.prototype()), Ref(&target), call.argument(0), std::move(first));
    bound->put(world.names().length, Value(rest), kConfigurable);
    TextBuilder text;
    text.add("bound ");
    if (name.is_string()) {
        text.add(name.string());
    }
    bound->put(world.names().name, text.make(world.heap()), kConfigurable);
    co_return Value(bound);
}

Eventual<Value> function_text(World& world, Call call) {
    if (!is_callable(call.self)) {
        return world.type_error("Function.prototype.toString requires that 'this' be a Function");
    }
    const Value name = peek(world, call.self.object(), world.names().name);
    TextBuilder out;
    out.add("function ");
    if (name.is_string()) {
        out.add(name.string());
    }
    out.add("() { [native code] }");
    return Value(out.make(world.heap()));
}

constexpr std::array kMethods{
    MethodSpec{"apply", apply, 2},
    MethodSpec{"bind", bind, 1},
    MethodSpec{"call", call_method, 1},
    MethodSpec{"toString", function_text, 0},
};

void more(World& world, Object& prototype) {
    prototype.put(world.names().name, world.string(""), kConfigurable);
    prototype.put(world.names().length, Value(0), kConfigurable);
}

// --- Reflect -------------------------------------------------------------------------------------

Completion<Object*> reflected(World& world, const Value& value, std::string_view method) {
    if (value.is_object()) {
        return &value.object();
    }
    return world.type_error("Reflect." + std::string(method) + " called on non-object");
}

Eventual<Value> get_slowly(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "get");
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    const Value receiver = call.arguments.size() > 2 ? call.arguments[2] : call.argument(0);
    co_return co_await get_from(world, *object, key, receiver);
}

Eventual<Value> reflect_get(World& world, Call call) {
    if (call.argument(0).is_object() && call.arguments.size() == 2 &&
        !call.arguments[1].is_object()) {
        return get(world, call.arguments[0], call.arguments[1]);
    }
    return get_slowly(world, std::move(call));
}

Eventual<Value> reflect_set(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "set");
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    const Value receiver = call.arguments.size() > 3 ? call.arguments[3] : call.argument(0);
    const bool done = co_await set_in(world, *object, key, call.argument(2), receiver);
    co_return Value(done);
}

Eventual<Value> reflect_has(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "has");
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    co_return Value(has_property(world, *object, key));
}

Eventual<Value> reflect_apply(World& world, Call call) {
    const Value& function = call.argument(0);
    if (!is_callable(function)) {
        co_return world.type_error(
            "Function.prototype.apply was called on " + describe(world, function) + ", which is " +
            (function.is_object() ? "an object" : "a " + std::string(type_of(function))) +
            " and not a function");
    }
    const std::vector<Value> arguments = co_await list_from_array_like(world, call.argument(2));
    co_return co_await values::call(world, function, call.argument(1), arguments);
}

Eventual<Value> reflect_construct(World& world, Call call) {
    const Value& target = call.argument(0);
    const Value new_target = call.arguments.size() > 2 ? call.arguments[2] : target;
    for (const Value& value : {target, new_target}) {
        if (!is_constructor(value)) {
            co_return world.type_error(describe(world, value) + " is not a constructor");
        }
    }
    const std::vector<Value> arguments = co_await list_from_array_like(world, call.argument(1));
    co_return co_await construct(world, static_cast<Function&>(target.object()), arguments,
                                 new_target.object());
}

Eventual<Value> reflect_define(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "defineProperty");
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    const Descriptor change = co_await to_descriptor(world, call.argument(2));
    const bool done = co_await object->define_own(world, key, change);
    co_return Value(done);
}

Eventual<Value> reflect_delete(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "deleteProperty");
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    co_return Value(object->delete_own(world, key));
}

Eventual<Value> reflect_descriptor(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "getOwnPropertyDescriptor");
    const PropertyKey key = co_await to_property_key(world, call.argument(1));
    co_return from_descriptor(world, object->own_property(world, key));
}

Eventual<Value> reflect_prototype(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "getPrototypeOf");
    co_return object->prototype() == nullptr ? Value::null() : Value::of(*object->prototype());
}

Eventual<Value> reflect_set_prototype(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "setPrototypeOf");
    const Value& prototype = call.argument(1);
    if (!prototype.is_object() && !prototype.is_null()) {
        co_return world.type_error("Object prototype may only be an Object or null: " +
                                   describe(world, prototype));
    }
    Object* const wanted = prototype.is_object() ? &prototype.object() : nullptr;
    for (const Object* at = wanted; at != nullptr; at = at->prototype()) {
        if (at == object) {
            co_return Value(false);
        }
    }
    if (wanted != object->prototype() && !object->is_extensible()) {
        co_return Value(false);
    }
    object->set_prototype(Ref(wanted));
    co_return Value(true);
}

Eventual<Value> reflect_is_extensible(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "isExtensible");
    co_return Value(object->is_extensible());
}

Eventual<Value> reflect_prevent_extensions(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "preventExtensions");
    object->prevent_extensions();
    co_return Value(true);
}

Eventual<Value> reflect_own_keys(World& world, Call call) {
    Object* const object = co_await reflected(world, call.argument(0), "ownKeys");
    std::vector<Value> out;
    const std::vector<PropertyKey> keys = co_await own_keys(world, *object);
    for (const PropertyKey& key : keys) {
        out.push_back(key.to_value(world.heap()));
    }
    co_await world.check();
    co_return Value(world.array(std::move(out)));
}

constexpr std::array kReflectMethods{
    MethodSpec{"apply", reflect_apply, 3},
    MethodSpec{"construct", reflect_construct, 2},
    MethodSpec{"defineProperty", reflect_define, 3},
    MethodSpec{"deleteProperty", reflect_delete, 2},
    MethodSpec{"get", reflect_get, 2},
    MethodSpec{"getOwnPropertyDescriptor", reflect_descriptor, 2},
    MethodSpec{"getPrototypeOf", reflect_prototype, 1},
    MethodSpec{"has", reflect_has, 2},
    MethodSpec{"isExtensible", reflect_is_extensible, 1},
    MethodSpec{"ownKeys", reflect_own_keys, 1},
    MethodSpec{"preventExtensions", reflect_prevent_extensions, 1},
    MethodSpec{"set", reflect_set, 3},
    MethodSpec{"setPrototypeOf", reflect_set_prototype, 2},
};

}  // namespace

constinit const BuiltinSpec kFunctionSpec{.name = "Function",
                                          .construct = function_construct,
                                          .length = 1,
                                          .methods = kMethods,
                                          .more = more};

constinit const BuiltinSpec kReflectSpec{
    .name = "Reflect", .methods = kReflectMethods, .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
