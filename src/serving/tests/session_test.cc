// Instances that are kept between requests, and steps against a module's exports.

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/bytes.h"
#include "base/time_source.h"
#include "serving/run_service.h"

namespace realm::serving {
namespace {

using envelope::Json;

class ReplySink final : public RunSink {
public:
    void on_chunk(std::string /*json*/,
                  std::move_only_function<void(Result<void>)> taken) override {
        taken({});
    }
    void on_end(RunResult result) override {
        const std::lock_guard lock(mutex_);
        result_ = std::move(result);
        ended_.notify_all();
    }
    // The reply, or the error's code.
    std::string wait() {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return result_.has_value(); });
        return result_->reply ? *result_->reply : result_->reply.error().code;
    }

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    std::optional<RunResult> result_;
};

// Replies how often it was called in this instance; data "true" makes it trap.
constexpr std::string_view kCounter = R"((module
    (import "env" "realm_reply" (func $reply (param i32 i32) (result i32)))
    (import "env" "realm_request_data" (func $data (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $count (mut i32) (i32.const 48))
    (func (export "realm_abi_version") (result i32) i32.const 65536)
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "count") (result i32) (i32.sub (global.get $count) (i32.const 48)))
    (func (export "realm_run")
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (drop (call $data (i32.const 16) (i32.const 4)))
        (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const 116)) (then unreachable))
        (i32.store8 (i32.const 0) (global.get $count))
        (drop (call $reply (i32.const 0) (i32.const 1))))))";

constexpr std::string_view kSpin = R"((module
    (func (export "realm_abi_version") (result i32) i32.const 65536)
    (func (export "realm_run") (loop $again br $again))))";

class SessionTest : public ::testing::Test {
protected:
    void SetUp() override {
        sandbox::RuntimeOptions options;
        options.max_instances = 8;
        runtime_ = sandbox::Runtime::create(options, interfaces::host_functions()).value();
        executor_ = std::make_unique<sandbox::Executor>(runtime_, sandbox::ExecutorOptions{});
        make_service({});
        counter_ = compile(kCounter);
    }
    void TearDown() override {
        runs_->cancel_all(fail(ErrorType::kCancelled, "test_over", "over").error());
    }

    void make_service(const sandbox::InstanceLimits& limits) {
        RunServiceOptions options;
        options.max_sessions = 2;
        options.limits.instance = limits;
        runs_ = std::make_unique<RunService>(
            *executor_,
            interfaces::SharedServices{.models = models_, .workers = workers_, .time = time_},
            options, telemetry::Logger());
    }

    std::shared_ptr<const sandbox::Program> compile(std::string_view text) {
        return runtime_->compile("p", base::as_bytes(text)).value();
    }

    static RunRequest request(const std::string& session, const std::string& data = "null",
                              const std::string& tenant = "a") {
        RunRequest made;
        made.meta.tenant = tenant;
        made.meta.session = session;
        made.data = data;
        return made;
    }

    std::string run(const std::string& session, const std::string& data = "null",
                    const std::string& tenant = "a") {
        auto sink = std::make_shared<ReplySink>();
        auto started = runs_->start(counter_, request(session, data, tenant), sink);
        return started ? sink->wait() : started.error().code;
    }

    Json steps(const std::string& session, const std::string& list) {
        RunRequest order = request(session);
        std::vector<std::string> texts;
        for (const Json& step : Json::parse(list)) {
            texts.push_back(step.dump());
        }
        order.steps = {.steps = std::move(texts),
                       .conventions = sandbox::detect_conventions(counter_->info()),
                       .on_line = {}};
        auto sink = std::make_shared<ReplySink>();
        auto started = runs_->start(counter_, std::move(order), sink);
        return started ? Json::parse(sink->wait()) : Json(started.error().code);
    }

    interfaces::ModelDirectory models_;
    interfaces::TextWorkers workers_{{.threads = 1, .queue = 16}};
    base::SystemTime time_;
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::unique_ptr<sandbox::Executor> executor_;
    std::unique_ptr<RunService> runs_;
    std::shared_ptr<const sandbox::Program> counter_;
};

