#include "values/convert.h"

#include <array>
#include <cmath>
#include <string>

#include "values/bigint.h"
#include "values/collections.h"
#include "values/operations.h"
#include "values/world.h"

namespace realm::values {

namespace {

std::string_view hint_name(Hint hint) {
    return hint == Hint::kDefault ? "default" : (hint == Hint::kNumber ? "number" : "string");
}

Eventual<Value> object_to_primitive(World& world, Value value, Hint hint) {
    const Names& names = world.names();
    const Value exotic = co_await get(world, value, names.to_primitive);
    if (!exotic.is_nullish()) {
        const std::array arguments{world.string(hint_name(hint))};
        Value result = co_await call(world, exotic, value, arguments);
        if (result.is_object()) {
            co_return world.type_error("Cannot convert object to primitive value");
        }
        co_return result;
    }
    const bool text_first = hint == Hint::kString;
    for (const bool text : {text_first, !text_first}) {
        const Value method = co_await get(world, value, text ? names.to_string : names.value_of);
        if (!is_callable(method)) {
            continue;
        }
        Value result = co_await call(world, method, value, {});
        if (!result.is_object()) {
            co_return result;
        }
    }
    co_return world.type_error("Cannot convert object to primitive value");
}

Eventual<double> primitive_to_number(World& world, const Value& value) {
    switch (value.kind()) {
        case Kind::kUndefined:
            return std::numeric_limits<double>::quiet_NaN();
        case Kind::kNull:
            return 0.0;
        case Kind::kBoolean:
            return value.boolean() ? 1.0 : 0.0;
        case Kind::kNumber:
            return value.number();
        case Kind::kString:
            return text_to_number(value.string());
        case Kind::kBigInt:
            return world.type_error("Cannot convert a BigInt value to a number");
        default:
            return world.type_error("Cannot convert a Symbol value to a number");
    }
}

Eventual<double> object_to_number(World& world, Value value) {
    const Value primitive = co_await to_primitive(world, value, Hint::kNumber);
    co_return co_await primitive_to_number(world, primitive);
}

Eventual<Value> object_to_numeric(World& world, Value value) {
    Value primitive = co_await to_primitive(world, value, Hint::kNumber);
    if (primitive.is_bigint()) {
        co_return primitive;
    }
    const double number = co_await primitive_to_number(world, primitive);
    co_return Value(number);
}

Eventual<Ref<String>> object_to_string(World& world, Value value) {
    const Value primitive = co_await to_primitive(world, value, Hint::kString);
    co_return co_await to_string(world, primitive);
}

Eventual<PropertyKey> object_to_key(World& world, Value value) {
    const Value primitive = co_await to_primitive(world, value, Hint::kString);
    co_return co_await to_property_key(world, primitive);
}

Eventual<double> object_to_integer(World& world, Value value) {
    const double number = co_await to_number(world, value);
    co_return to_integer(number);
}

}  // namespace

bool to_boolean(const Value& value) {
    switch (value.kind()) {
        case Kind::kUndefined:
        case Kind::kNull:
            return false;
        case Kind::kBoolean:
            return value.boolean();
        case Kind::kNumber:
            return value.number() != 0 && !std::isnan(value.number());
        case Kind::kString:
            return value.string().length() > 0;
        case Kind::kBigInt:
            return !value.bigint().is_zero();
        default:
            return true;
    }
}

std::string_view type_of(const Value& value) {
    switch (value.kind()) {
        case Kind::kUndefined:
            return "undefined";
        case Kind::kBoolean:
            return "boolean";
        case Kind::kNumber:
            return "number";
        case Kind::kString:
            return "string";
        case Kind::kSymbol:
            return "symbol";
        case Kind::kBigInt:
            return "bigint";
        default:
            return is_callable(value) ? "function" : "object";
    }
}

Eventual<Value> to_primitive(World& world, const Value& value, Hint hint) {
    return value.is_object() ? object_to_primitive(world, value, hint) : Eventual<Value>(value);
}

Eventual<double> to_number(World& world, const Value& value) {
    return value.is_object() ? object_to_number(world, value) : primitive_to_number(world, value);
}

Eventual<Value> to_numeric(World& world, const Value& value) {
    if (value.is_number() || value.is_bigint()) {
        return value;
    }
    return object_to_numeric(world, value);
}

namespace {

Eventual<Value> object_to_bigint(World& world, Value value) {
    const Value primitive = co_await to_primitive(world, value, Hint::kNumber);
    co_return co_await to_bigint(world, primitive);
}

}  // namespace

Eventual<Value> to_bigint(World& world, const Value& value) {
    switch (value.kind()) {
        case Kind::kBigInt:
            return value;
        case Kind::kBoolean:
            return make_bigint(world, std::int64_t{value.boolean() ? 1 : 0});
        case Kind::kString: {
            auto parsed = parse_bigint(world, value.string());
            if (!parsed) {
                return std::unexpected(std::move(parsed.error()));
            }
            if (*parsed) {
                return std::move(**parsed);
            }
            return world.fail(Builtin::kSyntaxError,
                              "Cannot convert " + value.string().utf8() + " to a BigInt");
        }
        case Kind::kObject:
            return object_to_bigint(world, value);
        case Kind::kSymbol:
            return world.type_error("Cannot convert " + PropertyKey(Ref(&value.symbol())).text() +
                                    " to a BigInt");
        default:
            return world.type_error("Cannot convert " + primitive_to_string(world, value)->utf8() +
                                    " to a BigInt");
    }
}

Eventual<double> to_integer(World& world, const Value& value) {
    if (value.is_number()) {
        return to_integer(value.number());
    }
    return object_to_integer(world, value);
}

Ref<String> primitive_to_string(World& world, const Value& value) {
    switch (value.kind()) {
        case Kind::kUndefined:
            return world.heap().intern("undefined");
        case Kind::kNull:
            return world.heap().intern("null");
        case Kind::kBoolean:
            return world.heap().intern(value.boolean() ? "true" : "false");
        case Kind::kNumber:
            return world.heap().make<String>(number_to_text(value.number()));
        case Kind::kString:
            return Ref(&value.string());
        default:
            return world.heap().make<String>(value.bigint().text());
    }
}

Eventual<Ref<String>> to_string(World& world, const Value& value) {
    if (value.is_object()) {
        return object_to_string(world, value);
    }
    if (value.is_symbol()) {
        return world.type_error("Cannot convert a Symbol value to a string");
    }
    if (value.is_bigint()) {
        // As long as its digits take.
        if (auto stepped =
                world.step(value.bigint().limbs().size() * value.bigint().limbs().size());
            !stepped) {
            return std::unexpected(std::move(stepped.error()));
        }
    }
    return primitive_to_string(world, value);
}

Eventual<PropertyKey> to_property_key(World& world, const Value& value) {
    if (value.is_string()) {
        return PropertyKey(value.string());
    }
    if (value.is_symbol()) {
        return PropertyKey(Ref(&value.symbol()));
    }
    if (value.is_object()) {
        return object_to_key(world, value);
    }
    if (value.is_number() && value.number() >= 0 && value.number() < 4294967295.0 &&
        std::trunc(value.number()) == value.number()) {
        return PropertyKey(static_cast<std::uint32_t>(value.number()));
    }
    return PropertyKey(*primitive_to_string(world, value));
}

Completion<Ref<Object>> to_object(World& world, const Value& value) {
    const auto wrap = [&](Builtin builtin) {
        return Ref<Object>(world.heap().make<WrapperObject>(world.prototype_ref(builtin), value));
    };
    switch (value.kind()) {
        case Kind::kObject:
            return Ref(&value.object());
        case Kind::kBoolean:
            return wrap(Builtin::kBoolean);
        case Kind::kNumber:
            return wrap(Builtin::kNumber);
        case Kind::kString:
            return wrap(Builtin::kString);
        case Kind::kSymbol:
            return wrap(Builtin::kSymbol);
        case Kind::kBigInt:
            return wrap(Builtin::kBigInt);
        default:
            return world.type_error("Cannot convert undefined or null to object");
    }
}

namespace {

Eventual<double> length_by_property(World& world, Value value) {
    const Value length = co_await get(world, value, world.names().length);
    const double number = co_await to_integer(world, length);
    co_return std::min(std::max(number, 0.0), 9007199254740991.0);
}

Eventual<double> index_of_object(World& world, Value value, std::string message) {
    const double number = co_await to_integer(world, value);
    if (number < 0 || number > 9007199254740991.0) {
        co_return world.range_error(message);
    }
    co_return number;
}

}  // namespace

Eventual<double> length_of(World& world, const Value& array_like) {
    if (const auto* const array = array_like.as<ArrayObject>()) {
        return static_cast<double>(array->length());
    }
    return length_by_property(world, array_like);
}

Eventual<double> to_index(World& world, const Value& value, std::string_view message) {
    return index_of_object(world, value, std::string(message));
}

Value peek(World& world, Object& object, const PropertyKey& key) {
    for (Object* at = &object; at != nullptr; at = at->prototype()) {
        if (auto found = at->own_property(world, key)) {
            return found->is_accessor() ? Value() : std::move(found->value);
        }
    }
    return {};
}

Value peek(World& world, const Value& base, std::string_view key) {
    return base.is_object() ? peek(world, base.object(), world.key(key)) : Value();
}

std::string constructor_name(World& world, Object& object) {
    const Value constructor = peek(world, object, world.names().constructor);
    if (!constructor.is_object()) {
        return {};
    }
    const Value name = peek(world, constructor.object(), world.names().name);
    return name.is_string() ? name.string().utf8() : std::string();
}

std::string describe(World& world, const Value& value) {
    if (value.is_string()) {
        return "\"" + value.string().utf8() + "\"";
    }
    if (value.is_symbol()) {
        return PropertyKey(Ref(&value.symbol())).text();
    }
    if (!value.is_object()) {
        return primitive_to_string(world, value)->utf8();
    }
    if (is_callable(value)) {
        const Value name = peek(world, value.object(), world.names().name);
        return "function " + (name.is_string() ? name.string().utf8() : std::string());
    }
    if (is_array(value)) {
        return "[object Array]";
    }
    std::string name = constructor_name(world, value.object());
    return "#<" + (name.empty() ? std::string("Object") : name) + ">";
}

}  // namespace realm::values
