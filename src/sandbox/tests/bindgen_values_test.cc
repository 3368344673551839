// References, closures, classes, promises and limits of modules with bindings.
#include <gtest/gtest.h>

#include <chrono>

#include "bindgen_harness.h"

namespace realm::sandbox::testing {
namespace {

using Json = nlohmann::json;

Json exported(const std::string& name) {
    return {{"name", name}, {"function", name}};
}

// A table of references and how its indices are given out: ever higher, as freed ones come back.
constexpr std::string_view kTable = R"(
    (memory (export "memory") 1)
    (table $refs (export "refs") 8 64 externref)
    (global $free (mut i32) (i32.const 4))
    (global $freed (mut i32) (i32.const 0))
    (func (export "alloc") (result i32)
      (global.set $free (i32.add (global.get $free) (i32.const 1)))
      (i32.sub (global.get $free) (i32.const 1)))
    (func (export "dealloc") (param i32)
      (table.set $refs (local.get 0) (ref.null extern))
      (global.set $freed (i32.add (global.get $freed) (i32.const 1))))
    (func (export "freed") (result i32) (global.get $freed)))";

Json references(const Json& functions, const Json& imports, const Json& exports) {
    return {
        {"handles", "table"},
        {"returns", "multi_value"},
        {"helpers", {{"table", "refs"}, {"table_alloc", "alloc"}, {"table_dealloc", "dealloc"}}},
        {"functions", functions},
        {"imports", imports},
        {"exports", exports}};
}

TEST(BindgenReferences, ValuesGoThroughTheGuestAsTheyAre) {
    BindgenDriver driver(
        "(module (import \"x\" \"length\" (func $length (param externref) (result externref)))" +
            std::string(kTable) + R"(
            (func (export "same") (param externref) (result externref) (local.get 0))
            (func (export "measure") (param externref) (result externref)
              (call $length (local.get 0)))
            (func (export "keep") (param externref) (result i32)
              (table.set $refs (i32.const 7) (local.get 0)) (i32.const 7))))",
        references(
            {{"length", 1, 1, {"return", {"property", "length", {"local", 0}}}},
             {"same", 1, 1, {"return", {"wasm_call", "same", {"local", 0}}}},
             {"measure", 1, 1, {"return", {"wasm_call", "measure", {"local", 0}}}},
             {"keep", 1, 1, {"return", {"handle_take", {"wasm_call", "keep", {"local", 0}}}}},
             {"freed", 0, 0, {"return", {"wasm_call", "freed"}}}},
            Json::array({{{"name", "length"}, {"function", "length"}}}),
            {exported("same"), exported("measure"), exported("keep"), exported("freed")}));
    for (const char* const value : {"null", R"({"$undefined":true})", "true", "1.5", R"("x")",
                                    R"({"a":[1,2]})", R"({"$bigint":"12345678901234567890"})"}) {
        EXPECT_EQ(driver.step("same", "[" + std::string(value) + "]"), value);
    }
    EXPECT_EQ(driver.step("measure", R"(["abc"])"), "3");
    EXPECT_EQ(driver.step("measure", "[null]"),
              "refused_by_module: Cannot read properties of null (reading 'length')");
    EXPECT_EQ(driver.step("keep", R"([{"k":1}])"), R"({"k":1})");
    EXPECT_EQ(driver.step("freed"), "1");
}

