// Runs that fail for a reason which passes, with a pool of one instance and a time of our own.

#include <gtest/gtest.h>

#include <condition_variable>
#include <latch>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/tests/manual_time.h"
#include "serving/run_service.h"

namespace realm::serving {
namespace {

using envelope::Json;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Keeps what a run sent. The program waits after a chunk until release().
class HoldingSink final : public RunSink {
public:
    void on_chunk(std::string json, std::move_only_function<void(Result<void>)> taken) override {
        const std::lock_guard lock(mutex_);
        chunks_.push_back(std::move(json));
        taken_ = std::move(taken);
        changed_.notify_all();
    }
    void on_end(RunResult result) override {
        const std::lock_guard lock(mutex_);
        result_ = std::move(result);
        changed_.notify_all();
    }

    void wait_for_chunk() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !chunks_.empty(); });
    }
    void release() { std::exchange(taken_, nullptr)({}); }

    // The reply, or the error's code.
    std::string wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return result_.has_value(); });
        return result_->reply ? *result_->reply : result_->reply.error().code;
    }
    Error error() {
        wait();
        return result_->reply.error();
    }
    [[nodiscard]] bool ended() {
        const std::lock_guard lock(mutex_);
        return result_.has_value();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> chunks_;
    std::move_only_function<void(Result<void>)> taken_;
    std::optional<RunResult> result_;
};

constexpr std::string_view kFailure =
    R"({"type":"unavailable","code":"decode_failed","message":"as the test wished"})";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '"' ? std::string("\\\"") : std::string(1, c);
    }
    return out;
}

