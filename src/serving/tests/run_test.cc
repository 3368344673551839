#include "serving/run.h"

#include <gtest/gtest.h>

#include <sstream>
#include <utility>
#include <vector>

namespace realm::serving {
namespace {

class FakeSink final : public RunSink {
public:
    void on_chunk(std::string json, std::move_only_function<void(Result<void>)> taken) override {
        chunks.push_back(std::move(json));
        taken({});
    }
    void on_end(RunResult result) override { results.push_back(std::move(result)); }

    std::vector<std::string> chunks;
    std::vector<RunResult> results;
};

class FakeExecution final : public sandbox::Execution {
public:
    void cancel(Error reason) override { reasons.push_back(std::move(reason)); }
    std::vector<Error> reasons;
};

class RunTest : public ::testing::Test {
protected:
    std::shared_ptr<serving::Run> make(RunBounds bounds = {}, bool show_faults = true) {
        RunRequest request;
        request.meta.request_id = "run-1";
        request.meta.tenant = "acme";
        request.meta.operation = "chat.completions";
        request.data = "{}";
        request.show_faults = show_faults;
        return std::make_shared<serving::Run>(
            std::move(request), "chat", bounds, sink_,
            telemetry::Logger::to_stream(log_, telemetry::Level::kInfo,
                                         telemetry::LogFormat::kText));
    }

    // What emit() answers.
    static Result<void> emit(serving::Run& run, std::string chunk) {
        std::optional<Result<void>> sent;
        run.emit(std::move(chunk), [&](Result<void> result) { sent = std::move(result); });
        return sent.value();
    }

    static Error stop() { return fail(ErrorType::kCancelled, "client_gone", "gone").error(); }

