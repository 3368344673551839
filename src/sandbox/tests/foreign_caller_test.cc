// Steps against modules in every convention: raw C, no allocator, return area, several values.
#include "sandbox/foreign_caller.h"

#include <future>

#include "harness.h"

// A job is kept until its task is done, so its captures are too.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)

namespace realm::sandbox::testing {
namespace {

using Json = nlohmann::json;
using base::Task;

// A kept guest and its caller; runs steps one after another.
class Driver {
public:
    explicit Driver(std::string_view text, const Json& description = Json::object(),
                    const InstanceLimits& limits = {}) {
        auto program = harness_.compile(text);
        EXPECT_TRUE(program.has_value()) << program.error().message;
        caller_.emplace(
            with_description(detect_conventions((*program)->info()), description).value());
        guest_ = harness_.executor().keep(*program, harness_.host(), limits, [](const Error&) {});
    }

    // What the step gave as JSON text, or "code: message".
    std::string step(const std::string& what, const std::string& arguments = "[]",
                     const std::string& as = "") {
        ForeignStep step{
            .what = what, .arguments = Json::parse(arguments), .argument_texts = {}, .as = as};
        std::string text;
        std::promise<RunOutcome> ended;
        auto submitted = guest_->submit(
            [&](Guest& guest) -> Task<Result<void>> {
                const StepResult lines = co_await caller_->run(guest, step, {});
                text = lines.result
                           ? *lines.result
                           : lines.result.error().code + ": " + lines.result.error().message;
                co_return Result<void>();
            },
            {}, [&](RunOutcome outcome) { ended.set_value(std::move(outcome)); });
        if (!submitted) {
            return submitted.error().code;
        }
        const auto outcome = ended.get_future().get();
        return outcome.error ? outcome.error->code : text;
    }

private:
    Harness harness_;
    std::optional<ForeignCaller> caller_;
    std::shared_ptr<KeptGuest> guest_;
};

constexpr std::string_view kRaw = R"((module
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (global $next (mut i32) (i32.const 1024))
    (global $freed (mut i32) (i32.const 0))
    (func (export "malloc") (param i32) (result i32)
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get 0))))
    (func (export "free") (param i32) (global.set $freed (i32.add (global.get $freed) (i32.const 1))))
    (func (export "freed") (result i32) (global.get $freed))
    (func (export "count") (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (global.get $calls))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "wide") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1)))
    (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
    (func (export "pair") (result i32 f64) (i32.const 7) (f64.const 1.5))
    (func (export "first") (param i32 i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "last_of_c") (param i32) (result i32) (local $at i32)
        (loop $again
            (if (i32.load8_u (local.get 0)) (then
                (local.set $at (i32.load8_u (local.get 0)))
                (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br $again))))
        (local.get $at))
    (func (export "nothing"))
    (func (export "trap") unreachable)))";

TEST(ForeignCaller, CallsRawExportsAndKeepsStaticState) {
    Driver raw(kRaw);
    EXPECT_EQ(raw.step("count"), "1");
    EXPECT_EQ(raw.step("count"), "2");
    EXPECT_EQ(raw.step("add", "[40, 2]"), "42");
    EXPECT_EQ(raw.step("add", "[4294967295, -2]"), "-3");
    EXPECT_EQ(raw.step("add", "[true, 1]"), "2");
    EXPECT_EQ(raw.step("wide", "[9007199254740993]"), "9007199254740994");
    EXPECT_EQ(raw.step("half", "[3]"), "1.5");
    EXPECT_EQ(raw.step("pair"), "[7,1.5]");
    EXPECT_EQ(raw.step("nothing"), "null");
}

TEST(ForeignCaller, AFailedStepLeavesTheNextOneUntouched) {
    Driver raw(kRaw);
    EXPECT_EQ(raw.step("count"), "1");
    EXPECT_TRUE(raw.step("trap").starts_with("unreachable: program 'p' trapped"));
    EXPECT_EQ(raw.step("count"), "2");
    EXPECT_TRUE(raw.step("none").starts_with("no_such_export: "));
    EXPECT_EQ(
        raw.step("add", "[1]"),
        "bad_arguments: program 'p': the arguments do not fit 'add', whose type is (i32, i32) "
        "-> i32");
    EXPECT_EQ(raw.step("add", "[1, 4294967296]"),
              "bad_arguments: the argument 4294967296 is not a 32-bit integer");
    EXPECT_EQ(raw.step("add", "[1, null]"), "bad_arguments: the argument null is not a number");
    EXPECT_EQ(raw.step("add", "[1, 2.5]"),
              "bad_arguments: the argument 2.5 is not a 32-bit integer");
    EXPECT_EQ(raw.step("x.y"), "no_such_name: nothing is named 'x'");
    EXPECT_EQ(raw.step("new Thing"),
              "no_such_class: program 'p' exports no constructor of a class 'Thing'");
    EXPECT_EQ(raw.step("count"), "3");
}