TEST_F(SessionTest, without_a_session_each_run_has_a_fresh_instance) {
    EXPECT_EQ(run(""), "1");
    EXPECT_EQ(run(""), "1");
}

TEST_F(SessionTest, a_session_keeps_its_instance) {
    EXPECT_EQ(run("s"), "1");
    EXPECT_EQ(run("s"), "2");
    EXPECT_EQ(run("other"), "1");
    EXPECT_EQ(run("s"), "3");
}

TEST_F(SessionTest, sessions_of_tenants_are_apart) {
    EXPECT_EQ(run("s", "null", "a"), "1");
    EXPECT_EQ(run("s", "null", "b"), "1");
    EXPECT_EQ(run("s", "null", "a"), "2");
}

TEST_F(SessionTest, a_tenant_keeps_so_many_and_another_may_still) {
    EXPECT_EQ(run("one"), "1");
    EXPECT_EQ(run("two"), "1");
    EXPECT_EQ(run("three"), "sessions");
    EXPECT_EQ(run("three", "null", "b"), "1");
    ASSERT_TRUE(runs_->end_session({.tenant = "a", .program = "p", .name = "one"}));
    EXPECT_EQ(run("three"), "1");
}

TEST_F(SessionTest, ended_it_begins_anew) {
    EXPECT_EQ(run("s"), "1");
    ASSERT_TRUE(runs_->end_session({.tenant = "a", .program = "p", .name = "s"}));
    EXPECT_EQ(run("s"), "1");
    const auto unknown = runs_->end_session({.tenant = "a", .program = "p", .name = "none"});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().type, ErrorType::kNotFound);
    EXPECT_EQ(unknown.error().code, "session_not_found");
    EXPECT_FALSE(runs_->end_session({.tenant = "b", .program = "p", .name = "s"}));
}

TEST_F(SessionTest, a_trap_in_the_program_ends_its_session) {
    EXPECT_EQ(run("s"), "1");
    EXPECT_EQ(run("s", "true"), "unreachable");
    EXPECT_EQ(run("s"), "1");
}

TEST_F(SessionTest, an_idle_session_ends) {
    make_service({.idle = std::chrono::milliseconds(1)});
    EXPECT_EQ(run("s"), "1");
    while (executor_->running() != 0) {
        std::this_thread::yield();
    }
    EXPECT_EQ(run("s"), "1");
}

TEST_F(SessionTest, a_busy_session_refuses_a_second_request) {
    counter_ = compile(kSpin);
    auto first = std::make_shared<ReplySink>();
    auto started = runs_->start(counter_, request("s"), first);
    ASSERT_TRUE(started);
    EXPECT_EQ(run("s"), "session_busy");
    (*started)->cancel(fail(ErrorType::kCancelled, "enough", "enough").error());
    EXPECT_EQ(first->wait(), "enough");
}

TEST_F(SessionTest, steps_and_runs_share_the_instance_of_a_session) {
    EXPECT_EQ(run("s"), "1");
    EXPECT_EQ(steps("s", R"([{"do": "count"}, {"do": "add", "args": [40, 2]}])"),
              Json::parse(R"({"results": [{"ok": 1}, {"ok": 42}]})"));
    EXPECT_EQ(run("s"), "2");
}

TEST_F(SessionTest, a_failing_step_does_not_stop_the_next) {
    const Json reply = steps("", R"([{"do": "none"}, 7, {"do": "count"}])");
    ASSERT_EQ(reply.at("results").size(), 3U);
    EXPECT_EQ(reply["results"][0]["error"]["type"], "invalid_request");
    EXPECT_EQ(reply["results"][0]["error"]["code"], "no_such_export");
    EXPECT_EQ(reply["results"][1]["error"]["code"], "invalid_step");
    EXPECT_EQ(reply["results"][2], Json::parse(R"({"ok": 0})"));
}

TEST_F(SessionTest, steps_without_a_session_leave_no_instance_behind) {
    steps("", R"([{"do": "count"}])");
    while (executor_->running() != 0) {
        std::this_thread::yield();
    }
    EXPECT_EQ(executor_->running(), 0U);
}

}  // namespace
}  // namespace realm::serving
