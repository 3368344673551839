// How guests that trap end: the words, the code, the backtrace.
#include "harness.h"

namespace realm::sandbox::testing {
namespace {

RunOutcome run_body(Harness& harness, std::string_view body) {
    return harness.run(module_text("", body));
}

TEST(Trap, NamesFunctionsOffsetsAndReason) {
    Harness harness;
    const auto outcome = run_body(harness, R"(
        (memory (export "memory") 1)
        (func $inner (result i32) (i32.load (i32.const 65533)))
        (func $middle (drop (call $inner)))
        (func $realm_run (export "run") (call $middle)))");
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramTrap);
    EXPECT_EQ(outcome.error->code, "out_of_bounds");
    EXPECT_FALSE(outcome.error->retryable);
    EXPECT_EQ(outcome.error->message,
              "program 'p' trapped in function 'inner' (offset 0x54): out of bounds memory "
              "access; called from 'middle', 'realm_run'");
    EXPECT_EQ(outcome.error->details,
              R"({"program":"p","function":"inner","offset":84,"trap":"out_of_bounds",)"
              R"("backtrace":[{"function":"inner","offset":84},{"function":"middle","offset":90},)"
              R"({"function":"realm_run","offset":96}]})");
    EXPECT_EQ(outcome.usage.memory_bytes, 65536U);
}

TEST(Trap, TheLastWordOfMemoryIsInBounds) {
    Harness harness;
    EXPECT_EQ(message_of(run_body(harness, R"(
        (memory 1) (func (export "run") (drop (i32.load (i32.const 65532)))))")),
              "");
}

TEST(Trap, EachKindHasItsCode) {
    Harness harness;
    const auto code = [&](const std::string& body) {
        const auto outcome = run_body(harness,
                                      "(table 2 funcref) (type $v (func)) "
                                      "(func $f (param i32)) (elem (i32.const 1) $f) "
                                      "(func (export \"run\") " +
                                          body + ")");
        EXPECT_TRUE(!outcome.error || outcome.error->type == ErrorType::kProgramTrap);
        return code_of(outcome);
    };
    EXPECT_EQ(code("unreachable"), "unreachable");
    EXPECT_EQ(code("(drop (i32.div_s (i32.const 1) (i32.const 0)))"), "integer_divide_by_zero");
    EXPECT_EQ(code("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"), "integer_overflow");
    EXPECT_EQ(code("(drop (i32.trunc_f32_s (f32.const nan)))"), "bad_float_to_integer");
    EXPECT_EQ(code("(call_indirect (type $v) (i32.const 0))"), "null_function");
    EXPECT_EQ(code("(call_indirect (type $v) (i32.const 1))"), "indirect_call_type");
    EXPECT_EQ(code("(call_indirect (type $v) (i32.const 2))"), "table_out_of_bounds");
    EXPECT_EQ(code("(call $f (i32.const 0))"), "");
}

TEST(Trap, EndlessRecursionEndsAndKeepsTwentyFrames) {
    Harness harness;
    const auto outcome = run_body(harness, R"((func $again (export "run") (call $again)))");
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramLimit);
    EXPECT_EQ(outcome.error->code, "stack");
    EXPECT_TRUE(outcome.error->details.starts_with(
        R"({"limit":"stack","value":262144,"setting":"limits.stack_bytes","program":"p",)"
        R"("function":"again","trap":"stack","backtrace":[)"))
        << outcome.error->details;
    std::size_t frames = 0;
    for (std::size_t at = 0;
         (at = outcome.error->details.find(R"({"function":"again")", at)) != std::string::npos;
         ++at) {
        ++frames;
    }
    EXPECT_EQ(frames, 20U);
    EXPECT_TRUE(outcome.error->message.starts_with(
        "program 'p' used up its stack of 262144 bytes in function 'again' (endless recursion?); "
        "called from 'again', "))
        << outcome.error->message;
}

TEST(Trap, SaysAroundWhatItHappened) {
    Harness harness;
    const auto context = [](const RunOutcome& outcome) {
        return outcome.error ? outcome.error->context : std::vector<std::string>{};
    };
    using Lines = std::vector<std::string>;
    EXPECT_EQ(context(run_body(harness, "(func (export \"run\") unreachable)")),
              (Lines{"export 'run' of program 'p'"}));
    EXPECT_EQ(
        context(run_body(harness, "(func $s unreachable) (start $s) (func (export \"run\"))")),
        (Lines{"instantiation of program 'p'"}));
    EXPECT_EQ(context(run_body(harness,
                               "(func (export \"_initialize\") unreachable) "
                               "(func (export \"run\"))")),
              (Lines{"export '_initialize' of program 'p'"}));
    constexpr std::string_view kText =
        R"((import "env" "realm_text" (func $text (param i32 i32) (result i32))))";
    EXPECT_EQ(
        context(harness.run(module_text(kText, R"((memory (export "memory") 1) (func (export "run")
                      (drop (call $text (i32.const 0) (i32.const -1)))))"))),
        (Lines{"host function 'env.realm_text'", "export 'run' of program 'p'"}));
    // What is no fault of the program carries none.
    EXPECT_EQ(context(harness.run(module_text("", ""), {}, "missing")), Lines{});
}

TEST(Trap, FunctionsWithoutANameGetTheirNumber) {
    Harness harness;
    const auto outcome = run_body(harness, R"((func (export "run") unreachable))");
    EXPECT_EQ(message_of(outcome).find("program 'p' trapped in function '#1' (offset 0x"), 0U)
        << message_of(outcome);
}

TEST(Trap, InTheStartFunctionItEndsTheRunBeforeTheEntry) {
    Harness harness;
    const auto outcome =
        harness.run(module_text(kNoteImport, R"((func $start unreachable) (start $start)
                        (func (export "run") i32.const 9 call $note))"));
    EXPECT_EQ(code_of(outcome), "unreachable");
    EXPECT_NE(message_of(outcome).find("trapped in function 'start'"), std::string::npos);
    EXPECT_TRUE(harness.probe().notes(0).empty());
}

TEST(Trap, InitializeRunsBeforeTheEntry) {
    Harness harness;
    const auto outcome =
        harness.run(module_text(kNoteImport, R"((func $start i32.const 1 call $note) (start $start)
                        (func (export "_initialize") i32.const 2 call $note)
                        (func (export "run") i32.const 3 call $note))"));
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().notes(3), (std::vector<std::int32_t>{1, 2, 3}));
}

TEST(Trap, UnknownImportsTrapByNameWhenCalled) {
    Harness harness;
    constexpr std::string_view kImport =
        R"((import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
           (import "env" "take" (func $take (param externref v128) (result externref))))";
    EXPECT_EQ(message_of(harness.run(module_text(kImport, "(func (export \"run\"))"))), "");
    const auto called = harness.run(module_text(kImport, R"(
        (func (export "run")
            (drop (call $write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))"));
    ASSERT_TRUE(called.error);
    EXPECT_EQ(called.error->type, ErrorType::kProgramTrap);
    EXPECT_EQ(called.error->code, "unknown_import");
    EXPECT_EQ(called.error->message,
              "program 'p' called import 'wasi_snapshot_preview1.fd_write', which this server "
              "does not provide");
    const auto other = harness.run(module_text(kImport, R"(
        (func (export "run")
            (drop (call $take (ref.null extern) (v128.const i32x4 0 0 0 0)))))"));
    EXPECT_EQ(message_of(other),
              "program 'p' called import 'env.take', which this server does not provide");
}

TEST(Trap, TheSameUnknownImportTwiceIsOneStub) {
    Harness harness;
    EXPECT_EQ(
        message_of(harness.run(module_text(R"((import "a" "b" (func)) (import "a" "b" (func)))",
                                           "(func (export \"run\"))"))),
        "");
}

TEST(Trap, AnUncaughtExceptionIsTheGuestsFault) {
    Harness harness;
    const auto outcome = run_body(harness, "(tag $t) (func $f (export \"run\") (throw $t))");
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramTrap);
    EXPECT_EQ(outcome.error->code, "uncaught_exception");
}

TEST(Entry, MustExistAndTakeNothing) {
    Harness harness;
    const std::string text = module_text("", R"(
        (memory (export "memory") 1)
        (func (export "run"))
        (func (export "with") (param i32) (result i64) i64.const 0))");
    EXPECT_EQ(message_of(harness.run(text)), "");
    const auto missing = harness.run(text, {}, "walk");
    ASSERT_TRUE(missing.error);
    EXPECT_EQ(missing.error->type, ErrorType::kInvalidRequest);
    EXPECT_EQ(missing.error->code, "no_such_export");
    EXPECT_EQ(missing.error->message,
              "program 'p' exports no function 'walk'; it exports "
              "'realm_abi_version', 'run', 'with'");
    EXPECT_EQ(code_of(harness.run(text, {}, "memory")), "no_such_export");
    const auto wrong = harness.run(text, {}, "with");
    ASSERT_TRUE(wrong.error);
    EXPECT_EQ(wrong.error->type, ErrorType::kInvalidRequest);
    EXPECT_EQ(wrong.error->code, "bad_export_type");
    EXPECT_EQ(wrong.error->message,
              "program 'p': its export 'with' has the type (i32) -> i64; it "
              "must be () -> ()");
    EXPECT_EQ(
        message_of(harness.run(module_text("", R"(
        (func (export "_initialize") (param i32)) (func (export "run")))"))),
        "program 'p': its export '_initialize' has the type (i32) -> (); it must be () -> ()");
}

}  // namespace
}  // namespace realm::sandbox::testing
