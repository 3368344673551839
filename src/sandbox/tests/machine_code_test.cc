// Machine code made apart from the runtime that loads it.
#include "sandbox/machine_code.h"

#include "harness.h"

namespace realm::sandbox::testing {
namespace {

Result<base::SealedMemory> compiled(const CodeSettings& settings, std::span<const std::byte> wasm,
                                    CompileThreads threads = CompileThreads::kOne) {
    Result<base::SealedMemory> memory = fail(ErrorType::kInternal, "not_taken", "");
    const auto done = precompile(settings, wasm, threads, [&](std::span<const std::byte> code) {
        memory = base::SealedMemory::copy_of(code);
        return Result<void>();
    });
    return done ? std::move(memory) : std::unexpected(done.error());
}

TEST(MachineCode, RunsInARuntimeWithTheseSettings) {
    Harness harness;
    const std::string text = module_text(kNoteImport, R"(
        (memory 1) (data (i32.const 8) "\2a")
        (func (export "run") (call $note (i32.load (i32.const 8)))))");
    auto checked = harness.runtime().check("loaded", base::as_bytes(text)).value();
    const std::string digest = checked.digest;
    for (const auto threads : {CompileThreads::kOne, CompileThreads::kAll}) {
        const auto code = compiled(harness.runtime().code_settings(), checked.wasm(), threads);
        ASSERT_TRUE(code.has_value()) << code.error().message;
        const auto program = harness.runtime().load(checked, *code);
        ASSERT_TRUE(program.has_value()) << program.error().message;
        EXPECT_EQ((*program)->name(), "loaded");
        EXPECT_EQ((*program)->digest(), digest);
        EXPECT_NE((*program)->info().find_export("run"), nullptr);
        EXPECT_EQ(code_of(harness.start(*program).outcome.get()), "");
    }
    EXPECT_EQ(harness.probe().notes(2), (std::vector<std::int32_t>{42, 42}));
}

TEST(MachineCode, OutlivesTheMemoryThatItCameIn) {
    Harness harness;
    const std::string text = module_text(kNoteImport, R"(
        (func (export "run") (call $note (i32.const 3))))");
    auto checked = harness.runtime().check("loaded", base::as_bytes(text)).value();
    const auto program = [&] {
        const auto code = compiled(harness.runtime().code_settings(), checked.wasm());
        return harness.runtime().load(std::move(checked), *code).value();
    }();
    EXPECT_EQ(code_of(harness.start(program).outcome.get()), "");
    EXPECT_EQ(harness.probe().notes(1), std::vector<std::int32_t>{3});
}

TEST(MachineCode, SaysWhyAModuleIsNotValid) {
    // Its function returns nothing where it should return an i32.
    constexpr std::array<std::uint8_t, 23> kInvalid = {0, 'a', 's', 'm', 1, 0, 0, 0,  1, 5, 1, 0x60,
                                                       0, 1,   127, 3,   2, 1, 0, 10, 4, 1, 2};
    std::vector<std::uint8_t> wasm(kInvalid.begin(), kInvalid.end());
    wasm.insert(wasm.end(), {0, 0x0b});
    const auto code = compiled({.guest_stack_bytes = 65536}, std::as_bytes(std::span(wasm)));
    ASSERT_FALSE(code.has_value());
    EXPECT_EQ(code.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(code.error().code, "invalid_module");
    EXPECT_TRUE(code.error().message.contains("type mismatch")) << code.error().message;
}

TEST(MachineCode, PassesOnTheTakersError) {
    Harness harness;
    const auto checked = harness.runtime().check("a", base::as_bytes(module_text("", ""))).value();
    const auto done = precompile(
        harness.runtime().code_settings(), checked.wasm(), CompileThreads::kOne,
        [](auto) -> Result<void> { return fail(ErrorType::kUnavailable, "no_room", "no room"); });
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, "no_room");
}

TEST(MachineCode, IsRefusedByARuntimeWithOtherSettings) {
    Harness harness;
    auto checked = harness.runtime().check("other", base::as_bytes(module_text("", ""))).value();
    CodeSettings other = harness.runtime().code_settings();
    other.memory_guard += 65536;
    const auto code = compiled(other, checked.wasm());
    ASSERT_TRUE(code.has_value());
    const auto program = harness.runtime().load(std::move(checked), *code);
    ASSERT_FALSE(program.has_value());
    EXPECT_EQ(program.error().code, "invalid_module");
    EXPECT_TRUE(program.error().message.contains("memory guard size")) << program.error().message;
}

TEST(MachineCode, FingerprintsTellSettingsApart) {
    const CodeSettings settings{
        .guest_stack_bytes = 262144, .memory_reservation = 4194304, .memory_guard = 65536};
    const auto fingerprint = code_fingerprint(settings);
    ASSERT_TRUE(fingerprint.has_value()) << fingerprint.error().message;
    EXPECT_EQ(fingerprint->size(), 64U);
    EXPECT_EQ(code_fingerprint(settings), fingerprint);
    CodeSettings stack = settings;
    stack.guest_stack_bytes *= 2;
    EXPECT_NE(code_fingerprint(stack), fingerprint);
    CodeSettings reservation = settings;
    reservation.memory_reservation *= 2;
    EXPECT_NE(code_fingerprint(reservation), fingerprint);
    CodeSettings guard = settings;
    guard.memory_guard *= 2;
    EXPECT_NE(code_fingerprint(guard), fingerprint);
}

TEST(Check, LooksAtAModuleWithoutCompilingIt) {
    Harness harness;
    // Its body is invalid, which only compilation finds out.
    const std::string text = module_text(kNoteImport, R"((func (export "run") (result i32)))");
    const auto checked = harness.runtime().check("a", base::as_bytes(text));
    ASSERT_TRUE(checked.has_value()) << checked.error().message;
    EXPECT_EQ(checked->name, "a");
    EXPECT_EQ(checked->info.imports.at(0).name, "realm_note");
    EXPECT_EQ(checked->digest.size(), 64U);
    const auto program = harness.compile(text);
    ASSERT_FALSE(program.has_value());
    EXPECT_EQ(program.error().code, "invalid_module");
    const auto refused = harness.runtime().check("a", base::as_bytes("(module"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, "invalid_module");
}

}  // namespace
}  // namespace realm::sandbox::testing
