// Host functions that follow pointers in structs, answer with the guest's memory or end the run.
#include <algorithm>

#include "harness.h"

namespace realm::sandbox::testing {
namespace {

constexpr std::string_view kImports = R"(
    (import "env" "realm_note" (func $note (param i32)))
    (import "env" "realm_wait" (func $wait (param i32) (result i32)))
    (import "env" "realm_cpu" (func $cpu (result i64)))
    (import "env" "realm_follow" (func $follow (param i32) (result i32)))
    (import "env" "realm_leave" (func $leave)))";

std::string program(std::string_view code, std::string_view more = "") {
    return module_text(kImports, "(memory (export \"memory\") 1) (func (export \"run\") " +
                                     std::string(code) + ")" + std::string(more));
}

TEST(Caller, PointersInStructsAreCheckedToo) {
    Harness harness;
    EXPECT_EQ(message_of(harness.run(program(R"(
        (i32.store (i32.const 8) (i32.const 65535))
        (i32.store8 (i32.const 65535) (i32.const 77))
        (call $note (call $follow (i32.const 8))))"))),
              "");
    EXPECT_EQ(harness.probe().notes(1), (std::vector<std::int32_t>{77}));
    const auto outcome = harness.run(program(R"(
        (i32.store (i32.const 8) (i32.const 65536))
        (call $note (call $follow (i32.const 8))))"));
    EXPECT_EQ(code_of(outcome), "bad_pointer");
    EXPECT_EQ(
        message_of(outcome),
        "program 'p': realm_follow: inner pointer: offset 65536 with 1 bytes lies outside the "
        "guest's memory of 65536 bytes");
    EXPECT_NE(outcome.error->details.find("\"backtrace\":[{"), std::string::npos);
}

TEST(Caller, AGuestMayEndItsRun) {
    Harness harness;
    EXPECT_EQ(message_of(harness.run(program(R"(
        (call $note (i32.const 1)) (call $inner) (call $note (i32.const 2)))",
                                             "(func $inner (call $leave) unreachable)"))),
              "");
    EXPECT_EQ(
        message_of(harness.run(program("(call $note (i32.const 3))",
                                       "(func (export \"_initialize\") (call $note (i32.const 4)) "
                                       "(call $leave))"))),
        "");
    EXPECT_EQ(message_of(harness.run(program(
                  "(call $note (i32.const 5))",
                  "(func $begin (call $note (i32.const 6)) (call $leave)) (start $begin)"))),
              "");
    EXPECT_EQ(harness.probe().notes(3), (std::vector<std::int32_t>{1, 4, 6}));
}

TEST(Caller, TheGuestsCpuTimeCountsItsPolls) {
    Harness harness;
    auto started = harness.start(harness
                                     .compile(program(R"(
        (call $note (i32.wrap_i64 (call $cpu)))
        (drop (call $wait (i32.const 0)))
        (call $note (i32.wrap_i64 (call $cpu))))"))
                                     .value());
    harness.probe().take_waiting().resolve(0);
    const auto outcome = started.outcome.get();
    EXPECT_EQ(message_of(outcome), "");
    const auto times = harness.probe().notes(2);
    EXPECT_GT(times[0], 0);
    EXPECT_GT(times[1], times[0]);
    EXPECT_GE(outcome.usage.cpu.count(), times[1]);
}

TEST(Caller, AnAnswerMayWriteToTheMemoryOfTheResumedGuest) {
    Harness harness;
    auto started = harness.start(harness
                                     .compile(program(R"(
        (drop (call $wait (i32.const 0)))
        (drop (memory.grow (i32.const 3)))
        (call $note (call $wait (i32.const 0)))
        (call $note (i32.load (i32.const 262140))))"))
                                     .value());
    std::size_t first_size = 0;
    harness.probe().take_waiting().resolve_with([&](const GuestMemory& memory) {
        first_size = memory.size();
        return 0;
    });
    harness.probe().take_waiting().resolve_with([](const GuestMemory& memory) {
        memory.span<std::uint32_t>(262140, 1)->front() = 99;
        return static_cast<std::int32_t>(memory.size());
    });
    EXPECT_EQ(message_of(started.outcome.get()), "");
    EXPECT_EQ(first_size, 65536U);
    EXPECT_EQ(harness.probe().notes(2), (std::vector<std::int32_t>{262144, 99}));
}

TEST(Caller, AGuestWithoutMemoryIsAnsweredToo) {
    Harness harness;
    auto started = harness.start(
        harness
            .compile(module_text(kWaitImports,
                                 "(func (export \"run\") (call $note (call $wait (i32.const 0))))"))
            .value());
    harness.probe().take_waiting().resolve_with(
        [](const GuestMemory& memory) { return static_cast<std::int32_t>(memory.size()); });
    EXPECT_EQ(message_of(started.outcome.get()), "");
    EXPECT_EQ(harness.probe().notes(1), (std::vector<std::int32_t>{0}));
}

TEST(Caller, AnAnswerThatFailsEndsTheGuest) {
    Harness harness;
    const auto compiled =
        harness.compile(program("(call $note (call $wait (i32.const 0)))")).value();
    auto refused = harness.start(compiled);
    harness.probe().take_waiting().resolve_with([](const GuestMemory&) -> HostResult<std::int32_t> {
        return fail(ErrorType::kProgramTrap, "no_luck", "it went wrong");
    });
    EXPECT_EQ(message_of(refused.outcome.get()), "program 'p': it went wrong");
    auto thrown = harness.start(compiled);
    harness.probe().take_waiting().resolve_with(
        [](const GuestMemory&) -> HostResult<std::int32_t> { throw std::runtime_error("boom"); });
    EXPECT_EQ(message_of(thrown.outcome.get()), "realm_wait failed: boom");
    EXPECT_TRUE(harness.probe().notes(0).empty());
}

TEST(Caller, AnAnswerForAGuestThatIsGoneIsDropped) {
    Harness harness;
    auto started =
        harness.start(harness.compile(program("(call $note (call $wait (i32.const 0)))")).value());
    auto waiting = harness.probe().take_waiting();
    started.execution->cancel(fail(ErrorType::kCancelled, "by_test", "enough").error());
    EXPECT_EQ(code_of(started.outcome.get()), "by_test");
    const auto called = std::make_shared<bool>(false);
    waiting.resolve_with([called](const GuestMemory&) {
        *called = true;
        return 0;
    });
    EXPECT_EQ(called.use_count(), 1);
    EXPECT_FALSE(*called);
}

}  // namespace
}  // namespace realm::sandbox::testing
