// Runtime::inspect: what it says about imports and sizes, and why it would refuse.
#include "harness.h"

#include "sandbox/module_text.h"

namespace realm::sandbox::testing {
namespace {

ModuleReport inspect(Harness& harness, std::string_view text, const ImportRules& rules = {}) {
    const auto binary = binary_of_text(text);
    EXPECT_TRUE(binary);
    auto report = harness.runtime().inspect("p", *binary, rules);
    EXPECT_TRUE(report);
    return std::move(*report);
}

std::vector<std::string> refusals(Harness& harness, std::string_view text,
                                  const ImportRules& rules = {}) {
    std::vector<std::string> found;
    for (const Error& error : inspect(harness, text, rules).refusals) {
        // Limits say which they are.
        EXPECT_EQ(error.type,
                  error.details.empty() ? ErrorType::kInvalidRequest : ErrorType::kProgramLimit);
        found.push_back(error.code + ": " + error.message);
    }
    return found;
}

using List = std::vector<std::string>;

TEST(Inspect, SaysOfEachImportWhatBecomesOfIt) {
    Harness harness;
    const auto report = inspect(harness, R"((module
        (import "env" "realm_note" (func (param i32)))
        (import "other" "f" (func))
        (import "env" "realm_x" (func))
        (import "env" "realm_add" (func))
        (func (export "realm_abi_version") (result i32) i32.const 65536)))");
    std::vector<ImportState> states;
    for (const ImportCheck& import : report.imports) {
        states.push_back(import.state);
    }
    EXPECT_EQ(states, (std::vector{ImportState::kProvided, ImportState::kStubbed,
                                   ImportState::kRefused, ImportState::kRefused}));
    EXPECT_EQ(report.imports[1].reason, "");
    EXPECT_EQ(report.imports[2].reason,
              "it imports 'env.realm_x', which this server does not know");
    ASSERT_EQ(report.refusals.size(), 2U);
    EXPECT_EQ(report.refusals[0].code, "unknown_import");
    EXPECT_EQ(report.refusals[1].code, "import_type");
    EXPECT_EQ(report.info.abi, (AbiVersion{.major = 1, .minor = 0}));
}

TEST(Inspect, StrictRefusesWhatWouldBeStubbed) {
    Harness harness;
    constexpr std::string_view kText = R"((module (import "wbg" "f" (func))))";
    EXPECT_EQ(refusals(harness, kText), List{});
    EXPECT_EQ(refusals(harness, kText, {.strict = true, .granted = {}}),
              List{"unknown_import: program 'p': it imports 'wbg.f', which this server does not "
                   "have, and its manifest says strict"});
}

TEST(Inspect, OnlyGrantedFunctionsMayBeImported) {
    Harness harness;
    const std::string text =
        module_text(std::string(kNoteImport) +
                        R"((import "env" "realm_add" (func (param i32 i32) (result i32))))",
                    "");
    const ImportRules rules{.strict = true, .granted = [](const HostFunction& function) {
                                return function.name == "realm_add";
                            }};
    EXPECT_EQ(refusals(harness, text, rules),
              List{"import_not_granted: program 'p': it imports 'env.realm_note', whose interface "
                   "is not among those that its manifest names"});
}

TEST(Inspect, SizesAreCheckedBeforeCompilation) {
    RuntimeOptions options = small_options();
    options.max_memories_per_module = 2;
    options.max_tables_per_module = 2;
    options.max_table_elements = 100;
    Harness harness({}, options);
    EXPECT_EQ(refusals(harness,
                       "(module (memory 64) (memory 64) (table 100 funcref) (table 0 "
                       "1000 externref))"),
              List{});
    EXPECT_EQ(
        refusals(harness, "(module (memory 0) (memory 0) (memory 0))"),
        List{"memories: program 'p': it has 3 memories; 2 are allowed (limits.memories in the "
             "configuration raises it)"});
    EXPECT_EQ(refusals(harness, "(module (memory 65))"),
              List{"memory: program 'p': it has a memory that begins with 65 pages of "
                   "65536 bytes; at most 4194304 bytes are allowed (limits.memory_bytes in the "
                   "configuration raises it)"});
    EXPECT_EQ(refusals(harness, "(module (memory 1 2 shared))"),
              List{"shared_memory: program 'p': it has a shared memory; threads of a program's own "
                   "are not allowed"});
    EXPECT_EQ(refusals(harness, "(module (table 0 funcref) (table 0 funcref) (table 0 funcref))"),
              List{"tables: program 'p': it has 3 tables; 2 are allowed (limits.tables in the "
                   "configuration raises it)"});
    EXPECT_EQ(refusals(harness, "(module (table 101 funcref))"),
              List{"table: program 'p': it has a table that begins with 101 elements; at "
                   "most 100 are allowed (limits.table_elements in the configuration raises it)"});
}

TEST(Inspect, CompileRefusesTheSame) {
    Harness harness;
    const auto program = harness.compile("(module (memory 65))");
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().type, ErrorType::kProgramLimit);
    EXPECT_EQ(program.error().code, "memory");
    EXPECT_EQ(program.error().details,
              R"({"limit":"memory","value":4194304,"setting":"limits.memory_bytes"})");
    EXPECT_TRUE(harness.compile("(module (memory 64))"));
}

TEST(Inspect, WhatCannotBeReadIsAnError) {
    Harness harness;
    const auto report = harness.runtime().inspect("p", base::as_bytes("nothing!"), {});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, "invalid_module");
    EXPECT_EQ(
        report.error().message,
        "program 'p': the module does not begin with the header of WebAssembly, version 1 (at "
        "byte 8)");
}

}  // namespace
}  // namespace realm::sandbox::testing
