// Guests that are kept between jobs: their calls, their state, their end.
#include <future>
#include <thread>

#include "harness.h"

// A job is kept until its task is done, so its captures are too.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)

namespace realm::sandbox::testing {
namespace {

using base::Task;

constexpr std::string_view kCounter = R"(
    (memory (export "memory") 1)
    (global $count (mut i32) (i32.const 0))
    (func (export "add") (param i32) (result i32)
        (global.set $count (i32.add (global.get $count) (local.get 0))) (global.get $count))
    (func (export "mix") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
        local.get 3 local.get 2 local.get 1 local.get 0)
    (func (export "take_ref") (param externref))
    (func (export "boom") unreachable)
    (func (export "spin") (loop $again br $again)))";

// A guest that is kept, and the reason of its end.
struct Kept {
    std::shared_ptr<KeptGuest> guest;
    std::future<Error> closed;
};

Kept keep(Harness& harness, std::string_view body, const InstanceLimits& limits = {}) {
    auto program = harness.compile(module_text(kWaitImports, body)).value();
    auto closed = std::make_shared<std::promise<Error>>();
    auto future = closed->get_future();
    return {harness.executor().keep(std::move(program), harness.host(), limits,
                                    [closed](Error why) { closed->set_value(std::move(why)); }),
            std::move(future)};
}

RunOutcome submit(const Kept& kept, Job job, const JobLimits& limits = {}) {
    std::promise<RunOutcome> ended;
    auto started = kept.guest->submit(
        std::move(job), limits, [&](RunOutcome outcome) { ended.set_value(std::move(outcome)); });
    return started ? ended.get_future().get()
                   : RunOutcome{.error = std::move(started.error()), .usage = {}};
}

// GCC 12 rejects an initializer list in a coroutine.
Values one() {
    return {1};
}

// What one call gives, as text.
std::string call(const Kept& kept, const std::string& name, Values arguments,
                 const JobLimits& limits = {}) {
    std::string text;
    const auto outcome = submit(
        kept,
        [&](Guest& guest) -> Task<Result<void>> {
            auto results = co_await guest.call(name, std::move(arguments));
            if (!results) {
                co_return std::unexpected(std::move(results.error()));
            }
            for (const Value& value : *results) {
                std::visit([&](auto number) { text += std::to_string(number) + " "; }, value);
            }
            co_return Result<void>();
        },
        limits);
    return outcome.error ? outcome.error->code : text;
}

TEST(KeptGuest, KeepsItsStateBetweenJobs) {
    Harness harness;
    const auto kept = keep(harness, kCounter);
    EXPECT_EQ(call(kept, "add", {2}), "2 ");
    EXPECT_EQ(call(kept, "add", {40}), "42 ");
    const auto other = keep(harness, kCounter);
    EXPECT_EQ(call(other, "add", {1}), "1 ");
}

TEST(KeptGuest, PassesEveryKindOfNumberBothWays) {
    Harness harness;
    const auto kept = keep(harness, kCounter);
    EXPECT_EQ(call(kept, "mix", {std::int32_t{-1}, std::int64_t{1} << 40, 0.5F, -0.25}),
              "-0.250000 0.500000 1099511627776 -1 ");
}

TEST(KeptGuest, ACallThatCannotBeMadeSaysWhy) {
    Harness harness;
    const auto kept = keep(harness, kCounter);
    const auto error = [&](const std::string& name, Values arguments) {
        return message_of(submit(kept, [&](Guest& guest) -> Task<Result<void>> {
            auto results = co_await guest.call(name, std::move(arguments));
            co_return results ? Result<void>() : std::unexpected(std::move(results.error()));
        }));
    };
    EXPECT_EQ(error("none", {}),
              "program 'p' exports no function 'none'; it exports 'realm_abi_version', 'add', "
              "'mix', 'take_ref', 'boom', 'spin'");
    EXPECT_EQ(error("take_ref", {}),
              "program 'p': its export 'take_ref' has the type of references; it must be of "
              "numbers");
    EXPECT_EQ(error("add", {}),
              "program 'p': its export 'add' has the type (i32) -> i32 and was given ()");
    EXPECT_EQ(error("add", {std::int64_t{1}}),
              "program 'p': its export 'add' has the type (i32) -> i32 and was given (i64)");
    EXPECT_EQ(error("add", {1, 2}),
              "program 'p': its export 'add' has the type (i32) -> i32 and was given (i32, i32)");
    EXPECT_EQ(call(kept, "add", {5}), "5 ");
}

TEST(KeptGuest, ATrapFailsTheCallAndNotTheGuest) {
    Harness harness;
    const auto kept = keep(harness, kCounter);
    EXPECT_EQ(call(kept, "add", {7}), "7 ");
    EXPECT_EQ(call(kept, "boom", {}), "unreachable");
    EXPECT_EQ(call(kept, "add", {1}), "8 ");
}

TEST(KeptGuest, ATrapSetsAnExportedStackPointerBack) {
    Harness harness;
    const auto kept = keep(harness, R"(
        (global $sp (export "__stack_pointer") (mut i32) (i32.const 1024))
        (func (export "deep") (global.set $sp (i32.const 16)) unreachable)
        (func (export "low") (result i32) (global.set $sp (i32.const 512)) (global.get $sp))
        (func (export "sp") (result i32) (global.get $sp)))");
    EXPECT_EQ(call(kept, "deep", {}), "unreachable");
    EXPECT_EQ(call(kept, "sp", {}), "1024 ");
    EXPECT_EQ(call(kept, "low", {}), "512 ");
    EXPECT_EQ(call(kept, "sp", {}), "512 ");
}

TEST(KeptGuest, AJobOfSeveralCallsReadsAndWritesItsMemory) {
    Harness harness;
    const auto kept = keep(harness, R"(
        (memory (export "memory") 1 3)
        (func (export "sum") (param i32 i32) (result i32)
            (i32.add (i32.load (local.get 0)) (i32.load (local.get 1)))))");
    std::int32_t sum = 0;
    std::uint32_t page = 0;
    const auto outcome = submit(kept, [&](Guest& guest) -> Task<Result<void>> {
        const auto grown = guest.grow_memory(1);
        EXPECT_TRUE(grown.has_value());
        page = *grown;
        guest.memory().span<std::int32_t>(0, 1)->front() = 30;
        guest.memory().span<std::int32_t>(page, 1)->front() = 12;
        const auto sum_of =
            TypedExport<std::int32_t(std::int32_t, std::int32_t)>::find(guest, "sum").value();
        sum = (co_await sum_of(0, static_cast<std::int32_t>(page))).value();
        EXPECT_EQ(guest.memory().size(), 2U * 65536);
        co_return Result<void>();
    });
    EXPECT_EQ(message_of(outcome), "");
    EXPECT_EQ(page, 65536U);
    EXPECT_EQ(sum, 42);
    EXPECT_EQ(outcome.usage.memory_bytes, 2U * 65536);
}

TEST(KeptGuest, ATypedExportIsCheckedOnceWhenItIsFound) {
    Harness harness;
    const auto kept = keep(harness, kCounter);
    std::string missing;
    std::string wrong;
    submit(kept, [&](Guest& guest) -> Task<Result<void>> {
        missing = TypedExport<void()>::find(guest, "none").error().code;
        wrong = TypedExport<void(double)>::find(guest, "add").error().message;
        co_return Result<void>();
    });
    EXPECT_EQ(missing, "no_such_export");
    EXPECT_EQ(wrong,
              "program 'p': its export 'add' has the type (i32) -> i32; it must be (f64) -> ()");
}

TEST(KeptGuest, HostGrowthBeyondTheLimitIsRefusedAndExactlyTheLimitIsNot) {
    Harness harness;
    const auto kept = keep(harness, "(memory (export \"memory\") 1)", {.memory_bytes = 131072});
    std::string codes;
    submit(kept, [&](Guest& guest) -> Task<Result<void>> {
        codes += guest.grow_memory(65536).has_value() ? "ok " : "refused ";
        const auto beyond = guest.grow_memory(1);
        codes += beyond ? "ok" : beyond.error().code;
        co_return Result<void>();
    });
    EXPECT_EQ(codes, "ok memory");
}

TEST(KeptGuest, OneJobAtATime) {
    Harness harness;
    const auto kept = keep(harness, kWaitOnce);
    std::promise<RunOutcome> ended;
    ASSERT_TRUE(kept.guest
                    ->submit(
                        [](Guest& guest) -> Task<Result<void>> {
                            auto results = co_await guest.call("run", {});
                            co_return results ? Result<void>()
                                              : std::unexpected(std::move(results.error()));
                        },
                        {}, [&](RunOutcome outcome) { ended.set_value(std::move(outcome)); })
                    .has_value());
    auto open = harness.probe().take_waiting();
    EXPECT_EQ(call(kept, "run", {}), "guest_busy");
    open.resolve(3);
    EXPECT_EQ(message_of(ended.get_future().get()), "");
    EXPECT_EQ(harness.probe().notes(1), std::vector<std::int32_t>{3});
}

TEST(KeptGuest, TheNextJobCanBeSubmittedWhenOneEnds) {
    Harness harness;
    const auto kept = keep(harness, kCounter);
    std::promise<std::string> last;
    const auto add = [](Guest& guest) -> Task<Result<void>> {
        auto results = co_await guest.call("add", one());
        co_return results ? Result<void>() : std::unexpected(std::move(results.error()));
    };
    ASSERT_TRUE(kept.guest->submit(add, {}, [&](const RunOutcome&) {
        const auto again = kept.guest->submit(
            add, {}, [&](const RunOutcome& outcome) { last.set_value(message_of(outcome)); });
        EXPECT_TRUE(again.has_value());
    }));
    EXPECT_EQ(last.get_future().get(), "");
    EXPECT_EQ(call(kept, "add", {0}), "2 ");
}

TEST(KeptGuest, EachJobHasItsOwnCpuTimeAndBeyondItTheGuestEnds) {
    Harness harness;
    auto kept = keep(harness, kCounter);
    EXPECT_EQ(call(kept, "add", {1}), "1 ");
    EXPECT_EQ(call(kept, "spin", {}, {.cpu = std::chrono::milliseconds(20)}), "cpu_time");
    EXPECT_EQ(kept.closed.get().code, "cpu_time");
    EXPECT_EQ(call(kept, "add", {1}), "guest_ended");
}

TEST(KeptGuest, EndsWhenItIsIdleForTooLong) {
    Harness harness;
    auto kept = keep(harness, kCounter, {.idle = std::chrono::milliseconds(20)});
    const Error why = kept.closed.get();
    EXPECT_EQ(why.type, ErrorType::kProgramLimit);
    EXPECT_EQ(why.code, "idle_time");
    EXPECT_EQ(why.message,
              "program 'p' was kept for 20 ms without a request (limits.session_idle_ms in the "
              "configuration raises it)");
    EXPECT_EQ(why.details,
              R"({"limit":"idle_time","value":20,"setting":"limits.session_idle_ms"})");
    EXPECT_EQ(call(kept, "add", {1}), "guest_ended");
    while (harness.executor().running() != 0) {
        std::this_thread::yield();
    }
}

TEST(KeptGuest, CancelledItEndsWithThatReasonIdleOrNot) {
    Harness harness;
    const Error enough = fail(ErrorType::kCancelled, "by_test", "enough").error();
    auto idle = keep(harness, kCounter);
    EXPECT_EQ(call(idle, "add", {1}), "1 ");
    idle.guest->cancel(enough);
    EXPECT_EQ(idle.closed.get(), enough);

    auto busy = keep(harness, kWaitOnce);
    std::promise<RunOutcome> ended;
    ASSERT_TRUE(busy.guest->submit(
        [](Guest& guest) -> Task<Result<void>> {
            co_await guest.call("run", {});
            co_return Result<void>();
        },
        {}, [&](RunOutcome outcome) { ended.set_value(std::move(outcome)); }));
    const auto open = harness.probe().take_waiting();
    busy.guest->cancel(enough);
    EXPECT_EQ(ended.get_future().get().error, enough);
    EXPECT_EQ(busy.closed.get(), enough);
}

TEST(KeptGuest, EndsWithTheExecutor) {
    Harness harness;
    auto kept = keep(harness, kCounter);
    EXPECT_EQ(call(kept, "add", {1}), "1 ");
    harness.destroy_executor();
    EXPECT_EQ(kept.closed.get().code, "shutting_down");
    EXPECT_EQ(call(kept, "add", {1}), "guest_ended");
}

TEST(KeptGuest, AJobThatThrowsFailsWithWhatItThrew) {
    Harness harness;
    const auto kept = keep(harness, kCounter);
    const auto outcome = submit(kept, [](Guest& guest) -> Task<Result<void>> {
        co_await guest.call("add", one());
        throw std::runtime_error("from the job");
    });
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code, "job_failed");
    EXPECT_EQ(outcome.error->message, "from the job");
    EXPECT_EQ(call(kept, "add", {1}), "2 ");
}

}  // namespace
}  // namespace realm::sandbox::testing

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
