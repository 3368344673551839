// Host functions that wait: every order of answer, return, cancel and end.
#include <thread>

#include "harness.h"
#include "sandbox/waiter.h"

namespace realm::sandbox::testing {
namespace {

constexpr std::string_view kImports = R"(
    (import "env" "realm_note" (func $note (param i32)))
    (import "env" "realm_answer" (func $answer (param i32) (result i32)))
    (import "env" "realm_wait" (func $wait (param i32) (result i32)))
    (import "env" "realm_wait_with" (func $wait_with (param i32 i32) (result i32)))
    (import "env" "realm_drop" (func $drop (result i32)))
    (import "env" "realm_fail_later" (func $fail (result i32)))
    (import "env" "realm_boom_waiting" (func $boom (result i32))))";

std::string program(std::string_view code) {
    return module_text(kImports, "(memory (export \"memory\") 1) (func (export \"run\") " +
                                     std::string(code) + ")");
}

Error reason() {
    return fail(ErrorType::kCancelled, "by_test", "the test does not want it any more").error();
}

TEST(Suspend, AnAnswerBeforeTheReturnDoesNotSuspend) {
    Harness harness;
    const auto outcome = harness.run(program("(call $note (call $answer (i32.const 41)))"));
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().notes(1), (std::vector<std::int32_t>{42}));
    EXPECT_EQ(outcome.usage.suspensions, 0U);
}

TEST(Suspend, AnAnswerFromAnotherThreadResumesTheGuest) {
    Harness harness;
    auto compiled = harness
                        .compile(program(R"(
        (call $note (call $wait (i32.const 0)))
        (call $note (call $wait (i32.const 0))))"))
                        .value();
    auto started = harness.start(compiled);
    harness.probe().take_waiting().resolve(-3);
    std::thread([&] { harness.probe().take_waiting().resolve(7); }).join();
    const auto outcome = started.outcome.get();
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(harness.probe().notes(2), (std::vector<std::int32_t>{-3, 7}));
    EXPECT_LE(outcome.usage.suspensions, 2U);
}

// The answers race with the polls that suspend: none may be lost, whichever comes first.
TEST(Suspend, NoWakeUpIsLost) {
    Harness harness({.threads = 2, .background_threads = 1});
    auto compiled = harness
                        .compile(program(R"(
        (local i32)
        (loop $again
            (local.set 0 (i32.add (local.get 0) (call $wait (i32.const 0))))
            (br_if $again (i32.lt_s (local.get 0) (i32.const 2000))))
        (call $note (local.get 0)))"))
                        .value();
    std::vector<Started> runs;
    for (int i = 0; i < 4; ++i) {
        runs.push_back(harness.start(compiled));
    }
    for (int i = 0; i < 4 * 2000; ++i) {
        harness.probe().take_waiting().resolve(1);
    }
    for (Started& run : runs) {
        EXPECT_EQ(message_of(run.outcome.get()), "");
    }
    EXPECT_EQ(harness.probe().notes(4), (std::vector<std::int32_t>{2000, 2000, 2000, 2000}));
}

TEST(Suspend, AThousandGuestsWaitAtOnce) {
    RuntimeOptions options = small_options();
    options.max_instances = 1000;
    options.max_memory_bytes = 65536;
    Harness harness({.threads = 2, .background_threads = 1}, options);
    auto compiled = harness.compile(program("(call $note (call $wait (i32.const 0)))")).value();
    std::vector<Started> runs;
    std::vector<Completion> waiting;
    for (int i = 0; i < 1000; ++i) {
        runs.push_back(harness.start(compiled, {.memory_bytes = 65536}));
        waiting.push_back(harness.probe().take_waiting());
    }
    EXPECT_EQ(harness.executor().running(), 1000U);
    EXPECT_EQ(code_of(harness.start(compiled).outcome.get()), "no_instance_free");
    for (int i = 0; i < 1000; ++i) {
        waiting[static_cast<std::size_t>(i)].resolve(i);
    }
    std::int64_t sum = 0;
    for (Started& run : runs) {
        EXPECT_EQ(message_of(run.outcome.get()), "");
    }
    for (const std::int32_t note : harness.probe().notes(1000)) {
        sum += note;
    }
    EXPECT_EQ(sum, 499500);
}

TEST(Suspend, ADroppedCompletionEndsTheGuest) {
    Harness harness;
    const auto outcome = harness.run(program("(drop (call $drop))"));
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kInternal);
    EXPECT_EQ(outcome.error->code, "completion_dropped");
    EXPECT_EQ(outcome.error->message, "a host function gave up its call without an answer");
    // The same later, from another thread.
    auto started =
        harness.start(harness.compile(program("(call $note (call $wait (i32.const 0)))")).value());
    {
        const Completion dropped = harness.probe().take_waiting();
    }
    EXPECT_EQ(code_of(started.outcome.get()), "completion_dropped");
    EXPECT_TRUE(harness.probe().notes(0).empty());
}

TEST(Suspend, AnErrorAsAnswerEndsTheGuestUnchanged) {
    Harness harness;
    const auto outcome = harness.run(program("(drop (call $fail))"));
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kRateLimited);
    EXPECT_EQ(outcome.error->code, "slow_down");
    EXPECT_EQ(outcome.error->retry_after_ms, 20);
    auto started =
        harness.start(harness.compile(program("(call $note (call $wait (i32.const 0)))")).value());
    harness.probe().take_waiting().trap(reason());
    EXPECT_EQ(started.outcome.get().error, reason());
}