TEST(BindgenReferences, HandlesOutsideOfTheTableAreTraps) {
    BindgenDriver driver("(module" + std::string(kTable) + ")",
                         references({{"get", 1, 1, {"return", {"handle_get", {"local", 0}}}},
                                     {"add", 1, 1, {"return", {"handle_add", {"local", 0}}}}},
                                    Json::array(), {exported("get"), exported("add")}));
    EXPECT_EQ(driver.step("get", "[7]"), "null");
    EXPECT_EQ(driver.step("get", "[8]"),
              "bad_handle: program 'p' used handle 8, which its table does not hold");
    EXPECT_EQ(driver.step("add", R"(["a"])"), "4");
    EXPECT_EQ(driver.step("get", "[4]"), R"("a")");
    for (int i = 5; i < 8; ++i) {
        EXPECT_EQ(driver.step("add", "[0]"), std::to_string(i));
    }
    // The module's allocator gives an index that its table does not have.
    EXPECT_EQ(driver.step("add", "[0]"),
              "bad_handle: program 'p' gave 8 as a free handle, which its table does not hold");
}

// More references pass than any limit allows to be alive: those that the guest has dropped go.
TEST(BindgenReferences, DroppedReferencesAreCollected) {
    InstanceLimits limits;
    limits.bindgen.values = 5000;
    BindgenDriver driver(
        R"((module (import "x" "make" (func $make (result externref)))
             (memory (export "memory") 1)
             (func (export "churn") (param i32)
               (loop $again
                 (drop (call $make))
                 (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                 (br_if $again (local.get 0))))))",
        references({{"make", 0, 0, {"return", {"object"}}},
                    {"churn", 1, 1, {"return", {"wasm_call", "churn", {"local", 0}}}}},
                   Json::array({{{"name", "make"}, {"function", "make"}}}),
                   Json::array({exported("churn")})),
        limits);
    EXPECT_EQ(driver.step("churn", "[40000]"), R"({"$undefined":true})");
}

// --- The slab
// --------------------------------------------------------------------------------------

constexpr std::string_view kPlain = R"((module (memory (export "memory") 1)
    (table (export "functions") 4 funcref)
    (elem (i32.const 1) $destroy)
    (global $destroyed (mut i32) (i32.const 0))
    (func $destroy (export "destroy") (param i32 i32)
      (global.set $destroyed (i32.add (local.get 0) (local.get 1))))
    (func (export "destroyed") (result i32) (global.get $destroyed))
    (func (export "shim") (param i32 i32 i32) (result i32)
      (if (i32.eqz (local.get 0)) (then unreachable))
      (i32.add (local.get 0) (i32.add (local.get 1) (local.get 2))))))";

Json plain(const Json& functions, const Json& exports) {
    return {{"functions", functions},
            {"helpers", {{"function_table", "functions"}}},
            {"exports", exports}};
}

TEST(BindgenSlab, HandlesAreLaidOutAsTheGlueHasThem) {
    BindgenDriver driver(
        kPlain, plain({{"get", 1, 1, {"return", {"handle_get", {"local", 0}}}},
                       {"add", 1, 1, {"return", {"handle_add", {"local", 0}}}},
                       {"drop", 1, 1, {"return", {"handle_drop", {"local", 0}}}},
                       {"borrow", 1, 1, {"return", {"handle_borrow", {"local", 0}}}}},
                      {exported("get"), exported("add"), exported("drop"), exported("borrow")}));
    EXPECT_EQ(driver.step("get", "[128]"), R"({"$undefined":true})");
    EXPECT_EQ(driver.step("get", "[129]"), "null");
    EXPECT_EQ(driver.step("get", "[130]"), "true");
    EXPECT_EQ(driver.step("get", "[131]"), "false");
    EXPECT_EQ(driver.step("add", R"(["a"])"), "132");
    EXPECT_EQ(driver.step("add", R"(["b"])"), "133");
    driver.step("drop", "[130]");
    EXPECT_EQ(driver.step("get", "[130]"), "true");
    driver.step("drop", "[132]");
    driver.step("drop", "[132]");
    EXPECT_EQ(driver.step("add", R"(["c"])"), "132");
    EXPECT_EQ(driver.step("add", R"(["d"])"), "134");
    for (const char* const bad : {"[0]", "[1]", "[127]", "[135]", "[4294967295]"}) {
        EXPECT_EQ(driver.step("get", bad), R"({"$undefined":true})");
        EXPECT_EQ(driver.step("drop", bad), R"({"$undefined":true})");
    }
    // What a step borrows is gone after it.
    EXPECT_EQ(driver.step("borrow", "[1]"), "127");
    EXPECT_EQ(driver.step("borrow", "[2]"), "127");
}

