// Sharing threads between guests, the slice, what happens at the end and at shutdown.
#include <sched.h>

#include <atomic>
#include <thread>

#include "harness.h"

namespace realm::sandbox::testing {
namespace {

Error reason() {
    return fail(ErrorType::kCancelled, "by_test", "enough").error();
}

TEST(Executor, ASpinningGuestDoesNotStopOthers) {
    for (const std::size_t background : {std::size_t{0}, std::size_t{1}}) {
        Harness harness({.threads = 1, .background_threads = background});
        auto spinner = harness.start(harness.compile(module_text(kNoteImport, kSpin)).value());
        harness.probe().notes(1);
        const auto other =
            harness.run(module_text(kNoteImport, "(func (export \"run\") i32.const 2 call $note)"));
        EXPECT_EQ(message_of(other), "");
        spinner.execution->cancel(reason());
        const auto outcome = spinner.outcome.get();
        EXPECT_EQ(outcome.error, reason());
        EXPECT_GE(outcome.usage.yields, 1U);
    }
}

TEST(Executor, TwoSpinningGuestsTakeTurns) {
    Harness harness({.threads = 1, .background_threads = 0});
    auto program = harness.compile(module_text(kNoteImport, kSpin)).value();
    auto first = harness.start(program, {.cpu = std::chrono::milliseconds(30)});
    auto second = harness.start(program, {.cpu = std::chrono::milliseconds(30)});
    // Both have begun although neither can end before its CPU time is used up.
    EXPECT_EQ(harness.probe().notes(2).size(), 2U);
    EXPECT_EQ(code_of(first.outcome.get()), "cpu_time");
    EXPECT_EQ(code_of(second.outcome.get()), "cpu_time");
}

class ThreadSpy {
public:
    void here() {
        const int policy = sched_getscheduler(0);
        if (first_ < 0) {
            first_ = policy;
        }
        last_ = policy;
    }
    int first() const { return first_; }
    int last() const { return last_; }

private:
    std::atomic<int> first_{-1};
    std::atomic<int> last_{-1};
};

struct SpyHost {
    ThreadSpy spy;
};

// Runs of a guest that spins until its CPU time is used up, and notes on which threads.
class SpiedExecutor {
public:
    explicit SpiedExecutor(const ExecutorOptions& options) : executor_(runtime_, options) {}

