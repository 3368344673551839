// The ABI marker: what compilers make of it, what is refused, and which versions are spoken.
#include "harness.h"

namespace realm::sandbox::testing {
namespace {

std::string refusal(Harness& harness, std::string_view text) {
    const auto program = harness.compile(text);
    if (program) {
        return "";
    }
    EXPECT_EQ(program.error().type, ErrorType::kInvalidRequest);
    return program.error().code + ": " + program.error().message;
}

std::string advice(std::string_view problem) {
    return "invalid_module: program 'p': the module has an export realm_abi_version that " +
           std::string(problem) +
           ": let it be a function () -> i32 that returns a constant (major << 16 | minor), or an "
           "immutable i32 global (at byte ";
}

TEST(Marker, AcceptsWhatCompilersProduce) {
    Harness harness;
    for (const char* body : {
             "i32.const 65536",
             "(return (i32.const 65536))",
             "(local i32) (local.set 0 (i32.const 65536)) (return (local.get 0))",
             "(local i32 i32) (local.tee 1 (i32.const 65536))",
             "(local i32) (local.set 0 (i32.const 65536)) local.get 0 return unreachable",
         }) {
        const auto program =
            harness.compile("(module (func (export \"realm_abi_version\") (result i32) " +
                            std::string(body) + "))");
        ASSERT_TRUE(program) << body << ": " << program.error().message;
        EXPECT_EQ((*program)->info().abi, (AbiVersion{.major = 1, .minor = 0}));
    }
}

TEST(Marker, IsFoundBehindOtherFunctionsAndImports) {
    Harness harness;
    EXPECT_EQ(refusal(harness, R"((module
        (import "env" "realm_note" (func (param i32)))
        (func (result i32) i32.const 1)
        (func (export "realm_abi_version") (result i32) i32.const 65536)
        (func (result i32) i32.const 2)))"),
              "");
}

TEST(Marker, MayBeAGlobalBehindOthers) {
    Harness harness;
    EXPECT_EQ(refusal(harness, R"((module
        (global f64 (f64.const 1)) (global (mut i64) (i64.const 5)) (global funcref (ref.null func))
        (global i32 (i32.add (i32.const 1) (i32.const 2)))
        (global v128 (v128.const i32x4 1 2 3 4))
        (global (export "realm_abi_version") i32 (i32.const 65536))))"),
              "");
}

TEST(Marker, OnlyRealmProgramsNeedIt) {
    Harness harness;
    const std::string remedy =
        "abi_missing: program 'p': it does not say which version of the program interface it "
        "was built for: export realm_abi_version, a function () -> i32 that returns 1 << 16 "
        "| 5 (the SDK's header defines it)";
    EXPECT_EQ(refusal(harness, R"((module (func (export "realm_run"))))"), remedy);
    EXPECT_EQ(refusal(harness, R"((module (import "env" "realm_note" (func (param i32)))))"),
              remedy);
    EXPECT_EQ(refusal(harness, "(module)"), "");
    EXPECT_EQ(
        refusal(harness, R"((module (import "a" "realm_note" (func)) (func (export "run"))))"), "");
}

TEST(Marker, OtherVersionsAreRefusedWithBothNumbers) {
    Harness harness;
    const auto version = [&](const std::string& number) {
        return refusal(harness,
                       "(module (func (export \"realm_abi_version\") (result i32) "
                       "i32.const " +
                           number + "))");
    };
    EXPECT_EQ(version("0x10000"), "");
    EXPECT_EQ(version("0x10001"), "");
    EXPECT_EQ(version("0x10005"), "");
    EXPECT_EQ(version("0x10006"),
              "abi_version: program 'p': it was built for version 1.6 of the program interface, "
              "newer than this server's 1.5: update the server or build it with an older SDK");
    const std::string other_major =
        " of the program interface and this server speaks 1.5: build "
        "it with the SDK of this server";
    EXPECT_EQ(version("0x20000"),
              "abi_version: program 'p': it was built for version 2.0" + other_major);
    EXPECT_EQ(version("0xffff"),
              "abi_version: program 'p': it was built for version 0.65535" + other_major);
    EXPECT_EQ(version("-1"),
              "abi_version: program 'p': it was built for version 65535.65535" + other_major);
}

TEST(Marker, MustBeReadableWithoutRunningIt) {
    Harness harness;
    const auto starts = [&](const std::string& body, std::string_view problem) {
        const std::string found =
            refusal(harness,
                    "(module (import \"a\" \"b\" (func $imported (result i32))) "
                    "(import \"a\" \"c\" (func $exported (result i32))) "
                    "(global $g (mut i32) (i32.const 65536)) (memory 1) " +
                        body + ")");
        EXPECT_TRUE(found.starts_with(advice(problem))) << found;
    };
    constexpr std::string_view kMore = "does more than return a constant";
    const std::string head = "(func (export \"realm_abi_version\") (result i32) ";
    starts(head + "(i32.add (i32.const 65535) (i32.const 1)))", kMore);
    starts(head + "(global.get $g))", kMore);
    starts(head + "(call $imported))", kMore);
    starts(head + "(local i64) (i32.const 65536))", kMore);
    starts(head + "unreachable)", kMore);
    starts("(func (export \"realm_abi_version\") (param i32) (result i32) local.get 0)",
           "does not have the type () -> i32");
    starts("(func (export \"realm_abi_version\"))", "does not have the type () -> i32");
    starts("(export \"realm_abi_version\" (func $exported))", "is imported");
    starts("(export \"realm_abi_version\" (memory 0))", "is neither a function nor a global");
    starts("(export \"realm_abi_version\" (global $g))", "is a global but no immutable i32");
    starts("(global (export \"realm_abi_version\") i64 (i64.const 65536))",
           "is a global but no immutable i32");
    starts("(global (export \"realm_abi_version\") i32 (i32.add (i32.const 1) (i32.const 2)))",
           "is a global without a constant");
}

}  // namespace
}  // namespace realm::sandbox::testing
