// Imports and exports of modules with bindings: values, handles, what is thrown, closures.
#include <gtest/gtest.h>

#include "bindgen_harness.h"

namespace realm::sandbox::testing {
namespace {

using Json = nlohmann::json;

// What every module here has: memory, a bump allocator, a shadow stack.
constexpr std::string_view kBasics = R"(
    (memory (export "memory") 1)
    (global $stack (mut i32) (i32.const 8192))
    (global $next (mut i32) (i32.const 16384))
    (table (export "functions") 8 funcref)
    (func (export "move_stack") (param i32) (result i32)
      (global.set $stack (i32.add (global.get $stack) (local.get 0))) (global.get $stack))
    (func (export "stack") (result i32) (global.get $stack))
    (func $malloc (export "malloc") (param i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next)
        (i32.and (i32.add (local.get 0) (i32.const 7)) (i32.const -8))))
      (local.get $at))
    (func (export "stored") (param i32) (global.set $stored (local.get 0)))
    (func (export "taken") (result i32) (global.get $stored))
    (global $stored (mut i32) (i32.const 0)))";

std::string module(std::string_view imports, std::string_view body) {
    return "(module " + std::string(imports) + std::string(kBasics) + std::string(body) + ")";
}

Json helpers() {
    return {{"malloc", "malloc"},
            {"stack_pointer", "move_stack"},
            {"exn_store", "stored"},
            {"function_table", "functions"}};
}

// f(a, b...) as the export of that name, without conversions.
Json straight(const std::string& name, int parameters) {
    Json call = {"wasm_call", name};
    for (int i = 0; i < parameters; ++i) {
        call.push_back({"local", i});
    }
    return {name, parameters, parameters, {"return", call}};
}

Json exported(const std::string& name) {
    return {{"name", name}, {"function", name}};
}

TEST(Bindgen, NumbersCrossAsJavaScriptConvertsThem) {
    BindgenDriver driver(
        module("", R"((func (export "add") (param i32 i32) (result i32)
                        (i32.add (local.get 0) (local.get 1)))
                      (func (export "half") (param f64) (result f64)
                        (f64.div (local.get 0) (f64.const 2)))
                      (func (export "big") (param i64) (result i64)
                        (i64.add (local.get 0) (i64.const 1)))
                      (func (export "two") (result i32 f64) (i32.const 7) (f64.const 0.5)))"),
        {{"helpers", helpers()},
         {"functions",
          {straight("add", 2), straight("half", 1), straight("big", 1), straight("two", 0)}},
         {"exports", {exported("add"), exported("half"), exported("big"), exported("two")}}});
    EXPECT_EQ(driver.step("add", "[40, 2]"), "42");
    EXPECT_EQ(driver.step("add", "[4294967295, \"3\"]"), "2");
    EXPECT_EQ(driver.step("add", "[true]"), "1");
    EXPECT_EQ(driver.step("half", "[-0.5]"), "-0.25");
    EXPECT_EQ(driver.step("half", "[\"x\"]"), R"({"$number":"NaN"})");
    EXPECT_EQ(driver.step("big", R"([{"$bigint": "9223372036854775807"}])"),
              R"({"$bigint":"-9223372036854775808"})");
    EXPECT_EQ(driver.step("two"), "[7,0.5]");
    EXPECT_EQ(driver.step("big", "[1]"), "refused_by_module: Cannot convert 1 to a BigInt");
    EXPECT_EQ(driver.step("add", R"([{"$bigint": "1"}])"),
              "refused_by_module: Cannot convert a BigInt value to a number");
    EXPECT_EQ(driver.step("none").substr(0, 15), "no_such_export:");
}

// Text in through malloc, out of memory; an import that makes a string of it.
constexpr std::string_view kEcho = R"((func (export "echo") (param i32 i32) (result i32)
    (call $make (local.get 0) (local.get 1))))";

TEST(Bindgen, TextAndHandles) {
    BindgenDriver driver(
        module(R"((import "x" "make" (func $make (param i32 i32) (result i32))))", kEcho),
        {{"helpers", helpers()},
         {"functions",
          {{"make", 2, 2, {"return", {"handle_add", {"text", {"local", 0}, {"local", 1}}}}},
           {"echo",
            1,
            2,
            {"return",
             {"handle_take",
              {"wasm_call", "echo", {"pass_text", {"local", 0}}, {"vector_length"}}}}}}},
         {"imports", {{{"name", "make"}, {"function", "make"}}}},
         {"exports", {exported("echo")}}});
    EXPECT_EQ(driver.step("echo", R"(["héllo 世界 🌍"])"), R"("héllo 世界 🌍")");
    EXPECT_EQ(driver.step("echo", R"([""])"), R"("")");
    EXPECT_EQ(driver.step("echo", "[]"),
              "refused_by_module: Cannot read properties of undefined (reading 'length')");
}