TEST(BindgenSlab, HandlesHaveALimit) {
    InstanceLimits limits;
    limits.bindgen.values = 2000;
    BindgenDriver driver(
        kPlain,
        plain(Json::array({{"fill",
                            1,
                            1,
                            {"while",
                             {">", {"local", 0}, {"number", 0}},
                             {"sequence",
                              {"handle_add", {"number", 1}},
                              {"set_local", 0, {"-", {"local", 0}, {"number", 1}}}}}}}),
              Json::array({exported("fill")})),
        limits);
    EXPECT_EQ(driver.step("fill", "[2000]"), R"({"$undefined":true})");
    EXPECT_EQ(
        driver.step("fill", "[1]"),
        "host_values: program 'p' holds 2000 handles of values already (limits.host_values in "
        "the configuration raises it)");
}

TEST(BindgenClosures, AreCalledDestroyedAndCheckedByTheModule) {
    Json parts =
        plain({{"shim",
                3,
                3,
                {"return", {"wasm_call", "shim", {"local", 0}, {"local", 1}, {"local", 2}}}},
               {"make", 2, 2, {"return", {"closure", 0, {"local", 0}, {"local", 1}}}},
               {"bad", 2, 2, {"return", {"closure", 1, {"local", 0}, {"local", 1}}}},
               {"release", 1, 1, {"return", {"release_closure", 1, {"local", 0}}}},
               {"let_go", 1, 1, {"return", {"release_closure", 0, {"local", 0}}}},
               {"destroyed", 0, 0, {"return", {"wasm_call", "destroyed"}}}},
              {exported("make"), exported("bad"), exported("release"), exported("let_go"),
               exported("destroyed")});
    parts["closures"] = {{{"kind", "exclusive"}, {"function", 0}, {"destroy_index", 1}},
                         {{"kind", "shared"}, {"function", 0}, {"destroy_index", 77}}};
    BindgenDriver driver(kPlain, parts);
    driver.step("make", "[100, 20]", "f");
    EXPECT_EQ(driver.step("f", "[3]"), "123");
    EXPECT_EQ(driver.step("destroyed"), "0");
    EXPECT_EQ(driver.step("release", R"([{"$ref":"f"}])"), "true");
    EXPECT_EQ(driver.step("destroyed"), "120");
    // Gone: `a` is zero, which the module itself answers, and is told of once more.
    EXPECT_EQ(driver.step("f", "[3]"), "unreachable: unreachable");
    EXPECT_EQ(driver.step("release", R"([{"$ref":"f"}])"), "false");
    // The guest itself lets the data go.
    driver.step("make", "[1, 2]", "g");
    EXPECT_EQ(driver.step("let_go", R"([{"$ref":"g"}])"), "true");
    EXPECT_EQ(driver.step("destroyed"), "20");
    driver.step("bad", "[1, 2]", "h");
    EXPECT_EQ(driver.step("h", "[3]"), "6");
    EXPECT_EQ(driver.step("release", R"([{"$ref":"h"}])"),
              "bad_closure: program 'p' has no function 77 to destroy a closure with");
    EXPECT_EQ(driver.step("release", "[5]"), "false");
}

