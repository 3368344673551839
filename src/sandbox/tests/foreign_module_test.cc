// Modules that were not written for Realm: what they import besides functions, how they start.
#include "harness.h"

namespace realm::sandbox::testing {
namespace {

std::string report_table(std::string_view import, std::string_view extra = "") {
    return "(import \"env\" \"realm_note\" (func $note (param i32)))\n" + std::string(import) + R"(
        (func (export "realm_abi_version") (result i32) i32.const 65536))" +
           std::string(extra);
}

std::vector<std::int32_t> notes_of(Harness& harness, const std::string& text, std::size_t count) {
    const auto outcome = harness.run("(module " + text + ")");
    EXPECT_EQ(message_of(outcome), "");
    return harness.probe().notes(count);
}

TEST(ForeignModule, AnImportedTableHasRoomOfTheDeclaredKind) {
    constexpr std::string_view kSize = R"((func (export "run") (call $note (table.size $t))
        (call $note (ref.is_null (table.get $t (i32.const 0))))))";
    const std::vector<std::pair<std::string_view, std::int32_t>> cases = {
        {"(import \"wbg\" \"__wbindgen_externrefs\" (table $t 128 externref))", 4096},
        {"(import \"env\" \"table\" (table $t 4096 funcref))", 4096},
        {"(import \"env\" \"table\" (table $t 4097 funcref))", 4097},
        {"(import \"env\" \"table\" (table $t 2 10 funcref))", 10},
        {"(import \"env\" \"table\" (table $t 2 4096 externref))", 4096},
        {"(import \"env\" \"table\" (table $t 0 0 funcref))", 0},
    };
    for (const auto& [import, size] : cases) {
        Harness harness;
        const bool empty = size == 0;
        const std::string body =
            empty ? "(func (export \"run\") (call $note (table.size $t)))" : std::string(kSize);
        const auto notes = notes_of(harness, report_table(import, body), empty ? 1 : 2);
        EXPECT_EQ(notes.front(), size) << import;
        EXPECT_EQ(notes.back(), empty ? 0 : 1) << import;
    }
}

TEST(ForeignModule, AnImportedTableBeyondTheLimitIsRefusedByName) {
    Harness harness;
    const std::string text =
        "(module " +
        report_table("(import \"env\" \"table\" (table 5000 funcref))", "(func (export \"run\"))") +
        ")";
    EXPECT_EQ(code_of(harness.run(text, {.table_elements = 5000})), "");
    const auto outcome = harness.run(text, {.table_elements = 4999});
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramLimit);
    EXPECT_EQ(outcome.error->code, "table");
}

TEST(ForeignModule, EachInstanceGetsItsOwnImportedTableAndMemory) {
    Harness harness;
    const std::string text = "(module " +
                             report_table(R"(
            (import "env" "memory" (memory 1)) (import "env" "t" (table $t 1 funcref)))",
                                          R"(
        (elem declare func $run)
        (func $run (export "run")
            (call $note (i32.load (i32.const 8)))
            (call $note (ref.is_null (table.get $t (i32.const 0))))
            (i32.store (i32.const 8) (i32.const 7))
            (table.set $t (i32.const 0) (ref.func $run))))") +
                             ")";
    const auto program = harness.compile(text).value();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(message_of(harness.start(program).outcome.get()), "");
    }
    EXPECT_EQ(harness.probe().notes(4), (std::vector<std::int32_t>{0, 1, 0, 1}));
}

TEST(ForeignModule, HostFunctionsReachAnImportedMemory) {
    Harness harness;
    const auto outcome = harness.run(R"((module
        (import "env" "realm_text" (func $text (param i32 i32) (result i32)))
        (import "env" "memory" (memory 1))
        (data (i32.const 100) "hello")
        (func (export "realm_abi_version") (result i32) i32.const 65536)
        (func (export "run") (drop (call $text (i32.const 100) (i32.const 5))))))");
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().last_text(), "hello");
}

TEST(ForeignModule, AnImportedMemoryCountsAgainstTheLimit) {
    Harness harness;
    const std::string text =
        "(module " +
        report_table("(import \"env\" \"memory\" (memory 2))", "(func (export \"run\"))") + ")";
    EXPECT_EQ(code_of(harness.run(text, {.memory_bytes = 131072})), "");
    EXPECT_EQ(code_of(harness.run(text, {.memory_bytes = 131071})), "memory");
}

TEST(ForeignModule, InitialisersRunOnceEachInTheirOrder) {
    Harness harness;
    const auto notes = notes_of(harness, report_table("", R"(
        (func $start (call $note (i32.const 1))) (start $start)
        (func (export "initSync") (call $note (i32.const 4)))
        (func (export "__wbindgen_start") (call $note (i32.const 3)))
        (func (export "_initialize") (call $note (i32.const 2)))
        (func (export "__wasm_call_ctors") (call $note (i32.const 9)))
        (func (export "run") (call $note (i32.const 5))))"),
                                5);
    EXPECT_EQ(notes, (std::vector<std::int32_t>{1, 2, 3, 4, 5}));
}

TEST(ForeignModule, ConstructorsAreCalledByWhoeverIsThereToDoIt) {
    {
        Harness harness;
        const auto notes = notes_of(harness, report_table("", R"(
            (func (export "__wasm_call_ctors") (call $note (i32.const 1)))
            (func (export "run") (call $note (i32.const 2))))"),
                                    2);
        EXPECT_EQ(notes, (std::vector<std::int32_t>{1, 2}));
    }
    Harness harness;
    const auto notes = notes_of(harness, report_table("", R"(
        (func $ctors (export "__wasm_call_ctors") (call $note (i32.const 1)))
        (func (export "_start") (call $ctors))
        (func (export "run") (call $note (i32.const 2))))"),
                                1);
    EXPECT_EQ(notes, (std::vector<std::int32_t>{2}));
}

TEST(ForeignModule, AnInitialiserOfAnotherTypeIsAnOrdinaryExport) {
    Harness harness;
    const auto notes = notes_of(harness, report_table("", R"(
        (func (export "initSync") (param i32) (call $note (i32.const 1)))
        (func (export "run") (call $note (i32.const 2))))"),
                                1);
    EXPECT_EQ(notes, (std::vector<std::int32_t>{2}));
}

}  // namespace
}  // namespace realm::sandbox::testing
