// Math.
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

double sign(double x) {
    return std::isnan(x) || x == 0 ? x : (x > 0 ? 1.0 : -1.0);
}
// Halves up, and the sign of a zero stays.
double round_half_up(double x) {
    const double floor = std::floor(x);
    return std::copysign(x - floor >= 0.5 ? floor + 1 : floor, x);
}
double clz32(double x) {
    return std::countl_zero(to_uint32(x));
}
double fround(double x) {
    return static_cast<float>(x);
}
double imul(double x, double y) {
    return static_cast<std::int32_t>(to_uint32(x) * to_uint32(y));
}
double power(double x, double y) {
    return std::isnan(y) || (std::abs(x) == 1 && std::isinf(y))
               ? std::numeric_limits<double>::quiet_NaN()
               : std::pow(x, y);
}

Eventual<Value> unary_slowly(World& world, Value argument, double (*function)(double)) {
    const double x = co_await to_number(world, argument);
    co_return Value(function(x));
}

template <double (*kFunction)(double)>
Eventual<Value> unary(World& world, Call call) {
    const Value& x = call.argument(0);
    return x.is_number() ? Eventual<Value>(Value(kFunction(x.number())))
                         : unary_slowly(world, x, kFunction);
}

template <double (*kFunction)(double, double)>
Eventual<Value> two(World& world, Call call) {
    const double x = co_await to_number(world, call.argument(0));
    const double y = co_await to_number(world, call.argument(1));
    co_return Value(kFunction(x, y));
}

Eventual<std::vector<double>> numbers_of(World& world, Call call) {
    std::vector<double> out;
    for (const Value& argument : call.arguments) {
        const double x = co_await to_number(world, argument);
        out.push_back(x);
    }
    co_return out;
}

Eventual<Value> max(World& world, Call call) {
    double out = -std::numeric_limits<double>::infinity();
    const std::vector<double> all = co_await numbers_of(world, std::move(call));
    for (const double x : all) {
        if (std::isnan(x) || std::isnan(out)) {
            out = std::numeric_limits<double>::quiet_NaN();
        } else if (x > out || (x == 0 && out == 0 && std::signbit(out))) {
            out = x;
        }
    }
    co_return Value(out);
}

Eventual<Value> min(World& world, Call call) {
    double out = std::numeric_limits<double>::infinity();
    const std::vector<double> all = co_await numbers_of(world, std::move(call));
    for (const double x : all) {
        if (std::isnan(x) || std::isnan(out)) {
            out = std::numeric_limits<double>::quiet_NaN();
        } else if (x < out || (x == 0 && out == 0 && std::signbit(x))) {
            out = x;
        }
    }
    co_return Value(out);
}

Eventual<Value> hypot(World& world, Call call) {
    double out = 0;
    const std::vector<double> all = co_await numbers_of(world, std::move(call));
    for (const double x : all) {
        out = std::hypot(out, x);
    }
    co_return Value(out);
}

// 53 random bits.
Eventual<Value> random(World& world, Call /*call*/) {
    std::uint64_t bits = 0;
    world.services().random(std::as_writable_bytes(std::span(&bits, 1)));
    return Value(static_cast<double>(bits >> 11U) * 0x1p-53);
}

template <double (*kFunction)(double)>
constexpr MethodSpec one(std::string_view name) {
    return {name, unary<kFunction>, 1};
}

constexpr std::array kMethods{
    one<std::abs>("abs"),
    one<std::acos>("acos"),
    one<std::acosh>("acosh"),
    one<std::asin>("asin"),
    one<std::asinh>("asinh"),
    one<std::atan>("atan"),
    one<std::atanh>("atanh"),
    one<std::cbrt>("cbrt"),
    one<std::ceil>("ceil"),
    one<clz32>("clz32"),
    one<std::cos>("cos"),
    one<std::cosh>("cosh"),
    one<std::exp>("exp"),
    one<std::expm1>("expm1"),
    one<std::floor>("floor"),
    one<fround>("fround"),
    one<std::log>("log"),
    one<std::log10>("log10"),
    one<std::log1p>("log1p"),
    one<std::log2>("log2"),
    one<round_half_up>("round"),
    one<sign>("sign"),
    one<std::sin>("sin"),
    one<std::sinh>("sinh"),
    one<std::sqrt>("sqrt"),
    one<std::tan>("tan"),
    one<std::tanh>("tanh"),
    one<std::trunc>("trunc"),
    MethodSpec{"atan2", two<std::atan2>, 2},
    MethodSpec{"imul", two<imul>, 2},
    MethodSpec{"pow", two<power>, 2},
    MethodSpec{"max", max, 2},
    MethodSpec{"min", min, 2},
    MethodSpec{"hypot", hypot, 2},
    MethodSpec{"random", random, 0},
};

void more(World& world, Object& math) {
    constexpr std::array kConstants{
        std::pair(std::string_view("E"), std::numbers::e),
        std::pair(std::string_view("LN10"), std::numbers::ln10),
        std::pair(std::string_view("LN2"), std::numbers::ln2),
        std::pair(std::string_view("LOG10E"), std::numbers::log10e),
        std::pair(std::string_view("LOG2E"), std::numbers::log2e),
        std::pair(std::string_view("PI"), std::numbers::pi),
        std::pair(std::string_view("SQRT1_2"), std::numbers::sqrt2 / 2),
        std::pair(std::string_view("SQRT2"), std::numbers::sqrt2),
    };
    for (const auto& [name, number] : kConstants) {
        math.put(world.key(name), Value(number), kFixed);
    }
}

}  // namespace

constinit const BuiltinSpec kMathSpec{
    .name = "Math", .methods = kMethods, .more = more, .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