TEST(BindgenSteps, CallbacksBecomeLines) {
    BindgenDriver driver(
        kPlain, plain(Json::array({{"twice",
                                    1,
                                    1,
                                    {"sequence",
                                     {"call", {"local", 0}, {"number", 1}, {"string", "a"}, "f"},
                                     {"return", {"call", {"local", 0}, {"array", {"null"}}}}}}}),
                      Json::array({exported("twice")})));
    EXPECT_EQ(driver.lines(R"({"do": "twice", "args": [{"$callback": "f", "returns": [7]}]})"),
              (std::vector<std::string>{R"({"callback":"f","args":[1,"a"]})",
                                        R"({"callback":"f","args":[[null]]})", "[7]"}));
    EXPECT_EQ(driver.lines(R"({"do": "twice", "args": [{"$callback": "g"}]})").back(),
              R"({"$undefined":true})");
    EXPECT_EQ(driver.step("twice", "[1]"), "refused_by_module: f is not a function");
}

// Work of the host's own, without the guest.
Json spinning() {
    const Json spin = {"while", {"true"}, {"sequence"}};
    return plain({{"spin", 0, 0, spin},
                  {"tell", 1, 1, {"sequence", {"call", {"local", 0}, {"number", 1}}, spin}},
                  {"write",
                   0,
                   0,
                   {"return",
                    {"property",
                     "length",
                     {"method",
                      "stringify",
                      {"global", "JSON"},
                      {"method",
                       "fill",
                       {"new", {"global", "Array"}, {"number", 50000}},
                       {"number", 0}}}}}}},
                 {exported("spin"), exported("tell"), exported("write")});
}

TEST(BindgenSteps, TheHostsWorkCountsAsCpuTime) {
    EXPECT_EQ(BindgenDriver(kPlain, spinning()).step("write"), "100001");
    InstanceLimits limits;
    limits.cpu = std::chrono::milliseconds(50);
    BindgenDriver driver(kPlain, spinning(), limits);
    // What was told before the end is told.
    EXPECT_EQ(driver.lines(R"({"do": "tell", "args": [{"$callback": "f"}]})"),
              (std::vector<std::string>{
                  R"({"callback":"f","args":[1]})",
                  "cpu_time: program 'p' used up its CPU time of 50 ms (limits.cpu_ms in the "
                  "configuration raises it)"}));
    EXPECT_GT(driver.last().usage.yields, 0U);
    EXPECT_EQ(driver.last().usage.suspensions, 0U);
}

TEST(BindgenSteps, TheHostsWorkCanBeCancelled) {
    BindgenDriver driver(kPlain, spinning());
    auto lines = driver.begin(R"({"do": "spin"})");
    driver.guest().cancel(fail(ErrorType::kCancelled, "enough", "stop").error());
    EXPECT_EQ(lines.get().back(), "enough: stop");
}

TEST(BindgenSteps, WhatCannotGiveWayHasALimit) {
    InstanceLimits limits;
    limits.bindgen.turn = std::chrono::milliseconds(0);
    BindgenDriver driver(kPlain, spinning(), limits);
    const std::string spent = driver.step("write");
    EXPECT_EQ(spent.substr(0, spent.find(" (")),
              "host_turn: the host worked for program 'p' for more than 0 ms without giving way");
    EXPECT_TRUE(driver.ended_instance());
}