// A program whose entry is `body`. $count tells how often the instance was called, with this call;
// at 0 lies its digit, at 8 the request's data; $clock reads the test's time; $fail_soon fails the
// run with kFailure.
std::string program_text(const std::string& body) {
    const std::string size = std::to_string(kFailure.size());
    return R"((module
        (import "env" "realm_reply" (func $reply (param i32 i32) (result i32)))
        (import "env" "realm_fail" (func $fail (param i32 i32) (result i32)))
        (import "env" "realm_emit" (func $emit (param i32 i32) (result i32)))
        (import "env" "realm_log" (func $log (param i32 i32 i32)))
        (import "env" "realm_request_data" (func $data (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get"
            (func $clock (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) ")" +
           escaped(kFailure) + R"(")
        (global $count (mut i32) (i32.const 0))
        (func (export "realm_abi_version") (result i32) i32.const 65536)
        (func (export "seven") (result i32) i32.const 7)
        (func $fail_soon (drop (call $fail (i32.const 64) (i32.const )" +
           size + R"())))
        (func (export "realm_run")
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (i32.store8 (i32.const 0) (i32.add (global.get $count) (i32.const 48)))
            (drop (call $data (i32.const 8) (i32.const 8)))
            )" +
           body + "))";
}

constexpr const char* kReplyCount = "(drop (call $reply (i32.const 0) (i32.const 1)))";
constexpr const char* kEmitAndReply =
    "(drop (call $emit (i32.const 0) (i32.const 1)))"
    "(drop (call $reply (i32.const 0) (i32.const 1)))";
// Fails where the data begin with 'f', else replies.
constexpr const char* kFailOrReply =
    "(if (i32.eq (i32.load8_u (i32.const 8)) (i32.const 102)) (then (call $fail_soon))"
    " (else (drop (call $reply (i32.const 0) (i32.const 1)))))";

class RetryRuns : public ::testing::Test {
protected:
    void SetUp() override { make({}); }

    void make(RetryOptions retry) {
        runs_.reset();
        holders_.reset();
        retry.random = [](std::uint64_t most) { return most; };
        RunServiceOptions options;
        options.retry = std::move(retry);
        runs_ = service(options);
        holders_ = service({});
    }

    std::unique_ptr<RunService> service(const RunServiceOptions& options) {
        return std::make_unique<RunService>(
            *executor_,
            interfaces::SharedServices{.models = models_, .workers = workers_, .time = time_},
            options,
            telemetry::Logger::to_stream(log_, telemetry::Level::kInfo,
                                         telemetry::LogFormat::kText));
    }

    std::shared_ptr<const sandbox::Program> compile(const std::string& body) {
        return runtime_->compile("p", base::as_bytes(program_text(body))).value();
    }

    // Takes the only instance until release() on what is returned.
    std::shared_ptr<HoldingSink> fill_pool() {
        auto sink = std::make_shared<HoldingSink>();
        RunRequest request;
        request.data = "null";
        EXPECT_TRUE(holders_->start(compile(kEmitAndReply), std::move(request), sink));
        sink->wait_for_chunk();
        return sink;
    }

    static void empty_pool(HoldingSink& holder) {
        holder.release();
        EXPECT_EQ(holder.wait(), "1");
    }

    static RunRequest request(const std::string& session = "", const std::string& data = "null") {
        RunRequest made;
        made.meta.request_id = "run-1";
        made.meta.tenant = "acme";
        made.meta.session = session;
        made.data = data;
        return made;
    }

    std::shared_ptr<serving::Run> start(const std::shared_ptr<const sandbox::Program>& program,
                                        RunRequest order,
                                        const std::shared_ptr<HoldingSink>& sink) {
        auto run = runs_->start(program, std::move(order), sink);
        EXPECT_TRUE(run) << run.error().message;
        return run ? *run : nullptr;
    }

    // Waits until only so many instances are left.
    void wait_for_instances(std::size_t left) {
        while (executor_->running() != left) {
            std::this_thread::yield();
        }
    }

    // Lets the waits pass that follow the first three attempts, each with the pool as it was.
    void let_three_waits_pass(std::size_t instances) {
        for (const int wait : {10, 20, 40}) {
            time_.wait_for_timer();
            wait_for_instances(instances);
            time_.advance(milliseconds(wait) - microseconds(1));
            EXPECT_EQ(time_.timers(), 1U) << wait;
            time_.advance(microseconds(1));
        }
    }

    std::ostringstream log_;
    interfaces::ModelDirectory models_;
    interfaces::TextWorkers workers_{{.threads = 1, .queue = 16}};
    base::testing::ManualTime time_;
    std::shared_ptr<sandbox::Runtime> runtime_ =
        sandbox::Runtime::create({.max_instances = 1}, interfaces::host_functions()).value();
    std::unique_ptr<sandbox::Executor> executor_ =
        std::make_unique<sandbox::Executor>(runtime_, sandbox::ExecutorOptions{});
    std::unique_ptr<RunService> holders_;
    std::unique_ptr<RunService> runs_;
};

TEST_F(RetryRuns, a_pool_that_becomes_free_meanwhile_is_not_noticed) {
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    start(compile(kReplyCount), request(), sink);
    time_.wait_for_timer();
    EXPECT_EQ(runs_->running(), 1U);
    EXPECT_EQ(runs_->counters(), RunCounters{});
    empty_pool(*holder);
    time_.advance(milliseconds(10));
    EXPECT_EQ(sink->wait(), "1");
    EXPECT_EQ(runs_->counters(), (RunCounters{.retries = 1, .recovered = 1}));
    EXPECT_NE(log_.str().find(
                  R"(run is tried again run=run-1 tenant=acme code=no_instance_free attempt=2)"),
              std::string::npos)
        << log_.str();
}

TEST_F(RetryRuns, a_pool_that_stays_full_ends_the_run_after_four_attempts) {
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    start(compile(kReplyCount), request(), sink);
    let_three_waits_pass(1);
    const Error error = sink->error();
    EXPECT_EQ(error.type, ErrorType::kUnavailable);
    EXPECT_EQ(error.code, "no_instance_free");
    EXPECT_TRUE(error.retryable);
    EXPECT_EQ(error.retry_after_ms, 80);
    EXPECT_EQ(runs_->counters(), (RunCounters{.retries = 3, .recovered = 0}));
    EXPECT_EQ(time_.timers(), 0U);
    empty_pool(*holder);
}

TEST_F(RetryRuns, steps_are_tried_again) {
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    auto program = compile(kReplyCount);
    RunRequest order = request();
    order.steps = {.steps = {R"({"do": "seven"})"},
                   .conventions = sandbox::detect_conventions(program->info()),
                   .on_line = {}};
    start(program, std::move(order), sink);
    time_.wait_for_timer();
    empty_pool(*holder);
    time_.advance(milliseconds(10));
    EXPECT_EQ(Json::parse(sink->wait()), Json::parse(R"({"results": [{"ok": 7}]})"));
}

TEST_F(RetryRuns, what_a_program_reports_is_tried_again) {
    auto sink = std::make_shared<HoldingSink>();
    start(compile("(call $fail_soon)"), request(), sink);
    let_three_waits_pass(0);
    EXPECT_EQ(sink->error(), (Error{.type = ErrorType::kUnavailable,
                                    .code = "decode_failed",
                                    .message = "as the test wished",
                                    .retryable = true,
                                    .retry_after_ms = 80,
                                    .details = {}}));
    EXPECT_EQ(runs_->counters(), (RunCounters{.retries = 3, .recovered = 0}));
}

TEST_F(RetryRuns, after_a_chunk_or_a_log_line_nothing_is_tried_again) {
    const Error unchanged{.type = ErrorType::kUnavailable,
                          .code = "decode_failed",
                          .message = "as the test wished",
                          .retryable = true,
                          .retry_after_ms = std::nullopt,
                          .details = {}};
    auto chunk = std::make_shared<HoldingSink>();
    start(compile("(drop (call $emit (i32.const 0) (i32.const 1))) (call $fail_soon)"), request(),
          chunk);
    chunk->wait_for_chunk();
    chunk->release();
    EXPECT_EQ(chunk->error(), unchanged);
    auto line = std::make_shared<HoldingSink>();
    start(compile("(call $log (i32.const 1) (i32.const 0) (i32.const 1)) (call $fail_soon)"),
          request(), line);
    EXPECT_EQ(line->error(), unchanged);
    EXPECT_EQ(runs_->counters(), RunCounters{});
}

TEST_F(RetryRuns, a_session_is_begun_anew_but_one_with_state_stays) {
    const auto program = compile(kFailOrReply);
    const auto first = std::make_shared<HoldingSink>();
    start(program, request("s", "false"), first);
    let_three_waits_pass(0);
    EXPECT_EQ(first->wait(), "decode_failed");
    wait_for_instances(0);
    const auto fresh = std::make_shared<HoldingSink>();
    start(program, request("s", "1"), fresh);
    EXPECT_EQ(fresh->wait(), "1");
    const auto later = std::make_shared<HoldingSink>();
    start(program, request("s", "false"), later);
    EXPECT_EQ(later->error().retry_after_ms, std::nullopt);
    EXPECT_EQ(runs_->counters(), (RunCounters{.retries = 3, .recovered = 0}));
    const auto kept = std::make_shared<HoldingSink>();
    start(program, request("s", "1"), kept);
    EXPECT_EQ(kept->wait(), "3");
    EXPECT_TRUE(runs_->end_session({.tenant = "acme", .program = "p", .name = "s"}));
}

// Stops the executor's thread in a chunk.
class BlockingSink final : public RunSink {
public:
    void on_chunk(std::string /*json*/,
                  std::move_only_function<void(Result<void>)> /*taken*/) override {
        blocked.count_down();
        go_on.wait();
    }
    void on_end(RunResult /*result*/) override { ended.count_down(); }
    std::latch blocked{1};
    std::latch go_on{1};
    std::latch ended{1};
};

TEST_F(RetryRuns, a_session_that_has_just_ended_is_begun_anew) {
    const auto blocking = std::make_shared<BlockingSink>();
    const auto dying = runs_->start(compile(kEmitAndReply), request("s"), blocking);
    ASSERT_TRUE(dying);
    blocking->blocked.wait();
    (*dying)->cancel(fail(ErrorType::kCancelled, "client_gone", "gone").error());
    const auto sink = std::make_shared<HoldingSink>();
    start(compile(kReplyCount), request("s"), sink);
    EXPECT_EQ(time_.timers(), 1U);
    blocking->go_on.count_down();
    blocking->ended.wait();
    time_.advance(milliseconds(10));
    EXPECT_EQ(sink->wait(), "1");
    EXPECT_EQ(runs_->counters(), (RunCounters{.retries = 1, .recovered = 1}));
    EXPECT_TRUE(runs_->end_session({.tenant = "acme", .program = "p", .name = "s"}));
}

TEST_F(RetryRuns, cancelled_while_it_waits_a_run_ends_at_once) {
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    auto run = start(compile(kReplyCount), request(), sink);
    time_.wait_for_timer();
    run->cancel(fail(ErrorType::kCancelled, "client_gone", "gone").error());
    ASSERT_TRUE(sink->ended());
    EXPECT_EQ(sink->error().type, ErrorType::kCancelled);
    EXPECT_EQ(sink->error().code, "client_gone");
    EXPECT_EQ(runs_->running(), 0U);
    EXPECT_EQ(time_.timers(), 0U);
    EXPECT_EQ(runs_->counters(), RunCounters{});
    empty_pool(*holder);
}

TEST_F(RetryRuns, a_service_that_stops_waits_for_no_attempt) {
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    start(compile(kReplyCount), request(), sink);
    time_.wait_for_timer();
    runs_->stop_admission();
    ASSERT_TRUE(sink->ended());
    EXPECT_EQ(sink->wait(), "no_instance_free");
    EXPECT_EQ(runs_->running(), 0U);
    EXPECT_EQ(time_.timers(), 0U);
    empty_pool(*holder);
}

TEST_F(RetryRuns, a_service_that_has_stopped_begins_no_wait) {
    auto blocking = std::make_shared<BlockingSink>();
    ASSERT_TRUE(holders_->start(compile(kEmitAndReply), request(), blocking));
    blocking->blocked.wait();
    // The executor's thread stands still: the run fails only after the service has stopped.
    auto late = std::make_shared<HoldingSink>();
    auto run = start(compile("(call $fail_soon)"), request(), late);
    runs_->stop_admission();
    holders_->cancel_all(fail(ErrorType::kCancelled, "test_over", "over").error());
    blocking->go_on.count_down();
    EXPECT_EQ(late->wait(), "decode_failed");
    EXPECT_EQ(time_.timers(), 0U);
}

TEST_F(RetryRuns, a_service_that_is_destroyed_waits_for_no_attempt) {
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    start(compile(kReplyCount), request(), sink);
    time_.wait_for_timer();
    runs_.reset();
    EXPECT_TRUE(sink->ended());
    EXPECT_EQ(sink->wait(), "no_instance_free");
    empty_pool(*holder);
}

// The waits are far longer than the tests take, since the sandbox has the machine's clock.

TEST_F(RetryRuns, no_wait_reaches_the_deadline) {
    make({.back_off = std::chrono::seconds(100)});
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    RunRequest order = request();
    order.meta.deadline_ms = 100'000;
    start(compile(kReplyCount), std::move(order), sink);
    EXPECT_EQ(sink->error().code, "no_instance_free");
    EXPECT_EQ(sink->error().retry_after_ms, 100'000);
    EXPECT_EQ(runs_->counters(), RunCounters{});
    EXPECT_EQ(time_.timers(), 0U);
    empty_pool(*holder);
}

TEST_F(RetryRuns, an_attempt_has_the_time_that_earlier_ones_left) {
    make({.back_off = std::chrono::seconds(100)});
    auto holder = fill_pool();
    auto sink = std::make_shared<HoldingSink>();
    RunRequest order = request();
    order.meta.deadline_ms = 100'001;
    start(compile(kEmitAndReply), std::move(order), sink);
    time_.wait_for_timer();
    empty_pool(*holder);
    time_.advance(std::chrono::seconds(100));
    EXPECT_EQ(sink->error().type, ErrorType::kDeadlineExceeded);
    EXPECT_EQ(Json::parse(sink->error().details).value("value", 0), 100'001);
    EXPECT_EQ(runs_->counters(), (RunCounters{.retries = 1, .recovered = 0}));
}

TEST_F(RetryRuns, the_limit_of_cpu_time_is_that_of_all_attempts_together) {
    make({.back_off = std::chrono::seconds(100)});
    auto sink = std::make_shared<HoldingSink>();
    RunRequest order = request();
    order.limits.emplace().instance.cpu = milliseconds(500);
    // The first attempt works for a while and fails, the next one never ends.
    start(compile(R"((drop (call $clock (i32.const 1) (i64.const 0) (i32.const 32)))
            (if (i64.eq (i64.load (i32.const 32)) (i64.const 1000000000000)) (then
                (loop $work (global.set $count (i32.add (global.get $count) (i32.const 1)))
                    (br_if $work (i32.lt_u (global.get $count) (i32.const 5000000))))
                (call $fail_soon) (return)))
            (loop $for_ever (br $for_ever)))"),
          std::move(order), sink);
    time_.wait_for_timer();
    time_.advance(std::chrono::seconds(100));
    EXPECT_EQ(sink->error().code, "cpu_time");
    EXPECT_EQ(Json::parse(sink->error().details).value("value", 0), 500);
    EXPECT_EQ(runs_->counters(), (RunCounters{.retries = 1, .recovered = 0}));
}

}  // namespace
}  // namespace realm::serving