TEST(ForeignCaller, TextGoesThroughTheModulesOwnMallocAndIsFreed) {
    Driver raw(kRaw);
    EXPECT_EQ(raw.step("first", R"(["Az"])"), "65");
    EXPECT_EQ(raw.step("first", R"([{"$bytes": "/w=="}])"), "255");
    EXPECT_EQ(raw.step("last_of_c", R"(["Az"])"), "122");
    EXPECT_EQ(raw.step("freed"), "3");
    EXPECT_EQ(raw.step("first", R"([{"$bytes": "?"}])"),
              "bad_arguments: the argument {\"$bytes\":\"?\"} is not base64 text");
}

TEST(ForeignCaller, WithoutAnAllocatorItUsesNewPagesOnly) {
    Driver bare(R"((module (memory (export "memory") 1)
        (func (export "where") (param i32 i32) (result i32) (local.get 0))
        (func (export "first") (param i32 i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "pages") (result i32) (memory.size))))");
    EXPECT_EQ(bare.step("where", R"(["abc"])"), "65536");
    EXPECT_EQ(bare.step("first", R"(["abc"])"), "97");
    EXPECT_EQ(bare.step("pages"), "2");
}

TEST(ForeignCaller, AnAllocatorThatLiesIsFoundOut) {
    for (const auto& [pointer, size] :
         {std::pair{"0", "0"}, {"65535", "65535"}, {"-4", "4294967292"}}) {
        Driver liar(
            "(module (memory (export \"memory\") 1)(func (export \"malloc\") (param i32) "
            "(result i32) (i32.const " +
            std::string(pointer) +
            ")) (func (export \"f\") (param i32 i32)) (func (export \"g\") (result i32) "
            "(i32.const 1)))");
        EXPECT_EQ(liar.step("f", R"(["ab"])"), "bad_allocation: program 'p': its allocator gave " +
                                                   std::string(size) +
                                                   " for 2 bytes, in a memory of 65536 bytes");
        EXPECT_EQ(liar.step("g"), "1");
    }
}

// A class in return-pointer mode, its error a string in the imported table.
constexpr std::string_view kClass = R"((module
    (import "wbg" "__wbindgen_error_new" (func $error (param i32 i32) (result externref)))
    (import "wbg" "__wbindgen_throw" (func $throw (param i32 i32)))
    (import "wbg" "table" (table $handles 128 externref))
    (memory (export "memory") 1)
    (global $sp (mut i32) (i32.const 8192))
    (global $heap (mut i32) (i32.const 16384))
    (data (i32.const 16) "no such model")
    (data (i32.const 64) "h\c3\a9llo")
    (func (export "__wbindgen_add_to_stack_pointer") (param i32) (result i32)
        (global.set $sp (i32.add (global.get $sp) (local.get 0))) (global.get $sp))
    (func (export "__wbindgen_malloc") (param i32 i32) (result i32)
        (global.get $heap) (global.set $heap (i32.add (global.get $heap) (local.get 0))))
    (func (export "__wbindgen_free") (param i32 i32 i32))
    (func (export "__wbg_box_free") (param i32 i32))
    (func (export "box_new") (param $area i32) (param $value i32)
        (if (i32.eqz (local.get $value))
            (then
                (table.set $handles (i32.const 9) (call $error (i32.const 16) (i32.const 13)))
                (i32.store (local.get $area) (i32.const 0))
                (i32.store offset=4 (local.get $area) (i32.const 9))
                (i32.store offset=8 (local.get $area) (i32.const 1)))
            (else
                (i32.store (i32.const 4096) (local.get $value))
                (i32.store (local.get $area) (i32.const 4096))
                (i32.store offset=4 (local.get $area) (i32.const 0))
                (i32.store offset=8 (local.get $area) (i32.const 0)))))
    (func (export "box_text") (param $area i32) (param $self i32)
        (i32.store (local.get $area) (i32.const 64))
        (i32.store offset=4 (local.get $area) (i32.const 6)))
    (func (export "box_check") (param $area i32) (param $self i32)
        (i32.store (local.get $area) (i32.const 0))
        (i32.store offset=4 (local.get $area) (i32.const 0)))
    (func (export "box_deep") (param $self i32)
        (global.set $sp (i32.sub (global.get $sp) (i32.const 512)))
        (call $throw (i32.const 16) (i32.const 13)))
    (func (export "sp") (result i32) (global.get $sp))
    (func (export "__wbg_get_box_value") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "__wbg_set_box_value") (param i32 i32) (i32.store (local.get 0) (local.get 1)))))";

TEST(ForeignCaller, AConstructorWithAReturnAreaMakesAnObjectThatKeepsItsState) {
    Driver boxes(kClass);
    EXPECT_EQ(boxes.step("new Box", "[5]", "b"), R"({"$ref":"b"})");
    EXPECT_EQ(boxes.step("b.value"), "5");
    EXPECT_EQ(boxes.step("b.value", "[6]"), "null");
    EXPECT_EQ(boxes.step("b.value"), "6");
    EXPECT_EQ(boxes.step("b.text"), "\"h\u00e9llo\"");
    EXPECT_EQ(boxes.step("b.check"), "null");
    EXPECT_EQ(boxes.step("b.none"), "no_such_member: class 'box' has no 'none'");
    EXPECT_EQ(boxes.step("b.free"), "null");
    EXPECT_EQ(boxes.step("b.value"), "no_such_name: nothing is named 'b'");
}

