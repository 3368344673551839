// Number, Boolean, Symbol, BigInt and Math.
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "values/bigint.h"
#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

// The primitive that `this` is or boxes.
Completion<Value> primitive_of(World& world, const Value& self, Kind kind,
                               std::string_view method) {
    if (self.kind() == kind) {
        return self;
    }
    if (const auto* const wrapper = self.as<WrapperObject>();
        wrapper != nullptr && wrapper->primitive().kind() == kind) {
        return wrapper->primitive();
    }
    const std::string class_name(method.substr(0, method.find('.')));
    return world.type_error(std::string(method) + " requires that 'this' be a " + class_name);
}

Value wrapped(World& world, const Call& call, Builtin builtin, Value primitive) {
    return call.constructs() ? Value(world.heap().make<WrapperObject>(
                                   world.prototype_for(call, builtin), std::move(primitive)))
                             : primitive;
}

Eventual<Value> number_construct(World& world, Call call) {
    double number = 0;
    if (!call.arguments.empty()) {
        const Value numeric = co_await to_numeric(world, call.arguments[0]);
        number = numeric.is_bigint() ? numeric.bigint().to_double() : numeric.number();
    }
    co_return wrapped(world, call, Builtin::kNumber, Value(number));
}

Eventual<Value> number_text(World& world, Call call) {
    const Value number =
        co_await primitive_of(world, call.self, Kind::kNumber, "Number.prototype.toString");
    const double radix = co_await integer_or(world, call.argument(0), 10);
    if (radix < 2 || radix > 36) {
        co_return world.range_error("toString() radix must be between 2 and 36");
    }
    co_return world.string(number_to_text(number.number(), static_cast<int>(radix)));
}

// Digits with commas, three decimals at most, as en-US writes them.
Eventual<Value> number_locale_text(World& world, Call call) {
    const Value number =
        co_await primitive_of(world, call.self, Kind::kNumber, "Number.prototype.toLocaleString");
    const double magnitude = std::abs(number.number());
    if (std::isnan(magnitude)) {
        co_return world.string("NaN");
    }
    if (std::isinf(magnitude)) {
        co_return world.string(number.number() < 0 ? "-∞" : "∞");
    }
    std::string text = number_to_fixed(magnitude, 3);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) {
        text.pop_back();
    }
    for (std::size_t at = std::min(text.find('.'), text.size()); at > 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    co_return world.string((std::signbit(number.number()) ? "-" : "") + text);
}

enum class Format : std::uint8_t { kFixed, kExponential, kPrecision };

template <Format kFormat>
Eventual<Value> number_formatted(World& world, Call call) {
    constexpr std::array<std::string_view, 3> kNames{"toFixed", "toExponential", "toPrecision"};
    constexpr auto kName = kNames[static_cast<std::size_t>(kFormat)];
    const Value value = co_await primitive_of(world, call.self, Kind::kNumber,
                                              "Number.prototype." + std::string(kName));
    const double number = value.number();
    const double digits = co_await integer_or(world, call.argument(0), 0);
    if (kFormat == Format::kPrecision && call.argument(0).is_undefined()) {
        co_return world.string(number_to_text(number));
    }
    constexpr double kLeast = kFormat == Format::kPrecision ? 1 : 0;
    if ((digits < kLeast || digits > 100) && (kFormat == Format::kFixed || std::isfinite(number))) {
        co_return world.range_error(
            std::string(kName) + "() " +
            (kFormat == Format::kFixed         ? "digits argument must be between 0 and 100"
             : kFormat == Format::kExponential ? "argument must be between 0 and 100"
                                               : "argument must be between 1 and 100"));
    }
    const int count = static_cast<int>(digits);
    if constexpr (kFormat == Format::kFixed) {
        co_return world.string(number_to_fixed(number, count));
    } else if constexpr (kFormat == Format::kExponential) {
        co_return world.string(number_to_exponential(
            number, call.argument(0).is_undefined() ? std::nullopt : std::optional(count)));
    } else {
        co_return world.string(number_to_precision(number, count));
    }
}

template <Kind kKind>
Eventual<Value> value_of(World& world, Call call) {
    constexpr std::string_view kMethod = kKind == Kind::kNumber    ? "Number.prototype.valueOf"
                                         : kKind == Kind::kBoolean ? "Boolean.prototype.valueOf"
                                         : kKind == Kind::kSymbol  ? "Symbol.prototype.valueOf"
                                                                   : "BigInt.prototype.valueOf";
    return primitive_of(world, call.self, kKind, kMethod);
}

