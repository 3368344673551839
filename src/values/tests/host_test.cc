#include <cmath>

#include "world_fixture.h"

// NOLINTBEGIN(performance-unnecessary-value-param): native functions have one signature.
namespace realm::values {
namespace {

class HostTest : public WorldTest {
protected:
    std::string logged(Values arguments) {
        must(run("console.log", std::move(arguments)));
        return services_.lines.back().second;
    }
    std::string debug(const Value& value) {
        auto done = debug_text(world_, value).take();
        return done ? (*done)->utf8() : error_text(done.error());
    }
};

TEST_F(HostTest, ConsoleWritesAsNodeDoes) {
    EXPECT_EQ(logged({text("a"), Value(1), Value(-0.0), Value(), Value::null(), big(2)}),
              "a 1 -0 undefined null 2n");
    EXPECT_EQ(logged({json(R"({"a":1,"b-c":"it's","d":[1,"x"],"e":{"f":{"g":{"h":1}}}})")}),
              R"({ a: 1, 'b-c': "it's", d: [ 1, 'x' ], e: { f: { g: [Object] } } })");
    EXPECT_EQ(logged({text("%s is %d%% of %O"), text("x"), Value(50), json("[1]"), text("end")}),
              "x is 50% of [ 1 ] end");
    EXPECT_EQ(logged({json(R"({"$map":[["a",1]]})"), json(R"({"$set":[1]})")}),
              "Map(1) { 'a' => 1 } Set(1) { 1 }");
    EXPECT_EQ(logged({must(make("Uint8Array", {json("[1,2]")}))}), "Uint8Array(2) [ 1, 2 ]");
    EXPECT_EQ(logged({property(global("Math"), "max")}), "[Function: max]");
    EXPECT_EQ(logged({must(make("Error", {text("bad")}))}), "Error: bad\n    at <anonymous>");
    EXPECT_EQ(logged({must(run("Promise.resolve", {Value(1)})), world_.object()}),
              "Promise { 1 } {}");
    const Value self = world_.object();
    must(set(world_, self, text("me"), self));
    EXPECT_EQ(logged({self}), "<ref *1> { me: [Circular *1] }");
    must(run("console.error", {text("e")}));
    EXPECT_EQ(services_.lines.back(), std::pair(ConsoleLevel::kError, std::string("e")));
    must(run("console.warn", {text("w")}));
    EXPECT_EQ(services_.lines.back().first, ConsoleLevel::kWarn);
}

TEST_F(HostTest, LongObjectsTakeManyLines) {
    EXPECT_EQ(logged({json("[1,2,3,4,5,6,7,8,9,10]")}),
              "[\n  1, 2, 3, 4,  5,\n  6, 7, 8, 9, 10\n]");
    EXPECT_EQ(
        logged({json(
            R"({"alpha":"aaaaaaaaaaaaaaaaaaaaaaaa","beta":"bbbbbbbbbbbbbbbbbbbbbbbb","gamma":"cccccccccc"})")}),
        "{\n  alpha: 'aaaaaaaaaaaaaaaaaaaaaaaa',\n  beta: 'bbbbbbbbbbbbbbbbbbbbbbbb',\n"
        "  gamma: 'cccccccccc'\n}");
}

TEST_F(HostTest, DebugTextIsThatOfTheGlue) {
    EXPECT_EQ(debug(Value(1.5)), "1.5");
    EXPECT_EQ(debug(Value()), "undefined");
    EXPECT_EQ(debug(text("a\"b")), "\"a\"b\"");
    EXPECT_EQ(debug(Value(world_.names().symbols[0])), "Symbol(Symbol.iterator)");
    EXPECT_EQ(debug(must(run("Symbol", {}))), "Symbol");
    EXPECT_EQ(debug(property(global("Math"), "max")), "Function(max)");
    EXPECT_EQ(debug(function(
                  +[](World& /*world*/, Call /*call*/) -> Eventual<Value> { return Value(); })),
              "Function(f)");
    EXPECT_EQ(debug(json(R"([1,"a",[null]])")), R"([1, "a", [null]])");
    EXPECT_EQ(debug(json(R"({"a":{"b":1}})")), R"x(Object({"a":{"b":1}}))x");
    EXPECT_EQ(debug(must(make("Map"))), "Map");
    EXPECT_EQ(debug(big(1)), "BigInt");
    EXPECT_EQ(debug(must(make("TypeError", {text("no")}))),
              "TypeError: no\nTypeError: no\n    at <anonymous>");
    const Value self = world_.object();
    must(set(world_, self, text("me"), self));
    EXPECT_EQ(debug(self), "Object");
    const Value endless = list({});
    must(method(endless, "push", {endless}));
    EXPECT_EQ(debug(endless), "RangeError: Maximum call stack size exceeded");
}

TEST_F(HostTest, ErrorsHaveNamesMessagesCausesAndStacks) {
    const Value failure = must(make("RangeError", {text("far"), json(R"({"cause":7})")}));
    EXPECT_EQ(show(property(failure, "name")), R"("RangeError")");
    EXPECT_EQ(show(property(failure, "message")), R"("far")");
    EXPECT_EQ(show(property(failure, "cause")), "7");
    EXPECT_EQ(show(property(failure, "stack")), R"("RangeError: far\n    at <anonymous>")");
    EXPECT_EQ(show(method(failure, "toString")), R"("RangeError: far")");
    EXPECT_EQ(show(failure), R"({"$error":"far"})");
    EXPECT_EQ(show(run("Object.keys", {failure})), "[]");
    EXPECT_EQ(show(run("Error", {text("x")})), R"({"$error":"x"})");
    EXPECT_EQ(show(property(must(make("Error")), "message")), R"("")");
    EXPECT_EQ(show(run("Object.hasOwn", {must(make("Error")), text("message")})), "false");
}

TEST_F(HostTest, DatesAreUtc) {
    const Value date = must(make("Date", {Value(1714979289010.0)}));
    EXPECT_EQ(show(method(date, "toISOString")), R"("2024-05-06T07:08:09.010Z")");
    EXPECT_EQ(show(method(date, "toString")),
              R"x("Mon May 06 2024 07:08:09 GMT+0000 (Coordinated Universal Time)")x");
    EXPECT_EQ(show(method(date, "toUTCString")), R"("Mon, 06 May 2024 07:08:09 GMT")");
    EXPECT_EQ(show(method(date, "getDay")), "1");
    EXPECT_EQ(show(method(date, "getTimezoneOffset")), "0");
    EXPECT_EQ(show(method(date, "toLocaleString")), R"("5/6/2024, 7:08:09 AM")");
    must(method(date, "setMonth", {Value(13)}));
    EXPECT_EQ(show(date), R"({"$date":"2025-02-06T07:08:09.010Z"})");
    EXPECT_EQ(show(run("Date.now", {})), "1700000000000");
    EXPECT_EQ(show(run("Date.UTC", {Value(99), Value(11)})), "944006400000");
    EXPECT_EQ(show(make("Date", {Value(2024), Value(1), Value(30)})),
              R"({"$date":"2024-03-01T00:00:00.000Z"})");
    EXPECT_EQ(show(make("Date", {Value(-1)})), R"({"$date":"1969-12-31T23:59:59.999Z"})");
    EXPECT_EQ(show(make("Date", {Value(-62198755200000.0)})),
              R"({"$date":"-000001-01-01T00:00:00.000Z"})");
    EXPECT_EQ(error_of(method(must(make("Date", {Value(std::nan(""))})), "toISOString")),
              "RangeError: Invalid time value");
    EXPECT_EQ(show(binary(world_, BinaryOperator::kAdd, date, text(""))),
              R"x("Thu Feb 06 2025 07:08:09 GMT+0000 (Coordinated Universal Time)")x");
}

TEST_F(HostTest, DatesAreParsed) {
    const auto parsed = [&](std::string_view source) {
        return show(run("Date.parse", {text(source)}));
    };
    EXPECT_EQ(parsed("1970-01-01"), "0");
    EXPECT_EQ(parsed("2024-05-06T07:08:09.010Z"), "1714979289010");
    EXPECT_EQ(parsed("2024-05-06T09:08:09+02:00"), "1714979289000");
    EXPECT_EQ(parsed("2024-05"), "1714521600000");
    EXPECT_EQ(parsed("+010000-01-01"), "253402300800000");
    EXPECT_EQ(parsed("Mon, 06 May 2024 07:08:09 GMT"), "1714979289000");
    EXPECT_EQ(parsed("Mon May 06 2024 07:08:09 GMT+0000 (Coordinated Universal Time)"),
              "1714979289000");
    EXPECT_EQ(parsed("May 6, 2024"), "1714953600000");
    EXPECT_EQ(parsed("2024-13-01"), R"({"$number":"NaN"})");
    EXPECT_EQ(parsed("nonsense"), R"({"$number":"NaN"})");
    EXPECT_EQ(parsed(""), R"({"$number":"NaN"})");
}

TEST_F(HostTest, RandomnessAndClocksAreTheServices) {
    const Value array = must(make("Uint8Array", {Value(4)}));
    must(run("crypto.getRandomValues", {array}));
    EXPECT_EQ(show(array), R"({"$bytes":"AAECAw=="})");
    services_.next_random = 0;
    EXPECT_EQ(show(run("crypto.randomUUID", {})), R"("00010203-0405-4607-8809-0a0b0c0d0e0f")");
    EXPECT_EQ(error_of(run("crypto.getRandomValues", {must(make("Uint8Array", {Value(65537)}))})),
              "QuotaExceededError: The requested length exceeds 65,536 bytes");
    EXPECT_EQ(error_of(run("crypto.getRandomValues", {must(make("Float32Array", {Value(1)}))})),
              "TypeMismatchError: The data argument must be an integer-type TypedArray");
    services_.steady = 12.5;
    EXPECT_EQ(show(run("performance.now", {})), "12.5");
    services_.next_random = 0;
    const double random = must(run("Math.random", {})).number();
    EXPECT_TRUE(random >= 0 && random < 1);
}

TEST_F(HostTest, ClonesAreDeepAndKeepCircles) {
    const Value source = json(
        R"({"a":[1,{"$map":[["k",{"$date":"1970-01-01T00:00:00.000Z"}]]}],"b":{"$bytes":"AQ=="}})");
    must(set(world_, source, text("me"), source));
    const Value copy = must(run("structuredClone", {source}));
    EXPECT_FALSE(copy.same_bits(source));
    EXPECT_TRUE(property(copy, "me").same_bits(copy));
    EXPECT_EQ(
        show(copy),
        R"({"a":[1,{"$map":[["k",{"$date":"1970-01-01T00:00:00.000Z"}]]}],"b":{"$bytes":"AQ=="},"me":{"$cycle":true}})");
    EXPECT_EQ(error_of(run("structuredClone", {global("Object")})),
              "DataCloneError: function Object() { [native code] } could not be cloned.");
}

TEST_F(HostTest, WhatIsAbsentIsUndefined) {
    for (const std::string_view name : {"window", "self", "document", "fetch", "process", "require",
                                        "Worker", "Intl", "navigator", "Proxy"}) {
        EXPECT_TRUE(global(name).is_undefined()) << name;
    }
    EXPECT_TRUE(global("globalThis").same_bits(Value::of(world_.global())));
    EXPECT_TRUE(global("global").same_bits(Value::of(world_.global())));
}

TEST_F(HostTest, MathKnowsItsEdges) {
    EXPECT_EQ(show(run("Math.round", {Value(-0.5)})), R"({"$number":"-0"})");
    EXPECT_EQ(show(run("Math.round", {Value(2.5)})), "3");
    EXPECT_EQ(show(run("Math.round", {Value(-2.5)})), "-2");
    EXPECT_EQ(show(run("Math.max", {})), R"({"$number":"-Infinity"})");
    EXPECT_EQ(show(run("Math.min", {Value(0), Value(-0.0)})), R"({"$number":"-0"})");
    EXPECT_EQ(show(run("Math.max", {Value(1), text("3"), Value(2)})), "3");
    EXPECT_EQ(show(run("Math.hypot", {Value(3), Value(4)})), "5");
    EXPECT_EQ(show(run("Math.clz32", {Value(1)})), "31");
    EXPECT_EQ(show(run("Math.imul", {Value(4294967295.0), Value(5)})), "-5");
    EXPECT_EQ(show(run("Math.fround", {Value(5.5)})), "5.5");
    EXPECT_EQ(show(run("Math.sign", {Value(-3)})), "-1");
    EXPECT_EQ(show(run("Math.trunc", {Value(-0.9)})), R"({"$number":"-0"})");
    EXPECT_EQ(show(run("Math.pow", {Value(2), Value(0.5)})), "1.4142135623730951");
    EXPECT_EQ(show(property(global("Math"), "PI")), "3.141592653589793");
    EXPECT_EQ(show(run("Math.abs", {text("-5")})), "5");
}

TEST_F(HostTest, SymbolsAreRegisteredAndWellKnown) {
    const Value one = must(run("Symbol.for", {text("k")}));
    EXPECT_TRUE(must(run("Symbol.for", {text("k")})).same_bits(one));
    EXPECT_EQ(show(run("Symbol.keyFor", {one})), R"("k")");
    EXPECT_EQ(show(property(one, "description")), R"("k")");
    EXPECT_EQ(show(method(one, "toString")), R"x("Symbol(k)")x");
    EXPECT_TRUE(property(global("Symbol"), "iterator").same_bits(Value(world_.names().symbols[0])));
    EXPECT_EQ(error_of(make("Symbol")), "TypeError: Symbol is not a constructor");
}

}  // namespace
}  // namespace realm::values
// NOLINTEND(performance-unnecessary-value-param)