TEST(Bindgen, ForeignTextAndPointersAreErrors) {
    BindgenDriver driver(
        module(R"((import "x" "make" (func $make (param i32 i32) (result i32))))",
               R"((func (export "bad") (param i32 i32) (result i32)
                    (i32.store8 (i32.const 100) (i32.const 255))
                    (call $make (local.get 0) (local.get 1))))"),
        {{"helpers", helpers()},
         {"functions",
          {{"make", 2, 2, {"return", {"handle_add", {"text", {"local", 0}, {"local", 1}}}}},
           {"bad", 2, 2, {"return", {"wasm_call", "bad", {"local", 0}, {"local", 1}}}}}},
         {"imports", {{{"name", "make"}, {"function", "make"}}}},
         {"exports", {exported("bad")}}});
    EXPECT_EQ(driver.step("bad", "[100, 1]"),
              "refused_by_module: The encoded data was not valid for encoding utf-8");
    EXPECT_EQ(driver.step("bad", "[65536, 1]"),
              "bad_pointer: program 'p' names 1 bytes at 65536; its memory has 65536");
    EXPECT_EQ(driver.step("bad", "[-1, -1]"),
              "bad_pointer: program 'p' names 4294967295 bytes at 4294967295; its memory has "
              "65536");
    // Both sides of the memory's end.
    EXPECT_EQ(driver.step("bad", "[65535, 1]"), "132");
    EXPECT_EQ(driver.step("bad", "[65535, 2]").substr(0, 11), "bad_pointer");
}

// An import whose tree calls the guest, which calls the import again, and so on.
Json nesting() {
    return {
        {"helpers", helpers()},
        {"functions",
         {{"again", 1, 1, {"return", {"wasm_call", "deeper", {"-", {"local", 0}, {"number", 1}}}}},
          straight("deeper", 1)}},
        {"imports", {{{"name", "again"}, {"function", "again"}}}},
        {"exports", {exported("deeper")}}};
}
constexpr std::string_view kNesting = R"((func (export "deeper") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 5))
      (else (i32.add (call $again (local.get 0)) (i32.const 1))))))";
constexpr std::string_view kAgain =
    R"((import "x" "again" (func $again (param i32) (result i32))))";

TEST(Bindgen, ImportsCallBackIntoTheGuestUpToALimit) {
    InstanceLimits limits;
    limits.bindgen.nesting = 10;
    BindgenDriver driver(module(kAgain, kNesting), nesting(), limits);
    EXPECT_EQ(driver.step("deeper", "[0]"), "5");
    EXPECT_EQ(driver.step("deeper", "[10]"), "15");
    EXPECT_EQ(driver.step("deeper", "[11]"), "refused_by_module: Maximum call stack size exceeded");
    EXPECT_EQ(driver.step("deeper", "[10]"), "15");
}

// The guest waits for its host within a call from within an import.
constexpr std::string_view kWaiting = R"(
    (func (export "realm_abi_version") (result i32) i32.const 65536)
    (func (export "inner") (param i32) (result i32) (call $wait (local.get 0)))
    (func (export "outer") (param i32) (result i32)
      (i32.add (call $again (local.get 0)) (i32.const 100))))";
constexpr std::string_view kWaitingImports = R"(
    (import "env" "realm_wait" (func $wait (param i32) (result i32)))
    (import "x" "again" (func $again (param i32) (result i32))))";

Json waiting() {
    return {
        {"helpers", helpers()},
        {"functions",
         {{"again", 1, 1, {"return", {"wasm_call", "inner", {"local", 0}}}}, straight("outer", 1)}},
        {"imports", {{{"name", "again"}, {"function", "again"}}}},
        {"exports", {exported("outer")}}};
}

TEST(Bindgen, NestedCallsGiveWayAndGoOn) {
    BindgenDriver driver(module(kWaitingImports, kWaiting), waiting());
    auto lines = driver.begin(R"({"do": "outer", "args": [1]})");
    driver.probe().take_waiting().resolve(7);
    EXPECT_EQ(lines.get().back(), "107");
    // None, where the answer came before the guest was put aside.
    EXPECT_LE(driver.last().usage.suspensions, 1U);
}

TEST(Bindgen, NestedCallsCanBeCancelled) {
    BindgenDriver driver(module(kWaitingImports, kWaiting), waiting());
    auto lines = driver.begin(R"({"do": "outer", "args": [1]})");
    const auto open = driver.probe().take_waiting();
    driver.guest().cancel(fail(ErrorType::kCancelled, "enough", "stop").error());
    EXPECT_EQ(lines.get().back(), "enough: stop");
}

