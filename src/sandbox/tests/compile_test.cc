// What Runtime::compile accepts and refuses, and the runtime's own options.
#include "harness.h"

namespace realm::sandbox::testing {
namespace {

std::string refusal(Harness& harness, std::string_view text) {
    const auto program = harness.compile(text);
    if (program) {
        return "";
    }
    // Limits say which they are.
    EXPECT_EQ(program.error().type, program.error().details.empty() ? ErrorType::kInvalidRequest
                                                                    : ErrorType::kProgramLimit);
    EXPECT_FALSE(program.error().retryable);
    return program.error().code + ": " + program.error().message;
}

TEST(Compile, AProgramKnowsItsNameDigestAndInfo) {
    Harness harness;
    const std::string text = module_text(kNoteImport, "(func (export \"run\"))");
    const auto program = harness.compile(text);
    ASSERT_TRUE(program);
    EXPECT_EQ((*program)->name(), "p");
    EXPECT_EQ((*program)->digest().size(), 64U);
    EXPECT_EQ((*harness.compile(text))->digest(), (*program)->digest());
    EXPECT_NE((*harness.compile(module_text("", "")))->digest(), (*program)->digest());
    ASSERT_EQ((*program)->info().imports.size(), 1U);
    EXPECT_EQ((*program)->info().imports[0].name, "realm_note");
    ASSERT_NE((*program)->info().find_export("run"), nullptr);
    EXPECT_EQ((*program)->info().find_export("run")->signature, Signature{});
}

TEST(Compile, TheDigestIsThatOfTheBinary) {
    Harness harness;
    // The module with only the marker, as a global; sha256sum says the same of it.
    const char bytes[] =
        "\0asm\1\0\0\0\6\x08\1\x7f\0\x41\x80\x80\4\x0b\7\x15\1\x11realm_abi_version\3";
    const std::string_view wasm(bytes, sizeof(bytes));
    const auto program = harness.runtime().compile("p", base::as_bytes(wasm));
    ASSERT_TRUE(program) << program.error().message;
    EXPECT_EQ((*program)->digest(),
              "1ac8e28b31ab20d4390f18586fd5d10dba5dc23c6903b339e3cd9e95a0ebb23a");
}

TEST(Compile, UnknownRealmImportsAreRefusedByName) {
    Harness harness;
    EXPECT_EQ(refusal(harness, module_text("(import \"env\" \"realm_x\" (func))", "")),
              "unknown_import: program 'p': it imports 'env.realm_x', which this server does not "
              "know");
    EXPECT_EQ(refusal(harness, module_text("(import \"env\" \"abort\" (func))", "")), "");
    EXPECT_EQ(refusal(harness, module_text("(import \"other\" \"realm_x\" (func))", "")), "");
}

TEST(Compile, ImportsWithAnotherTypeAreRefused) {
    Harness harness;
    EXPECT_EQ(
        refusal(harness, module_text("(import \"env\" \"realm_add\" (func (param i32 i64)))", "")),
        "import_type: program 'p': it imports 'env.realm_add' with the type (i32, i64) -> (), "
        "which is (i32, i32) -> i32");
    EXPECT_EQ(
        refusal(harness,
                module_text("(import \"env\" \"realm_note\" (func (param externref)))", "")),
        "import_type: program 'p': it imports 'env.realm_note' with the type (externref) -> (), "
        "which is (i32) -> ()");
}

TEST(Compile, AFunctionIsKnownByItsModuleAndName) {
    Harness harness;
    EXPECT_EQ(refusal(harness,
                      module_text("(import \"elsewhere\" \"realm_add\" (func (param i64)))", "")),
              "import_type: program 'p': it imports 'elsewhere.realm_add' with the type (i64) -> "
              "(), which is (i32, i32) -> i32");
    const auto outcome = harness.run(module_text(R"(
        (import "env" "realm_note" (func $note (param i32)))
        (import "env" "realm_add" (func $add (param i32 i32) (result i32)))
        (import "elsewhere" "realm_add" (func $multiply (param i32 i32) (result i32)))
        (import "elsewhere" "realm_note" (func $unknown (param i32))))",
                                                 R"((func (export "run")
        (call $note (call $add (i32.const 3) (i32.const 4)))
        (call $note (call $multiply (i32.const 3) (i32.const 4)))
        (call $unknown (i32.const 1))))"));
    EXPECT_EQ(harness.probe().notes(2), (std::vector<std::int32_t>{7, 12}));
    EXPECT_EQ(message_of(outcome),
              "program 'p' called import 'elsewhere.realm_note', which this server does not "
              "provide");
}

TEST(Compile, GlobalsAndTagsCannotBeImported) {
    Harness harness;
    const auto message = [](std::string_view what) {
        return "unsupported_import: program 'p': it imports the " + std::string(what) +
               "; programs can import functions, tables of funcref or externref, and plain "
               "memories only";
    };
    EXPECT_EQ(refusal(harness, module_text("(import \"a\" \"g\" (global i32))", "")),
              message("global 'a.g'"));
    EXPECT_EQ(refusal(harness, module_text("(import \"a\" \"x\" (tag))", "")),
              "unsupported_import: program 'p': it imports the tag 'a.x', through which it would "
              "catch errors of JavaScript's (WebAssembly.JSTag); this server gives them to "
              "functions only: build it without exception handling");
    EXPECT_EQ(refusal(harness, module_text("(import \"a\" \"t\" (table 1 anyref))", "")),
              message("table 'a.t'"));
    EXPECT_EQ(refusal(harness, module_text("(import \"a\" \"m\" (memory i64 1))", "")),
              message("memory 'a.m'"));
    EXPECT_EQ(refusal(harness, module_text("(import \"a\" \"m\" (memory 1 1 shared))", "")),
              message("memory 'a.m'"));
    EXPECT_EQ(refusal(harness, module_text("(import \"env\" \"memory\" (memory 1))", "")), "");
    EXPECT_EQ(refusal(harness, module_text("(import \"a\" \"t\" (table 1 funcref))", "")), "");
}

TEST(Compile, NamesFromModulesAreMadeFitForMessages) {
    Harness harness;
    const std::string long_name = "realm_" + std::string(200, 'x');
    EXPECT_EQ(refusal(harness, module_text("(import \"env\" \"" + long_name + "\" (func))", "")),
              "unknown_import: program 'p': it imports 'env." + long_name.substr(0, 100) +
                  "...', which this server does not know");
    EXPECT_EQ(refusal(harness, module_text("(import \"env\" \"realm_\\0a\\00\" (func))", "")),
              "unknown_import: program 'p': it imports 'env.realm_?"
              "?', which this server does not "
              "know");
}

TEST(Compile, WhatWasmtimeRejectsIsRefused) {
    Harness harness;
    EXPECT_TRUE(refusal(harness, "(module")
                    .starts_with("invalid_module: program 'p': its text is no WebAssembly: "));
    // The body leaves nothing on the stack.
    EXPECT_TRUE(refusal(harness, module_text("", "(func (result i32))"))
                    .starts_with("invalid_module: program 'p': "));
}

TEST(Compile, TheSizeLimitIsExact) {
    RuntimeOptions options = small_options();
    const std::string text = module_text("", "");
    options.max_module_bytes = text.size();
    Harness exact({}, options);
    EXPECT_EQ(refusal(exact, text), "");
    options.max_module_bytes = text.size() - 1;
    Harness small({}, options);
    EXPECT_EQ(refusal(small, text),
              "module_bytes: program 'p': its " + std::to_string(text.size()) +
                  " bytes are more than the limit of " + std::to_string(text.size() - 1) +
                  " (limits.module_bytes in the configuration raises it)");
}

TEST(RuntimeOptions, ImpossibleOnesAreRefused) {
    const auto error = [](const auto& change) {
        RuntimeOptions options = small_options();
        change(options);
        const auto runtime = Runtime::create(options, {});
        return runtime ? "" : runtime.error().code + ": " + runtime.error().message;
    };
    EXPECT_EQ(error([](RuntimeOptions&) {}), "");
    EXPECT_EQ(error([](RuntimeOptions& o) { o.max_instances = 0; }),
              "bad_sandbox_options: the sandbox's limits (instances, memories, tables, tick) must "
              "be above 0");
    EXPECT_EQ(error([](RuntimeOptions& o) { o.max_memory_bytes = 65535; }),
              "bad_sandbox_options: the sandbox's largest memory is 65535 bytes; it must lie "
              "between 65536 and 4294967296");
    EXPECT_EQ(error([](RuntimeOptions& o) { o.host_stack_bytes = 65535; }),
              "bad_sandbox_options: host functions need a stack of at least 65536 bytes, not "
              "65535");
}

TEST(RuntimeOptions, AHostFunctionNeedsExactlyOneThunk) {
    const auto runtime =
        Runtime::create(small_options(), {HostFunction{.name = "realm_none", .signature = {}}});
    ASSERT_FALSE(runtime);
    EXPECT_EQ(runtime.error().message, "realm_none is no proper host function");
}

}  // namespace
}  // namespace realm::sandbox::testing