TEST(BindgenSteps, ClassesMethodsFieldsAndNames) {
    Json parts = plain(
        {{"construct",
          1,
          1,
          {"sequence",
           {"if",
            {"===", {"local", 0}, {"number", 0}},
            {"throw", {"new", {"global", "Error"}, {"string", "no zero"}}}},
           {"set_property", "__wbg_ptr", {"this"}, {"local", 0}},
           {"return", {"this"}}}},
         {"pointer", 0, 0, {"return", {"property", "__wbg_ptr", {"this"}}}},
         {"set_pointer", 1, 1, {"set_property", "__wbg_ptr", {"this"}, {"local", 0}}},
         {"free", 0, 0, {"set_property", "__wbg_ptr", {"this"}, {"number", 0}}},
         {"pair",
          0,
          0,
          {"return",
           {"array",
            {"new", {"class", "Thing"}, {"number", 1}},
            {"object", {"string", "in"}, {"new", {"class", "Thing"}, {"number", 2}}}}}}},
        {exported("pair"),
         {{"name", "Thing"},
          {"class", "Thing"},
          {"kind", "constructor"},
          {"function", "construct"}},
         {{"name", "pointer"}, {"class", "Thing"}, {"kind", "method"}, {"function", "pointer"}},
         {{"name", "of"}, {"class", "Thing"}, {"kind", "static_method"}, {"function", "pair"}},
         {{"name", "at"}, {"class", "Thing"}, {"kind", "getter"}, {"function", "pointer"}},
         {{"name", "at"}, {"class", "Thing"}, {"kind", "setter"}, {"function", "set_pointer"}},
         {{"name", "free"}, {"class", "Thing"}, {"kind", "method"}, {"function", "free"}}});
    parts["classes"] = {{{"name", "Thing"}, {"exported", "Thing"}, {"pointer", "__wbg_ptr"}}};
    InstanceLimits limits;
    limits.bindgen.names = 5;
    BindgenDriver driver(kPlain, parts, limits);
    EXPECT_EQ(driver.step("new Thing", "[5]", "t"), R"({"$ref":"t"})");
    EXPECT_EQ(driver.step("new Thing", "[5]"), R"({"$ref":null})");
    EXPECT_EQ(driver.step("t.pointer"), "5");
    EXPECT_EQ(driver.step("t.at"), "5");
    EXPECT_EQ(driver.step("t.at", "[6]"), R"({"$undefined":true})");
    EXPECT_EQ(driver.step("t.at"), "6");
    EXPECT_EQ(driver.step("new Thing", "[0]"), "refused_by_module: no zero");
    EXPECT_EQ(driver.step("Thing", "[1]"),
              "refused_by_module: Class constructor Thing cannot be invoked without 'new'");
    EXPECT_EQ(driver.step("Thing.of", "[]", "p"), R"([{"$ref":"p.0"},{"in":{"$ref":"p.1.in"}}])");
    EXPECT_EQ(driver.step("p.1.in.at"), "2");
    // The limit of names: t, p, p.0 and p.1.in are there.
    EXPECT_EQ(driver.step("pair", "[]", "q").substr(0, 1), "[");
    const std::string full = driver.step("t.at", "[]", "r");
    EXPECT_EQ(full.substr(0, full.find(';')), "named_results: 5 results are named already");
    EXPECT_EQ(driver.step("t.free"), R"({"$undefined":true})");
    EXPECT_EQ(driver.step("t.at", "[]", "r").substr(0, 15), "no_such_export:");
}

TEST(BindgenSteps, PromisesAreAwaitedAndTimersRun) {
    const Json resolve_later = {"return", {"new", {"global", "Promise"}, {"function", 0}}};
    BindgenDriver driver(
        kPlain,
        plain({{"executor",
                2,
                2,
                {"call", {"global", "setTimeout"}, {"local", 0}, {"number", 1}, {"number", 8}}},
               {"later", 0, 0, resolve_later},
               {"refuse",
                0,
                0,
                {"return",
                 {"method",
                  "reject",
                  {"global", "Promise"},
                  {"new", {"global", "TypeError"}, {"string", "not so"}}}}},
               {"nothing", 2, 2, {"return"}},
               {"never", 0, 0, {"return", {"new", {"global", "Promise"}, {"function", 3}}}}},
              {exported("later"), exported("refuse"), exported("never")}));
    EXPECT_EQ(driver.step("later"), "8");
    EXPECT_EQ(driver.step("refuse"), "refused_by_module: not so");
    EXPECT_EQ(driver.step("never"),
              "never_settled: the promise that it gave waits for something that never comes");
    auto lines = driver.begin(R"({"do": "later"})");
    EXPECT_EQ(lines.get().back(), "8");
    EXPECT_EQ(driver.last().usage.suspensions, 1U);
}

}  // namespace
}  // namespace realm::sandbox::testing