    void spin(std::chrono::milliseconds cpu, const std::shared_ptr<SpyHost>& host,
              const std::shared_ptr<Share>& share) {
        std::promise<RunOutcome> ended;
        executor_.start(
            program_, "run", host, {.cpu = cpu},
            [&](RunOutcome outcome) { ended.set_value(std::move(outcome)); }, share);
        EXPECT_EQ(code_of(ended.get_future().get()), "cpu_time");
    }

private:
    std::shared_ptr<Runtime> runtime_ =
        Runtime::create(small_options(), {bind<&SpyHost::spy, &ThreadSpy::here>("realm_here")})
            .value();
    Executor executor_;
    std::shared_ptr<const Program> program_ =
        runtime_
            ->compile("p",
                      base::as_bytes(module_text("(import \"env\" \"realm_here\" (func $here))",
                                                 "(func (export \"run\") (loop $again (call $here) "
                                                 "(br $again)))")))
            .value();
};

TEST(Executor, AGuestThatUsedUpItsSliceRunsInTheBackground) {
    SpiedExecutor executor(
        {.threads = 1, .background_threads = 1, .slice = std::chrono::milliseconds(1)});
    const auto host = std::make_shared<SpyHost>();
    executor.spin(std::chrono::milliseconds(50), host, std::make_shared<Share>(1.0));
    EXPECT_EQ(host->spy.first(), SCHED_OTHER);
    EXPECT_EQ(host->spy.last(), SCHED_IDLE);
}

TEST(Executor, AShareThatUsedUpItsPartBeginsInTheBackgroundAndNoOtherDoes) {
    SpiedExecutor executor({.threads = 1,
                            .background_threads = 1,
                            .slice = std::chrono::hours(1),
                            .burst = std::chrono::milliseconds(1),
                            .part = 0});
    const auto greedy = std::make_shared<Share>(1.0);
    executor.spin(std::chrono::milliseconds(20), std::make_shared<SpyHost>(), greedy);
    for (const auto& [share, policy] :
         {std::pair{greedy, SCHED_IDLE}, std::pair{std::make_shared<Share>(1.0), SCHED_OTHER}}) {
        const auto host = std::make_shared<SpyHost>();
        executor.spin(std::chrono::milliseconds(1), host, share);
        EXPECT_EQ(host->spy.first(), policy);
    }
}

TEST(Executor, TicksStandStillWhileNoGuestRuns) {
    Harness harness;
    EXPECT_EQ(harness.runtime().ticks(), 0U);
    const auto outcome =
        harness.run(module_text(kNoteImport, kSpin), {.cpu = std::chrono::milliseconds(20)});
    EXPECT_EQ(code_of(outcome), "cpu_time");
    EXPECT_GE(harness.runtime().ticks(), outcome.usage.yields);
}

TEST(Executor, TheHostIsReleasedBeforeTheEndIsReported) {
    Harness harness;
    auto program = harness.compile(module_text("", "(func (export \"run\"))")).value();
    auto host = std::make_shared<TestHost>();
    std::weak_ptr<TestHost> watch = host;
    std::promise<bool> gone;
    harness.executor().start(program, "run", std::move(host), {},
                             [&](const RunOutcome&) { gone.set_value(watch.expired()); });
    EXPECT_TRUE(gone.get_future().get());
}

TEST(Executor, TheEndOfARunMayStartAnother) {
    Harness harness({.threads = 1, .background_threads = 0});
    auto program = harness.compile(module_text("", "(func (export \"run\"))")).value();
    std::promise<int> done;
    int count = 0;
    std::function<void()> next = [&] {
        harness.executor().start(program, "run", harness.host(), {}, [&](const RunOutcome& end) {
            ASSERT_FALSE(end.error);
            if (++count == 500) {
                done.set_value(count);
            } else {
                next();
            }
        });
    };
    next();
    EXPECT_EQ(done.get_future().get(), 500);
}

TEST(Executor, InstancesStartFresh) {
    Harness harness;
    const std::string text = module_text(kNoteImport, R"(
        (memory 1) (global $g (mut i32) (i32.const 1))
        (func (export "run")
            (call $note (global.get $g))
            (call $note (i32.load (i32.const 1000)))
            (global.set $g (i32.const 5))
            (i32.store (i32.const 1000) (i32.const 77))))");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(message_of(harness.run(text)), "");
    }
    EXPECT_EQ(harness.probe().notes(6), (std::vector<std::int32_t>{1, 0, 1, 0, 1, 0}));
}

TEST(Executor, DestroyingItEndsWhatStillRuns) {
    Harness harness({.threads = 1, .background_threads = 1});
    auto waiting = harness.start(harness.compile(module_text(kWaitImports, kWaitOnce)).value());
    Completion late = harness.probe().take_waiting();
    auto spinning = harness.start(harness.compile(module_text(kNoteImport, kSpin)).value());
    harness.probe().notes(1);
    harness.destroy_executor();
    for (Started* run : {&waiting, &spinning}) {
        const auto outcome = run->outcome.get();
        ASSERT_TRUE(outcome.error);
        EXPECT_EQ(outcome.error->type, ErrorType::kUnavailable);
        EXPECT_EQ(outcome.error->code, "shutting_down");
        EXPECT_TRUE(outcome.error->retryable);
    }
    late.resolve(1);
    waiting.execution->cancel(reason());
}

TEST(Executor, ARunStartedDuringShutdownIsToldSo) {
    Harness harness({.threads = 1, .background_threads = 0});
    auto program = harness.compile(module_text(kWaitImports, kWaitOnce)).value();
    Executor& executor = harness.executor();
    std::promise<RunOutcome> second;
    executor.start(program, "run", harness.host(), {}, [&](const RunOutcome&) {
        executor.start(program, "run", harness.host(), {},
                       [&](RunOutcome outcome) { second.set_value(std::move(outcome)); });
    });
    const Completion late = harness.probe().take_waiting();
    auto outcome = second.get_future();
    std::thread([&] { harness.destroy_executor(); }).join();
    EXPECT_EQ(code_of(outcome.get()), "shutting_down");
}

TEST(Executor, ManyGuestsOnSeveralThreadsKeepTheirMemoriesApart) {
    Harness harness({.threads = 4, .background_threads = 1});
    auto program = harness
                       .compile(module_text(
                           R"((import "env" "realm_fill" (func $fill (param i32 i32)))
        (import "env" "realm_answer" (func $answer (param i32) (result i32))))",
                           R"((memory (export "memory") 1)
        (func (export "run") (local i32)
            (loop $again
                (if (i32.load (i32.const 512)) (then unreachable))
                (call $fill (i32.const 0) (i32.const 64))
                (local.set 0 (call $answer (local.get 0)))
                (br_if $again (i32.lt_s (local.get 0) (i32.const 50))))
            (i32.store (i32.const 512) (i32.const 1))))"))
                       .value();
    std::vector<Started> runs;
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 16; ++i) {
            runs.push_back(harness.start(program));
        }
        for (Started& run : runs) {
            EXPECT_EQ(message_of(run.outcome.get()), "");
        }
        runs.clear();
    }
}

}  // namespace
}  // namespace realm::sandbox::testing