TEST(Bindgen, NestedCallsThatSpinUseUpTheirTime) {
    InstanceLimits limits;
    BindgenDriver driver(
        module(kAgain, R"((func (export "spin") (loop $l br $l))
                          (func (export "outer") (result i32) (call $again (i32.const 1))))"),
        {{"helpers", helpers()},
         {"functions", {{"again", 1, 1, {"return", {"wasm_call", "spin"}}}, straight("outer", 0)}},
         {"imports", {{{"name", "again"}, {"function", "again"}}}},
         {"exports", {exported("outer")}}},
        limits);
    auto lines = driver.begin(R"({"do": "outer"})");
    driver.guest().cancel(fail(ErrorType::kCancelled, "enough", "stop").error());
    EXPECT_EQ(lines.get().back(), "enough: stop");
}

// What an import throws passes through the guest's frames, or is kept for it (`catch`).
Json throwing(bool catches) {
    return {{"helpers", helpers()},
            {"functions",
             {{"throw_it",
               1,
               1,
               {"throw", {"new", {"global", "Error"}, {"+", {"string", "no "}, {"local", 0}}}}},
              straight("call", 1),
              straight("stack", 0),
              {"taken", 0, 0, {"return", {"handle_take", {"wasm_call", "taken"}}}}}},
            {"imports", {{{"name", "throw_it"}, {"function", "throw_it"}, {"catches", catches}}}},
            {"exports", {exported("call"), exported("taken"), exported("stack")}}};
}
constexpr std::string_view kThrowing = R"((func (export "call") (param i32) (result i32)
    (global.set $stack (i32.sub (global.get $stack) (i32.const 64)))
    (i32.add (call $throw (local.get 0)) (i32.const 9))
    (global.set $stack (i32.add (global.get $stack) (i32.const 64)))))";
constexpr std::string_view kThrow =
    R"((import "x" "throw_it" (func $throw (param i32) (result i32))))";

TEST(Bindgen, WhatAnImportThrowsIsTheStepsMessageAndTheStackComesBack) {
    BindgenDriver driver(module(kThrow, kThrowing), throwing(false));
    EXPECT_EQ(driver.step("stack"), "8192");
    EXPECT_EQ(driver.step("call", "[3]"), "refused_by_module: no 3");
    EXPECT_EQ(driver.step("stack"), "8192");
    EXPECT_FALSE(driver.ended_instance());
}

TEST(Bindgen, WithoutAStackPointerTheInstanceEnds) {
    Json parts = throwing(false);
    parts["returns"] = "multi_value";
    parts["helpers"].erase("stack_pointer");
    BindgenDriver driver(module(kThrow, kThrowing), parts);
    EXPECT_EQ(driver.step("call", "[3]"), "refused_by_module: no 3");
    EXPECT_TRUE(driver.ended_instance());
    EXPECT_EQ(driver.step("stack"), "8128");
    EXPECT_FALSE(driver.ended_instance());
}

TEST(Bindgen, ACatchImportKeepsWhatWasThrown) {
    BindgenDriver driver(module(kThrow, kThrowing), throwing(true));
    EXPECT_EQ(driver.step("call", "[4]"), "9");
    EXPECT_EQ(driver.step("taken"), R"({"$error":"no 4"})");
}

TEST(Bindgen, TrapsReadAsUnderNode) {
    BindgenDriver driver(
        module("", R"((func (export "panic") unreachable)
                      (func (export "divide") (param i32) (result i32)
                        (i32.div_s (i32.const 1) (local.get 0))))"),
        {{"helpers", helpers()},
         {"functions",
          {straight("panic", 0),
           straight("divide", 1),
           {"careful",
            0,
            1,
            {"try_catch",
             0,
             {"wasm_call", "panic"},
             {"return", {"property", "message", {"local", 0}}}}}}},
         {"exports", {exported("panic"), exported("divide"), exported("careful")}}});
    EXPECT_EQ(driver.step("panic"), "unreachable: unreachable");
    EXPECT_EQ(driver.last_error().type, ErrorType::kProgramTrap);
    EXPECT_EQ(driver.step("divide", "[0]"), "integer_divide_by_zero: divide by zero");
    EXPECT_EQ(driver.step("divide", "[1]"), "1");
    EXPECT_EQ(driver.step("careful"), R"("unreachable")");
}

TEST(Bindgen, AnImportThatIsNotProvidedTrapsByNameAndReason) {
    BindgenDriver driver(
        module(kThrow, kThrowing),
        {{"helpers", helpers()},
         {"functions", {straight("call", 1)}},
         {"imports", {{{"name", "throw_it"}, {"unsupported", "there is no fetch"}}}},
         {"exports", {exported("call")}}});
    EXPECT_EQ(driver.step("call", "[1]"),
              "unknown_import: program 'p' called import 'throw_it', which this server does not "
              "provide: there is no fetch");
}

}  // namespace
}  // namespace realm::sandbox::testing
