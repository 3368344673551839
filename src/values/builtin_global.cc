// The global object.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "values/base64.h"
#include "values/builtin_specs.h"
#include "values/clone.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> parse_int_native(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    const double radix = co_await to_number(world, call.argument(1));
    co_return Value(parse_int(*text, to_int32(radix)));
}

Eventual<Value> parse_float_native(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    co_return Value(parse_float(*text));
}

Eventual<Value> is_nan(World& world, Call call) {
    const double number = co_await to_number(world, call.argument(0));
    co_return Value(std::isnan(number));
}

Eventual<Value> is_finite(World& world, Call call) {
    const double number = co_await to_number(world, call.argument(0));
    co_return Value(std::isfinite(number));
}

Eventual<Value> clone(World& world, Call call) {
    if (call.arguments.empty()) {
        return world.type_error("The \"value\" argument must be specified");
    }
    return structured_clone(world, call.argument(0));
}

// --- Escapes of URIs -----------------------------------------------------------------------------

constexpr std::string_view kUnreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";
constexpr std::string_view kReserved = ";/?:@&=+$,#";

bool is_in(std::string_view set, char32_t point) {
    return point < 0x80 && set.find(static_cast<char>(point)) != std::string_view::npos;
}

template <bool kKeepsReserved>
Eventual<Value> encode_uri(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    co_await world.step(text->length());
    co_await world.admit(9 * text->length());
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (std::size_t i = 0; i < text->length(); ++i) {
        const char32_t point = text->code_point_at(i);
        if (point >= 0xD800 && point < 0xE000) {
            co_return world.fail(Builtin::kUriError, "URI malformed");
        }
        i += point >= 0x10000 ? 1 : 0;
        if (is_in(kUnreserved, point) || (kKeepsReserved && is_in(kReserved, point))) {
            out.push_back(static_cast<char>(point));
            continue;
        }
        std::string bytes;
        append_utf8(bytes, point);
        for (const char byte : bytes) {
            const auto bits = static_cast<unsigned char>(byte);
            out += '%';
            out += kHex[bits >> 4U];
            out += kHex[bits & 0xFU];
        }
    }
    co_return world.string(out);
}