bool is_integral(const Value& value) {
    return value.is_number() && std::isfinite(value.number()) &&
           std::trunc(value.number()) == value.number();
}

Eventual<Value> is_finite(World& /*world*/, Call call) {
    return Value(call.argument(0).is_number() && std::isfinite(call.argument(0).number()));
}
Eventual<Value> is_integer(World& /*world*/, Call call) {
    return Value(is_integral(call.argument(0)));
}
Eventual<Value> is_nan(World& /*world*/, Call call) {
    return Value(call.argument(0).is_number() && std::isnan(call.argument(0).number()));
}
Eventual<Value> is_safe_integer(World& /*world*/, Call call) {
    return Value(is_integral(call.argument(0)) &&
                 std::abs(call.argument(0).number()) <= 9007199254740991.0);
}

void number_statics(World& world, Object& constructor) {
    constexpr std::array kConstants{
        std::pair(std::string_view("EPSILON"), std::numeric_limits<double>::epsilon()),
        std::pair(std::string_view("MAX_SAFE_INTEGER"), 9007199254740991.0),
        std::pair(std::string_view("MAX_VALUE"), std::numeric_limits<double>::max()),
        std::pair(std::string_view("MIN_SAFE_INTEGER"), -9007199254740991.0),
        std::pair(std::string_view("MIN_VALUE"), std::numeric_limits<double>::denorm_min()),
        std::pair(std::string_view("NaN"), std::numeric_limits<double>::quiet_NaN()),
        std::pair(std::string_view("NEGATIVE_INFINITY"), -std::numeric_limits<double>::infinity()),
        std::pair(std::string_view("POSITIVE_INFINITY"), std::numeric_limits<double>::infinity()),
    };
    for (const auto& [name, number] : kConstants) {
        constructor.put(world.key(name), Value(number), kFixed);
    }
    for (const std::string_view name : {"parseFloat", "parseInt"}) {
        constructor.put(world.key(name), peek(world, world.global(), world.key(name)), kHidden);
    }
}

constexpr std::array kNumberStatics{
    MethodSpec{"isFinite", is_finite, 1},
    MethodSpec{"isInteger", is_integer, 1},
    MethodSpec{"isNaN", is_nan, 1},
    MethodSpec{"isSafeInteger", is_safe_integer, 1},
};
constexpr std::array kNumberMethods{
    MethodSpec{"toExponential", number_formatted<Format::kExponential>, 1},
    MethodSpec{"toFixed", number_formatted<Format::kFixed>, 1},
    MethodSpec{"toLocaleString", number_locale_text, 0},
    MethodSpec{"toPrecision", number_formatted<Format::kPrecision>, 1},
    MethodSpec{"toString", number_text, 1},
    MethodSpec{"valueOf", value_of<Kind::kNumber>, 0},
};

// --- Boolean -------------------------------------------------------------------------------------

Eventual<Value> boolean_construct(World& world, Call call) {
    return wrapped(world, call, Builtin::kBoolean, Value(to_boolean(call.argument(0))));
}

Eventual<Value> boolean_text(World& world, Call call) {
    const Value value =
        co_await primitive_of(world, call.self, Kind::kBoolean, "Boolean.prototype.toString");
    co_return world.string(value.boolean() ? "true" : "false");
}

constexpr std::array kBooleanMethods{MethodSpec{"toString", boolean_text, 0},
                                     MethodSpec{"valueOf", value_of<Kind::kBoolean>, 0}};

// --- Symbol --------------------------------------------------------------------------------------

Eventual<Value> symbol_construct(World& world, Call call) {
    if (call.constructs()) {
        co_return world.type_error("Symbol is not a constructor");
    }
    Value description;
    if (!call.argument(0).is_undefined()) {
        description = Value(co_await to_string(world, call.argument(0)));
    }
    co_return Value(world.heap().make<Symbol>(description));
}

Eventual<Value> symbol_for(World& world, Call call) {
    const Ref<String> key = co_await to_string(world, call.argument(0));
    co_return Value(world.registered_symbol(key->utf8()));
}

Eventual<Value> symbol_key_for(World& world, Call call) {
    if (!call.argument(0).is_symbol()) {
        return world.type_error(describe(world, call.argument(0)) + " is not a symbol");
    }
    const auto key = world.key_of_symbol(call.argument(0).symbol());
    return key ? world.string(*key) : Value();
}