TEST(ForeignCaller, TheErrorSideOfAConstructorGivesItsText) {
    Driver boxes(kClass);
    EXPECT_EQ(boxes.step("new Box", "[0]", "b"), "refused_by_module: no such model");
    EXPECT_EQ(boxes.step("b.value"), "no_such_name: nothing is named 'b'");
    EXPECT_EQ(boxes.step("new Box", "[1]", "b"), R"({"$ref":"b"})");
}

TEST(ForeignCaller, WhatTheModuleThrowsIsTheMessageAndItsStackIsSetBack) {
    Driver boxes(kClass);
    EXPECT_EQ(boxes.step("new Box", "[1]", "b"), R"({"$ref":"b"})");
    EXPECT_EQ(boxes.step("sp"), "8192");
    EXPECT_EQ(boxes.step("b.deep"), "thrown: no such model");
    EXPECT_EQ(boxes.step("sp"), "8192");
    EXPECT_EQ(boxes.step("b.value"), "1");
}

TEST(ForeignCaller, ADescriptionSaysWhatNumbersMean) {
    Driver raw(kRaw, Json::parse(R"({"exports": {
        "count": {"returns": "bool"},
        "add": {"params": ["u32", "u32"], "returns": "u32"},
        "first": {"params": ["string"], "returns": "i32"},
        "last_of_c": {"params": ["cstring"], "returns": "u32"}}})"));
    EXPECT_EQ(raw.step("count"), "true");
    EXPECT_EQ(raw.step("add", "[4294967295, 0]"), "4294967295");
    EXPECT_EQ(raw.step("add", "[-1, 0]"),
              "bad_arguments: the argument -1 is not an unsigned 32-bit integer");
    EXPECT_EQ(raw.step("add", "[1]"),
              "bad_arguments: program 'p': 'add' takes 2 arguments and was given 1");
    EXPECT_EQ(raw.step("first", R"(["B"])"), "66");
    EXPECT_EQ(raw.step("last_of_c", R"(["xyz"])"), "122");
    EXPECT_EQ(raw.step("add", R"(["x", 1])"), "bad_arguments: the argument \"x\" must be a number");
}

TEST(ForeignCaller, TheSameCallGivesTheSameTypedAndDynamic) {
    const std::string_view step = "[-7, 9]";
    Driver dynamic(kRaw);
    Driver typed(
        kRaw, Json::parse(R"({"exports": {"add": {"params": ["i32", "i32"], "returns": "i32"}}})"));
    EXPECT_EQ(dynamic.step("add", std::string(step)), "2");
    EXPECT_EQ(typed.step("add", std::string(step)), "2");
}

TEST(ForeignCaller, ResultsThatPointOutsideAreTheModulesFault) {
    Driver liar(R"((module (memory (export "memory") 1)
        (func (export "text") (result i32 i32) (i32.const 65530) (i32.const 7))
        (func (export "c") (result i32) (i32.const 70000))
        (func (export "one") (result i32) (i32.const 1))))",
                Json::parse(R"({"exports": {"text": {"returns": "string"},
                                            "c": {"returns": "cstring"}}})"));
    EXPECT_EQ(liar.step("text"),
              "bad_pointer: program 'p' gave a result at 65530: offset 65530 with 7 bytes lies "
              "outside the guest's memory of 65536 bytes");
    EXPECT_EQ(liar.step("c"),
              "bad_pointer: program 'p' gave text at 70000 that does not end in its memory");
    EXPECT_EQ(liar.step("one"), "1");
}

TEST(ForeignCaller, AStepIsReadStrictly) {
    const auto error = [](const char* text) {
        const auto step = read_foreign_step(text);
        return step ? "" : step.error().code + ": " + step.error().message;
    };
    EXPECT_EQ(error(R"({"do": "f"})"), "");
    EXPECT_EQ(error(R"({"do": "f", "args": [1], "as": "x"})"), "");
    EXPECT_EQ(error("[]"), "invalid_step: a step is an object: {\"do\": ..., \"args\": [...]}");
    EXPECT_EQ(error(R"({"args": []})"),
              "invalid_step: a step needs 'do': an export, new Class or name.method");
    EXPECT_EQ(error(R"({"do": 1})"), "invalid_step: a step's 'do' must be a string");
    EXPECT_EQ(error(R"({"do": "f", "args": {}})"),
              "invalid_step: a step's 'args' must be an array");
    EXPECT_EQ(error(R"({"do": "f", "arg": []})"),
              "invalid_step: a step has no 'arg'; it has do, args and as");
}

}  // namespace
}  // namespace realm::sandbox::testing

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
