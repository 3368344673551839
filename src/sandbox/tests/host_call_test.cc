// Immediate host functions: arguments, pointers, errors, exceptions.
#include "harness.h"

namespace realm::sandbox::testing {
namespace {

constexpr std::string_view kImports = R"(
    (import "env" "realm_add" (func $add (param i32 i32) (result i32)))
    (import "env" "realm_mix" (func $mix (param i64 i64 f32 f64) (result f64)))
    (import "env" "realm_note" (func $note (param i32)))
    (import "env" "realm_text" (func $text (param i32 i32) (result i32)))
    (import "env" "realm_fill" (func $fill (param i32 i32)))
    (import "env" "realm_sum" (func $sum (param i32 i32) (result i64)))
    (import "env" "realm_move_point" (func $move (param i32 i32)))
    (import "env" "realm_refuse" (func $refuse (param i32) (result i32)))
    (import "env" "realm_boom" (func $boom))
    (import "env" "realm_boom_number" (func $boom_number)))";
constexpr std::string_view kMemory = R"((memory (export "memory") 2) )";  // 131072 bytes

std::string program(std::string_view code) {
    return module_text(kImports,
                       std::string(kMemory) + "(func (export \"run\") " + std::string(code) + ")");
}

TEST(HostCall, NumbersOfAllTypesArriveAndReturn) {
    Harness harness;
    const auto outcome = harness.run(program(R"(
        (call $note (call $add (i32.const -5) (i32.const 7)))
        (call $note (i32.trunc_f64_s
            (call $mix (i64.const -1) (i64.const 10) (f32.const 0.5) (f64.const 0.5)))))"));
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().notes(2), (std::vector<std::int32_t>{2, 10}));
    EXPECT_EQ(outcome.usage.memory_bytes, 131072U);
    EXPECT_GE(outcome.usage.polls, 1U);
}

TEST(HostCall, TextArraysAndStructsAreReadAndWritten) {
    Harness harness;
    const auto outcome = harness.run(module_text(kImports, R"(
        (memory (export "memory") 1)
        (data (i32.const 16) "hello")
        (data (i32.const 64) "\01\00\00\00\00\00\00\00\fe\ff\ff\ff\ff\ff\ff\ff")
        (data (i32.const 128) "\0a\00\00\00\14\00\00\00")
        (func (export "run")
            (call $note (call $text (i32.const 16) (i32.const 5)))
            (call $fill (i32.const 32) (i32.const 2))
            (call $note (i32.load (i32.const 36)))
            (call $note (i32.load (i32.const 40)))
            (call $note (i32.wrap_i64 (call $sum (i32.const 64) (i32.const 2))))
            (call $move (i32.const 128) (i32.const 136))
            (call $note (i32.load (i32.const 136)))
            (call $note (i32.load (i32.const 140)))))"));
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().last_text(), "hello");
    EXPECT_EQ(harness.probe().notes(6), (std::vector<std::int32_t>{5, 7, 0, -1, 11, 22}));
}

struct PointerCase {
    const char* code;
    const char* message;  // "" when the call is fine
};

class BadPointers : public ::testing::TestWithParam<PointerCase> {};

TEST_P(BadPointers, EndTheGuestNeverTheHost) {
    Harness harness;
    const auto outcome = harness.run(program(GetParam().code));
    EXPECT_EQ(message_of(outcome), GetParam().message);
    if (outcome.error) {
        EXPECT_EQ(outcome.error->type, ErrorType::kProgramTrap);
        EXPECT_EQ(outcome.error->code, "bad_pointer");
        EXPECT_FALSE(outcome.error->retryable);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Ranges, BadPointers,
    ::testing::Values(
        PointerCase{"(drop (call $text (i32.const 131062) (i32.const 10)))", ""},
        PointerCase{"(drop (call $text (i32.const 131063) (i32.const 10)))",
                    "program 'p': realm_text: parameter 1: offset 131063 with 10 bytes lies "
                    "outside the guest's memory of 131072 bytes"},
        PointerCase{"(drop (call $text (i32.const 131072) (i32.const 0)))", ""},
        PointerCase{"(drop (call $text (i32.const -1) (i32.const 0)))", ""},
        PointerCase{"(drop (call $text (i32.const -1) (i32.const 10)))",
                    "program 'p': realm_text: parameter 1: offset 4294967295 with 10 bytes lies "
                    "outside the guest's memory of 131072 bytes"},
        PointerCase{"(drop (call $text (i32.const 0) (i32.const -1)))",
                    "program 'p': realm_text: parameter 1: offset 0 with 4294967295 bytes lies "
                    "outside the guest's memory of 131072 bytes"},
        PointerCase{"(drop (call $text (i32.const -1) (i32.const -1)))",
                    "program 'p': realm_text: parameter 1: offset 4294967295 with 4294967295 "
                    "bytes lies outside the guest's memory of 131072 bytes"},
        // 0x20000001 elements of 8 bytes are 8 bytes in 32-bit arithmetic.
        PointerCase{"(drop (call $sum (i32.const 0) (i32.const 0x20000001)))",
                    "program 'p': realm_sum: parameter 1: offset 0 with 4294967304 bytes lies "
                    "outside the guest's memory of 131072 bytes"},
        PointerCase{"(call $fill (i32.const 131068) (i32.const 1))", ""},
        PointerCase{"(call $fill (i32.const 131068) (i32.const 2))",
                    "program 'p': realm_fill: parameter 1: offset 131068 with 8 bytes lies "
                    "outside the guest's memory of 131072 bytes"},
        PointerCase{"(call $fill (i32.const 2) (i32.const 1))",
                    "program 'p': realm_fill: parameter 1: offset 2 is not a multiple of 4"},
        PointerCase{"(call $fill (i32.const 2) (i32.const 0))", ""},
        PointerCase{"(call $move (i32.const 131064) (i32.const 131064))", ""},
        PointerCase{"(call $move (i32.const 131068) (i32.const 0))",
                    "program 'p': realm_move_point: parameter 1: offset 131068 with 8 bytes lies "
                    "outside the guest's memory of 131072 bytes"},
        PointerCase{"(call $move (i32.const 0) (i32.const 1))",
                    "program 'p': realm_move_point: parameter 2: offset 1 is not a multiple of 4"},
        PointerCase{"(call $move (i32.const -4) (i32.const 1))",
                    "program 'p': realm_move_point: parameter 1: offset 4294967292 with 8 bytes "
                    "lies outside the guest's memory of 131072 bytes"}));

TEST(HostCall, WithoutAMemoryOnlyEmptyRangesAreGood) {
    Harness harness;
    const auto run = [&](const char* code) {
        return harness.run(
            module_text(kImports, std::string("(func (export \"run\") ") + code + ")"));
    };
    EXPECT_EQ(message_of(run("(drop (call $text (i32.const 9) (i32.const 0)))")), "");
    EXPECT_EQ(message_of(run("(drop (call $text (i32.const 0) (i32.const 1)))")),
              "program 'p': realm_text: parameter 1: offset 0 with 1 bytes lies outside the "
              "guest's memory of 0 bytes");
}

TEST(HostCall, AnExportNamedMemoryThatIsNoneGivesNoAccess) {
    Harness harness;
    const auto outcome = harness.run(module_text(kImports, R"(
        (memory 1)
        (func (export "memory"))
        (func (export "run") (drop (call $text (i32.const 0) (i32.const 1)))))"));
    EXPECT_EQ(code_of(outcome), "bad_pointer");
}

TEST(HostCall, MemoryThatGrewIsSeen) {
    Harness harness;
    const auto outcome = harness.run(program(R"(
        (drop (memory.grow (i32.const 1)))
        (call $fill (i32.const 196604) (i32.const 1))
        (call $note (i32.load (i32.const 196604))))"));
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().notes(1), (std::vector<std::int32_t>{7}));
    EXPECT_EQ(outcome.usage.memory_bytes, 196608U);
}

TEST(HostCall, AReturnedErrorEndsTheGuestUnchanged) {
    Harness harness;
    const auto outcome = harness.run(program("(drop (call $refuse (i32.const 1)))"));
    EXPECT_EQ(outcome.error,
              fail(ErrorType::kQuotaExceeded, "no_more", "the quota is used up").error());
    const auto fine = harness.run(program("(call $note (call $refuse (i32.const 0)))"));
    EXPECT_EQ(message_of(fine), "");
    EXPECT_EQ(harness.probe().notes(1), (std::vector<std::int32_t>{12}));
}

TEST(HostCall, ExceptionsBecomeInternalErrors) {
    Harness harness;
    const auto standard = harness.run(program("(call $boom)"));
    ASSERT_TRUE(standard.error);
    EXPECT_EQ(standard.error->type, ErrorType::kInternal);
    EXPECT_EQ(standard.error->code, "host_function_failed");
    EXPECT_EQ(standard.error->message, "realm_boom failed: boom");
    const auto other = harness.run(program("(call $boom_number)"));
    EXPECT_EQ(message_of(other), "realm_boom_number failed: unknown exception");
    // The thread and the pool are as good as before.
    EXPECT_EQ(message_of(harness.run(program("(call $note (i32.const 1))"))), "");
}

TEST(HostCall, ABadPointerCarriesItsBacktrace) {
    Harness harness;
    const auto outcome = harness.run(module_text(kImports, R"(
        (memory (export "memory") 1)
        (func $inner (drop (call $text (i32.const -1) (i32.const 1))))
        (func $outer (export "run") (call $inner)))"));
    ASSERT_TRUE(outcome.error);
    EXPECT_TRUE(
        outcome.error->details.starts_with(R"({"program":"p","function":"inner","offset":)"))
        << outcome.error->details;
    EXPECT_NE(outcome.error->details.find(R"("trap":"bad_pointer","backtrace":[)"),
              std::string::npos);
    EXPECT_NE(outcome.error->details.find(R"({"function":"outer",)"), std::string::npos);
}

TEST(HostCall, StartFunctionsMayCallTheHostWithPointers) {
    Harness harness;
    const auto outcome = harness.run(module_text(kImports, R"(
        (memory (export "memory") 1)
        (data (i32.const 0) "start")
        (func $start (drop (call $text (i32.const 0) (i32.const 5))))
        (start $start)
        (func (export "run")))"));
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().last_text(), "start");
}

}  // namespace
}  // namespace realm::sandbox::testing