Eventual<Value> symbol_text(World& world, Call call) {
    const Value symbol =
        co_await primitive_of(world, call.self, Kind::kSymbol, "Symbol.prototype.toString");
    co_return world.string(describe(world, symbol));
}

Eventual<Value> symbol_description(World& world, Call call) {
    const Value symbol =
        co_await primitive_of(world, call.self, Kind::kSymbol, "Symbol.prototype.description");
    co_return symbol.symbol().description();
}

void symbol_statics(World& world, Object& constructor) {
    for (const Ref<Symbol>& symbol : world.names().symbols) {
        const std::string name = symbol->description().string().utf8();
        constructor.put(world.key(name.substr(name.find('.') + 1)), symbol, kFixed);
    }
    for (const std::string_view name : {"match", "matchAll", "replace", "search", "split"}) {
        constructor.put(world.key(name),
                        world.heap().make<Symbol>(world.string("Symbol." + std::string(name))),
                        kFixed);
    }
}

constexpr std::array kSymbolStatics{MethodSpec{"for", symbol_for, 1},
                                    MethodSpec{"keyFor", symbol_key_for, 1}};
constexpr std::array kSymbolMethods{MethodSpec{"toString", symbol_text, 0},
                                    MethodSpec{"valueOf", value_of<Kind::kSymbol>, 0},
                                    MethodSpec{"@@toPrimitive", value_of<Kind::kSymbol>, 1}};
constexpr std::array kSymbolGetters{MethodSpec{"description", symbol_description, 0}};

// --- BigInt --------------------------------------------------------------------------------------

Eventual<Value> bigint_construct(World& world, Call call) {
    if (call.constructs()) {
        co_return world.type_error("BigInt is not a constructor");
    }
    const Value primitive = co_await to_primitive(world, call.argument(0), Hint::kNumber);
    if (!primitive.is_number()) {
        co_return co_await to_bigint(world, primitive);
    }
    if (!is_integral(primitive)) {
        co_return world.range_error(
            "The number " + number_to_text(primitive.number()) +
            " cannot be converted to a BigInt because it is not an integer");
    }
    co_return bigint_of_double(world, primitive.number());
}

Eventual<Value> bigint_text(World& world, Call call) {
    const Value value =
        co_await primitive_of(world, call.self, Kind::kBigInt, "BigInt.prototype.toString");
    const double radix = co_await integer_or(world, call.argument(0), 10);
    if (radix < 2 || radix > 36) {
        co_return world.range_error("toString() radix must be between 2 and 36");
    }
    const std::size_t limbs = value.bigint().limbs().size();
    co_await world.step(limbs * limbs * 64);
    co_return world.string(value.bigint().text(static_cast<int>(radix)));
}

template <bool kIsSigned>
Eventual<Value> as_n(World& world, Call call) {
    const double bits = co_await to_index(world, call.argument(0),
                                          "Invalid value: not (convertible to) a safe integer");
    const Value value = co_await to_bigint(world, call.argument(1));
    if constexpr (kIsSigned) {
        co_return bigint_as_int(world, bits, value.bigint());
    } else {
        co_return bigint_as_uint(world, bits, value.bigint());
    }
}

constexpr std::array kBigIntStatics{MethodSpec{"asIntN", as_n<true>, 2},
                                    MethodSpec{"asUintN", as_n<false>, 2}};
constexpr std::array kBigIntMethods{MethodSpec{"toLocaleString", bigint_text, 0},
                                    MethodSpec{"toString", bigint_text, 0},
                                    MethodSpec{"valueOf", value_of<Kind::kBigInt>, 0}};

}  // namespace

constinit const BuiltinSpec kNumberSpec{.name = "Number",
                                        .construct = number_construct,
                                        .length = 1,
                                        .methods = kNumberMethods,
                                        .statics = kNumberStatics,
                                        .more_statics = number_statics};
constinit const BuiltinSpec kBooleanSpec{
    .name = "Boolean", .construct = boolean_construct, .length = 1, .methods = kBooleanMethods};
constinit const BuiltinSpec kSymbolSpec{.name = "Symbol",
                                        .construct = symbol_construct,
                                        .methods = kSymbolMethods,
                                        .getters = kSymbolGetters,
                                        .statics = kSymbolStatics,
                                        .more_statics = symbol_statics,
                                        .tagged = true};
constinit const BuiltinSpec kBigIntSpec{.name = "BigInt",
                                        .construct = bigint_construct,
                                        .length = 1,
                                        .methods = kBigIntMethods,
                                        .statics = kBigIntStatics,
                                        .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
