// What a host adds to JavaScript: console, performance, crypto, timers.
#include <array>
#include <cmath>

#include "base/bytes.h"
#include "values/builtin_specs.h"
#include "values/display.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

template <ConsoleLevel kLevel>
Eventual<Value> write(World& world, Call call) {
    world.services().console(kLevel, console_text(world, call.arguments));
    return Value();
}

Eventual<Value> check_assertion(World& world, Call call) {
    if (to_boolean(call.argument(0))) {
        return Value();
    }
    const Arguments rest = call.arguments.empty() ? call.arguments : call.arguments.subspan(1);
    const std::string text = rest.empty() ? "" : ": " + console_text(world, rest);
    world.services().console(ConsoleLevel::kError, "Assertion failed" + text);
    return Value();
}

// console's groups, counts and times tell nothing that a program could read.
Eventual<Value> nothing(World& /*world*/, Call /*call*/) {
    return Value();
}

constexpr std::array kConsoleMethods{
    MethodSpec{"log", write<ConsoleLevel::kLog>, 0},
    MethodSpec{"info", write<ConsoleLevel::kInfo>, 0},
    MethodSpec{"debug", write<ConsoleLevel::kDebug>, 0},
    MethodSpec{"warn", write<ConsoleLevel::kWarn>, 0},
    MethodSpec{"error", write<ConsoleLevel::kError>, 0},
    MethodSpec{"trace", write<ConsoleLevel::kError>, 0},
    MethodSpec{"dir", write<ConsoleLevel::kLog>, 0},
    MethodSpec{"assert", check_assertion, 0},
    MethodSpec{"group", write<ConsoleLevel::kLog>, 0},
    MethodSpec{"groupCollapsed", write<ConsoleLevel::kLog>, 0},
    MethodSpec{"groupEnd", nothing, 0},
    MethodSpec{"clear", nothing, 0},
    MethodSpec{"count", nothing, 0},
    MethodSpec{"countReset", nothing, 0},
    MethodSpec{"time", nothing, 0},
    MethodSpec{"timeEnd", nothing, 0},
    MethodSpec{"timeLog", nothing, 0},
};

// --- performance ---------------------------------------------------------------------------------

Eventual<Value> performance_now(World& world, Call /*call*/) {
    return Value(world.services().steady_ms());
}

// Node's entries are objects that nobody here looks at again.
Eventual<Value> performance_mark(World& world, Call /*call*/) {
    return Value(world.object());
}

constexpr std::array kPerformanceMethods{
    MethodSpec{"now", performance_now, 0},      MethodSpec{"mark", performance_mark, 1},
    MethodSpec{"measure", performance_mark, 1}, MethodSpec{"clearMarks", nothing, 0},
    MethodSpec{"clearMeasures", nothing, 0},
};

void more_performance(World& world, Object& performance) {
    performance.put(world.key("timeOrigin"),
                    Value(world.services().wall_ms() - world.services().steady_ms()));
}

// --- crypto --------------------------------------------------------------------------------------

std::unexpected<Thrown> dom_exception(World& world, std::string_view name,
                                      std::string_view message) {
    auto thrown = world.fail(Builtin::kDomException, message);
    thrown.error().value().object().put(world.names().name, world.string(name), kHidden);
    return thrown;
}

Eventual<Value> random_values(World& world, Call call) {
    constexpr std::size_t kMost = 65'536;
    auto* const array = call.argument(0).as<TypedArrayObject>();
    if (array == nullptr || array->type() == ElementType::kFloat32 ||
        array->type() == ElementType::kFloat64) {
        return dom_exception(world, "TypeMismatchError",
                             "The data argument must be an integer-type TypedArray");
    }
    if (array->byte_length() > kMost) {
        return dom_exception(world, "QuotaExceededError",
                             "The requested length exceeds 65,536 bytes");
    }
    world.services().random(array->bytes());
    return call.argument(0);
}

Eventual<Value> random_uuid(World& world, Call /*call*/) {
    std::array<std::byte, 16> bytes{};
    world.services().random(bytes);
    bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte{0x40};
    bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
    std::string text = base::to_hex(bytes);
    for (const std::size_t dash : {8U, 13U, 18U, 23U}) {
        text.insert(dash, "-");
    }
    return world.string(text);
}

constexpr std::array kCryptoMethods{MethodSpec{"getRandomValues", random_values, 1},
                                    MethodSpec{"randomUUID", random_uuid, 0}};

// --- Timers, as what setTimeout gives ------------------------------------------------------------

Eventual<Value> itself(World& /*world*/, Call call) {
    return call.self;
}

Eventual<Value> timer_id(World& world, Call call) {
    return get(world, call.self, world.key("id"));
}

Eventual<Value> has_ref(World& /*world*/, Call /*call*/) {
    return Value(true);
}

constexpr std::array kTimeoutMethods{
    MethodSpec{"ref", itself, 0},
    MethodSpec{"unref", itself, 0},
    MethodSpec{"hasRef", has_ref, 0},
    MethodSpec{"@@toPrimitive", timer_id, 0},
};

Eventual<Value> no_timeout(World& world, Call /*call*/) {
    return world.type_error("Illegal constructor");
}

}  // namespace

constinit const BuiltinSpec kConsoleSpec{
    .name = "console", .methods = kConsoleMethods, .tagged = true};
constinit const BuiltinSpec kPerformanceSpec{.name = "Performance",
                                             .methods = kPerformanceMethods,
                                             .more = more_performance,
                                             .tagged = true};
constinit const BuiltinSpec kCryptoSpec{
    .name = "Crypto", .methods = kCryptoMethods, .tagged = true};
constinit const BuiltinSpec kTimeoutSpec{
    .name = "Timeout", .construct = no_timeout, .methods = kTimeoutMethods};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