int hex_digit(char16_t unit) {
    const char16_t lower = unit | 0x20U;
    if (unit >= '0' && unit <= '9') {
        return unit - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The byte of an escape at `at`, or -1.
int escaped_byte(const String& text, std::size_t at) {
    if (at + 2 >= text.length() || text.at(at) != '%') {
        return -1;
    }
    const int high = hex_digit(text.at(at + 1));
    const int low = hex_digit(text.at(at + 2));
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

template <bool kKeepsReserved>
Eventual<Value> decode_uri(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    co_await world.step(text->length());
    co_await world.admit(2 * text->length());
    TextBuilder out;
    for (std::size_t i = 0; i < text->length();) {
        if (text->at(i) != '%') {
            out.add(text->at(i++));
            continue;
        }
        const int first = escaped_byte(*text, i);
        const std::size_t size =
            first < 0 ? 0 : (first < 0x80 ? 1 : (first >= 0xF0 ? 4 : (first >= 0xE0 ? 3 : 2)));
        std::string bytes;
        for (std::size_t k = 0; k < size; ++k) {
            const int byte = escaped_byte(*text, i + 3 * k);
            bytes += static_cast<char>(byte < 0 ? 0xFF : byte);
        }
        const auto decoded = utf16_of(bytes, true);
        if (size == 0 || !decoded) {
            co_return world.fail(Builtin::kUriError, "URI malformed");
        }
        if (kKeepsReserved && decoded->size() == 1 && is_in(kReserved, (*decoded)[0])) {
            out.add_range(*text, i, i + 3);
        } else {
            for (const char16_t unit : *decoded) {
                out.add(unit);
            }
        }
        i += 3 * size;
    }
    co_return Value(out.make(world.heap()));
}

// --- Timers --------------------------------------------------------------------------------------

std::unexpected<Thrown> no_callback(World& world, const Value& value) {
    auto thrown =
        world.type_error("The \"callback\" argument must be of type function. Received " +
                         (value.is_object()    ? describe(world, value)
                          : value.is_nullish() ? describe(world, value)
                                               : "type " + std::string(type_of(value)) + " (" +
                                                     describe(world, value) + ")"));
    thrown.error().value().object().put(world.key("code"), world.string("ERR_INVALID_ARG_TYPE"));
    return thrown;
}

template <bool kRepeats>
Eventual<Value> set_timer(World& world, Call call) {
    if (!is_callable(call.argument(0))) {
        co_return no_callback(world, call.argument(0));
    }
    const double delay = co_await to_number(world, call.argument(1));
    std::vector<Value> rest;
    if (call.arguments.size() > 2) {
        rest.assign(call.arguments.begin() + 2, call.arguments.end());
    }
    co_return world.add_timer(Ref(&static_cast<Function&>(call.argument(0).object())), delay,
                              kRepeats, std::move(rest));
}

Eventual<Value> set_immediate(World& world, Call call) {
    if (!is_callable(call.argument(0))) {
        return no_callback(world, call.argument(0));
    }
    std::vector<Value> rest(call.arguments.begin() + 1, call.arguments.end());
    return world.add_timer(Ref(&static_cast<Function&>(call.argument(0).object())), 0, false,
                           std::move(rest));
}

Eventual<Value> clear_timer(World& world, Call call) {
    world.remove_timer(call.argument(0));
    return Value();
}

Eventual<Value> queue_microtask_native(World& world, Call call) {
    if (!is_callable(call.argument(0))) {
        return no_callback(world, call.argument(0));
    }
    world.queue_microtask(Ref(&static_cast<Function&>(call.argument(0).object())));
    return Value();
}

// --- Base 64 -------------------------------------------------------------------------------------

std::unexpected<Thrown> bad_character(World& world, std::string_view message) {
    auto thrown = world.fail(Builtin::kDomException, message);
    thrown.error().value().object().put(world.names().name, world.string("InvalidCharacterError"),
                                        kHidden);
    return thrown;
}

Eventual<Value> btoa(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    co_await world.step(text->length());
    co_await world.admit(3 * text->length());
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < text->length(); ++i) {
        if (text->at(i) > 0xFF) {
            co_return bad_character(world, "Invalid character");
        }
        bytes.push_back(static_cast<std::byte>(text->at(i)));
    }
    co_return world.string(to_base64(bytes));
}

Eventual<Value> atob(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    co_await world.step(text->length());
    co_await world.admit(3 * text->length());
    std::string digits = text->utf8();
    std::erase_if(digits, [](char c) { return c == ' ' || (c >= 9 && c <= 13); });
    const auto bytes = from_base64(digits);
    if (!bytes || (digits.ends_with('=') && digits.size() % 4 != 0)) {
        co_return bad_character(world, "The string to be decoded is not correctly encoded.");
    }
    TextBuilder out;
    for (const std::byte byte : *bytes) {
        out.add(static_cast<char16_t>(byte));
    }
    co_return Value(out.make(world.heap()));
}

constexpr std::array kFunctions{
    MethodSpec{"parseInt", parse_int_native, 2},
    MethodSpec{"parseFloat", parse_float_native, 1},
    MethodSpec{"isNaN", is_nan, 1},
    MethodSpec{"isFinite", is_finite, 1},
    MethodSpec{"encodeURIComponent", encode_uri<false>, 1},
    MethodSpec{"encodeURI", encode_uri<true>, 1},
    MethodSpec{"decodeURIComponent", decode_uri<false>, 1},
    MethodSpec{"decodeURI", decode_uri<true>, 1},
    MethodSpec{"setTimeout", set_timer<false>, 2},
    MethodSpec{"setInterval", set_timer<true>, 2},
    MethodSpec{"setImmediate", set_immediate, 1},
    MethodSpec{"clearTimeout", clear_timer, 1},
    MethodSpec{"clearInterval", clear_timer, 1},
    MethodSpec{"clearImmediate", clear_timer, 1},
    MethodSpec{"queueMicrotask", queue_microtask_native, 1},
    MethodSpec{"structuredClone", clone, 1},
    MethodSpec{"atob", atob, 1},
    MethodSpec{"btoa", btoa, 1},
};

constexpr std::array kClasses{
    Builtin::kObject,
    Builtin::kFunction,
    Builtin::kArray,
    Builtin::kString,
    Builtin::kNumber,
    Builtin::kBoolean,
    Builtin::kSymbol,
    Builtin::kBigInt,
    Builtin::kError,
    Builtin::kTypeError,
    Builtin::kRangeError,
    Builtin::kSyntaxError,
    Builtin::kReferenceError,
    Builtin::kEvalError,
    Builtin::kUriError,
    Builtin::kAggregateError,
    Builtin::kDomException,
    Builtin::kMap,
    Builtin::kSet,
    Builtin::kWeakMap,
    Builtin::kWeakSet,
    Builtin::kWeakRef,
    Builtin::kDate,
    Builtin::kPromise,
    Builtin::kRegExp,
    Builtin::kArrayBuffer,
    Builtin::kDataView,
    Builtin::kInt8Array,
    Builtin::kUint8Array,
    Builtin::kUint8ClampedArray,
    Builtin::kInt16Array,
    Builtin::kUint16Array,
    Builtin::kInt32Array,
    Builtin::kUint32Array,
    Builtin::kFloat32Array,
    Builtin::kFloat64Array,
    Builtin::kBigInt64Array,
    Builtin::kBigUint64Array,
    Builtin::kTextEncoder,
    Builtin::kTextDecoder,
};

constexpr std::array kNamespaces{
    std::pair(std::string_view("Math"), Builtin::kMath),
    std::pair(std::string_view("JSON"), Builtin::kJson),
    std::pair(std::string_view("Reflect"), Builtin::kReflect),
    std::pair(std::string_view("console"), Builtin::kConsole),
    std::pair(std::string_view("performance"), Builtin::kPerformance),
    std::pair(std::string_view("crypto"), Builtin::kCrypto),
};

// `self`, `window`, `document`, `process` and `require` are absent: what looks for a browser or for
// Node finds neither, and takes what globalThis has.
void more(World& world, Object& global) {
    const auto put = [&](std::string_view name, Value value) {
        global.put(world.key(name), std::move(value), kHidden);
    };
    for (const Builtin builtin : kClasses) {
        put(spec_of(builtin).name, Value::of(world.constructor(builtin)));
    }
    for (const auto& [name, builtin] : kNamespaces) {
        put(name, world.prototype_ref(builtin));
    }
    for (const std::string_view name : {"globalThis", "global"}) {
        put(name, Value::of(global));
    }
    global.put(world.key("undefined"), Value(), kFixed);
    global.put(world.key("NaN"), Value(std::numeric_limits<double>::quiet_NaN()), kFixed);
    global.put(world.key("Infinity"), Value(std::numeric_limits<double>::infinity()), kFixed);
}

}  // namespace

constinit const BuiltinSpec kGlobalSpec{.name = "global", .methods = kFunctions, .more = more};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