TEST(Suspend, BadPointersAndExceptionsEndTheGuestBeforeItWaits) {
    Harness harness;
    EXPECT_EQ(message_of(
                  harness.run(program("(drop (call $wait_with (i32.const 65536) (i32.const 1)))"))),
              "program 'p': realm_wait_with: parameter 1: offset 65536 with 1 bytes lies outside "
              "the guest's memory of 65536 bytes");
    EXPECT_EQ(message_of(harness.run(program("(drop (call $boom))"))),
              "realm_boom_waiting failed: boom while waiting");
    // It had kept its completion; the answer comes to nothing.
    harness.probe().take_waiting().resolve(1);
    EXPECT_EQ(message_of(harness.run(program("(call $note (call $answer (i32.const 1)))"))), "");
}

TEST(Cancel, WhileWaiting) {
    Harness harness;
    auto started =
        harness.start(harness.compile(program("(call $note (call $wait (i32.const 0)))")).value());
    Completion late = harness.probe().take_waiting();
    started.execution->cancel(reason());
    started.execution->cancel(fail(ErrorType::kCancelled, "second", "too late").error());
    EXPECT_EQ(started.outcome.get().error, reason());
    late.resolve(1);
    started.execution->cancel(reason());
    EXPECT_TRUE(harness.probe().notes(0).empty());
}

TEST(Cancel, WhileSpinning) {
    Harness harness;
    auto started = harness.start(harness.compile(module_text(kNoteImport, kSpin)).value());
    harness.probe().notes(1);
    started.execution->cancel(reason());
    const auto outcome = started.outcome.get();
    EXPECT_EQ(outcome.error, reason());
    EXPECT_GE(outcome.usage.polls, 1U);
}

TEST(Cancel, BeforeTheStart) {
    Harness harness({.threads = 1, .background_threads = 0});
    // One guest keeps the only thread busy in between, so the second is still queued.
    auto spinner = harness.start(harness.compile(module_text(kNoteImport, kSpin)).value());
    harness.probe().notes(1);
    auto compiled = harness.compile(program("(call $note (i32.const 2))")).value();
    std::vector<Started> queued;
    for (int i = 0; i < 8; ++i) {
        queued.push_back(harness.start(compiled));
        queued.back().execution->cancel(reason());
    }
    for (Started& run : queued) {
        const auto outcome = run.outcome.get();
        EXPECT_TRUE(!outcome.error || *outcome.error == reason());
    }
    spinner.execution->cancel(reason());
    EXPECT_EQ(spinner.outcome.get().error, reason());
}

TEST(Cancel, AfterTheEndHasNoEffect) {
    Harness harness;
    auto started = harness.start(harness.compile(program("(call $note (i32.const 1))")).value());
    EXPECT_EQ(started.outcome.get().error, std::nullopt);
    started.execution->cancel(reason());
    EXPECT_EQ(harness.probe().notes(1).size(), 1U);
}

// A Completion without a guest: what tests of bound methods use.
class Recorder final : public Waiter {
public:
    void resolve(std::int32_t value) override { values.push_back(value); }
    void resolve_with(Finish finish) override { finishes.push_back(std::move(finish)); }
    void trap(Error error) override { errors.push_back(std::move(error)); }

    std::vector<std::int32_t> values;
    std::vector<Finish> finishes;
    std::vector<Error> errors;
};

TEST(CompletionTest, AnswersOnce) {
    const auto recorder = std::make_shared<Recorder>();
    {
        Completion completion(recorder);
        completion.resolve(3);
        completion.resolve(4);
        completion.trap(reason());
    }
    {
        Completion first(recorder);
        const Completion second = std::move(first);
    }
    Completion trapped(recorder);
    trapped.trap(reason());
    Completion finished(recorder);
    finished.resolve_with([](const GuestMemory&) { return 5; });
    finished.resolve(6);
    ASSERT_EQ(recorder->finishes.size(), 1U);
    EXPECT_EQ(recorder->finishes[0](GuestMemory()), 5);
    EXPECT_EQ(recorder->values, (std::vector<std::int32_t>{3}));
    ASSERT_EQ(recorder->errors.size(), 2U);
    EXPECT_EQ(recorder->errors[0].code, "completion_dropped");
    EXPECT_EQ(recorder->errors[1], reason());
}

}  // namespace
}  // namespace realm::sandbox::testing