    std::ostringstream log_;
    std::shared_ptr<FakeSink> sink_ = std::make_shared<FakeSink>();
};

TEST_F(RunTest, ends_with_the_reply) {
    auto run = make();
    EXPECT_TRUE(emit(*run, "1"));
    EXPECT_TRUE(run->reply("[2]"));
    run->end({});
    EXPECT_EQ(sink_->chunks, std::vector<std::string>{"1"});
    ASSERT_EQ(sink_->results.size(), 1U);
    EXPECT_EQ(sink_->results[0].reply, Result<std::string>("[2]"));
}

TEST_F(RunTest, replies_null_when_the_program_says_nothing) {
    auto run = make();
    run->end({});
    EXPECT_EQ(sink_->results.at(0).reply, Result<std::string>("null"));
}

TEST_F(RunTest, ends_with_the_programs_failure) {
    auto run = make();
    EXPECT_TRUE(run->fail(realm::fail(ErrorType::kNotFound, "x", "y").error()));
    EXPECT_EQ(run->reply("1").error().code, "answered");
    EXPECT_EQ(run->fail(stop()).error().type, ErrorType::kConflict);
    run->end({});
    EXPECT_EQ(sink_->results.at(0).reply.error().code, "x");
}

Error trap_in_a_function() {
    Error error = fail(ErrorType::kProgramTrap, "unreachable", "trapped in 'secret'").error();
    error.details = R"({"function":"secret"})";
    error.context = {"export 'realm_run' of program 'chat'"};
    return error;
}

TEST_F(RunTest, a_trap_says_around_what_it_happened) {
    auto run = make();
    run->end({.error = trap_in_a_function(), .usage = {}});
    const Error& error = sink_->results.at(0).reply.error();
    EXPECT_EQ(error.message, "trapped in 'secret'");
    EXPECT_EQ(error.context, (std::vector<std::string>{
                                 "export 'realm_run' of program 'chat'",
                                 "run run-1 of tenant 'acme', operation 'chat.completions'"}));
    EXPECT_NE(log_.str().find("context=\"export 'realm_run' of program 'chat' < run run-1 of "),
              std::string::npos);
}

TEST_F(RunTest, strangers_are_not_told_where_a_program_failed) {
    auto run = make({}, false);
    run->end({.error = trap_in_a_function(), .usage = {}});
    const Error& error = sink_->results.at(0).reply.error();
    EXPECT_EQ(error.type, ErrorType::kProgramTrap);
    EXPECT_EQ(error.code, "unreachable");
    EXPECT_EQ(error.message,
              "The server's program 'chat' failed; the server's log has the cause, under run "
              "run-1.");
    EXPECT_EQ(error.details, "");
    EXPECT_TRUE(error.context.empty());
    EXPECT_NE(log_.str().find("trapped in 'secret'"), std::string::npos);
}

TEST_F(RunTest, strangers_are_told_which_limit_a_program_reached) {
    auto run = make({}, false);
    Error limit = fail(ErrorType::kProgramLimit, "cpu_time", "too long").error();
    limit.context = {"export 'realm_run' of program 'chat'"};
    run->end({.error = std::move(limit), .usage = {}});
    EXPECT_EQ(sink_->results.at(0).reply.error(),
              fail(ErrorType::kProgramLimit, "cpu_time", "too long").error());
}

TEST_F(RunTest, a_trap_outweighs_a_reply) {
    auto run = make();
    EXPECT_TRUE(run->reply("1"));
    run->end({.error = fail(ErrorType::kProgramTrap, "unreachable", "boom").error(), .usage = {}});
    EXPECT_EQ(sink_->results.at(0).reply.error().code, "unreachable");
    EXPECT_NE(log_.str().find("boom"), std::string::npos);
    EXPECT_NE(log_.str().find("tenant=acme"), std::string::npos);
}

TEST_F(RunTest, a_fault_is_not_logged_to_whoever_gets_it_anyway) {
    RunRequest request;
    request.log_faults = false;
    serving::Run run(
        std::move(request), "chat", {}, sink_,
        telemetry::Logger::to_stream(log_, telemetry::Level::kWarn, telemetry::LogFormat::kText));
    run.line(2, "careful");
    run.end({.error = fail(ErrorType::kProgramTrap, "unreachable", "boom").error(), .usage = {}});
    EXPECT_EQ(sink_->results.at(0).reply.error().message, "boom");
    EXPECT_NE(log_.str().find("text=careful"), std::string::npos);
    EXPECT_EQ(log_.str().find("run ended"), std::string::npos) << log_.str();
}

TEST_F(RunTest, bounds_a_chunk_and_the_whole_output) {
    auto run = make({.output_bytes = 10, .chunk_bytes = 4});
    EXPECT_TRUE(run->check_chunk(4));
    EXPECT_EQ(run->check_chunk(5).error().type, ErrorType::kProgramLimit);
    EXPECT_EQ(run->check_chunk(5).error().message,
              "A chunk may have 4 bytes; this one has 5 (limits.chunk_bytes in the configuration "
              "raises it)");
    EXPECT_EQ(run->check_chunk(5).error().details,
              R"({"limit":"chunk_bytes","value":4,"setting":"limits.chunk_bytes","asked":5})");
    EXPECT_TRUE(emit(*run, "1234"));
    EXPECT_TRUE(emit(*run, "1234"));
    EXPECT_TRUE(run->check_output(2));
    EXPECT_EQ(run->check_output(3).error().code, "output_bytes");
    EXPECT_EQ(run->reply("123").error().message,
              "A run may send 10 bytes in all, chunks and reply; with this they were 11 "
              "(limits.output_bytes in the configuration raises it)");
    EXPECT_EQ(emit(*run, "123").error().details,
              R"({"limit":"output_bytes","value":10,"setting":"limits.output_bytes","asked":11})");
    EXPECT_TRUE(run->reply("12"));
    EXPECT_EQ(sink_->chunks.size(), 2U);
}

TEST_F(RunTest, cancelling_reaches_the_execution_once) {
    auto run = make();
    auto execution = std::make_shared<FakeExecution>();
    run->attach(execution, 1);
    EXPECT_FALSE(run->cancelled());
    run->cancel(stop());
    run->cancel(stop());
    EXPECT_TRUE(run->cancelled());
    ASSERT_EQ(execution->reasons.size(), 1U);
    EXPECT_EQ(execution->reasons[0].code, "client_gone");
    EXPECT_EQ(emit(*run, "1").error().type, ErrorType::kCancelled);
}

TEST_F(RunTest, cancelling_before_the_execution_is_known_is_not_lost) {
    auto run = make();
    run->cancel(stop());
    auto execution = std::make_shared<FakeExecution>();
    run->attach(execution, 1);
    EXPECT_EQ(execution->reasons.size(), 1U);
}

TEST_F(RunTest, nothing_happens_to_a_run_that_has_ended) {
    auto run = make();
    run->end({});
    auto execution = std::make_shared<FakeExecution>();
    run->attach(execution, 1);
    run->cancel(stop());
    EXPECT_TRUE(execution->reasons.empty());
    EXPECT_FALSE(run->cancelled());
}

TEST_F(RunTest, an_earlier_attempts_execution_comes_too_late) {
    auto run = make();
    auto first = std::make_shared<FakeExecution>();
    auto second = std::make_shared<FakeExecution>();
    EXPECT_EQ(run->attempt(), 1U);
    EXPECT_EQ(run->begin_attempt(), 2U);
    run->attach(second, 2);
    run->attach(first, 1);
    run->cancel(stop());
    EXPECT_TRUE(first->reasons.empty());
    EXPECT_EQ(second->reasons.size(), 1U);
}

TEST_F(RunTest, another_attempt_forgets_what_the_program_said) {
    auto run = make();
    const Error own = realm::fail(ErrorType::kInternal, "own", "of the execution").error();
    EXPECT_EQ(run->failure(nullptr), nullptr);
    EXPECT_TRUE(run->fail(realm::fail(ErrorType::kNotFound, "x", "y").error()));
    EXPECT_EQ(run->failure(nullptr)->code, "x");
    EXPECT_EQ(run->failure(&own)->code, "own");
    run->begin_attempt();
    EXPECT_EQ(run->failure(nullptr), nullptr);
    EXPECT_TRUE(run->reply("1"));
    EXPECT_EQ(run->failure(nullptr), nullptr);
}

TEST_F(RunTest, chunk_reply_and_line_are_effects_and_a_failure_is_none) {
    auto run = make({.output_bytes = 2});
    EXPECT_FALSE(emit(*run, "123"));
    EXPECT_TRUE(run->fail(realm::fail(ErrorType::kNotFound, "x", "y").error()));
    EXPECT_FALSE(run->had_effect());
    auto emits = make();
    EXPECT_TRUE(emit(*emits, "1"));
    EXPECT_TRUE(emits->had_effect());
    auto replies = make();
    EXPECT_TRUE(replies->reply("1"));
    EXPECT_TRUE(replies->had_effect());
    auto logs = make();
    logs->line(0, "hidden below the level");
    EXPECT_TRUE(logs->had_effect());
}

TEST_F(RunTest, passes_on_what_a_program_logs) {
    auto run = make();
    run->line(2, "careful");
    run->line(0, "hidden below the level");
    EXPECT_NE(log_.str().find("WARN program log"), std::string::npos) << log_.str();
    EXPECT_NE(log_.str().find("text=careful"), std::string::npos) << log_.str();
    EXPECT_EQ(log_.str().find("hidden"), std::string::npos);
}

TEST_F(RunTest, shows_the_program_its_request) {
    auto run = make({.wall = std::chrono::hours(1)});
    EXPECT_EQ(run->data(), "{}");
    EXPECT_EQ(envelope::Json::parse(run->meta())["tenant"], "acme");
    EXPECT_GT(run->time_left(), std::chrono::minutes(50));
    EXPECT_LE(run->time_left(), std::chrono::hours(1));
}

}  // namespace
}  // namespace realm::serving
