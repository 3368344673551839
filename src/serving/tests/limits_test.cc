// The limits of one run on what it asks of a real model, on both sides of each border.

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "base/bytes.h"
#include "config/run_limits.h"
#include "serving/run_service.h"

namespace realm::serving {
namespace {

class EndSink final : public RunSink {
public:
    void on_chunk(std::string /*json*/,
                  std::move_only_function<void(Result<void>)> taken) override {
        taken({});
    }
    void on_end(RunResult result) override { result_.set_value(std::move(result)); }
    RunResult wait() { return result_.get_future().get(); }

private:
    std::promise<RunResult> result_;
};

class RunLimitsTest : public ::testing::Test {
protected:
    void SetUp() override {
        const char* path = std::getenv("REALM_TEST_MODEL");
        ASSERT_NE(path, nullptr) << "REALM_TEST_MODEL must name the default model's .gguf file";
        auto model = inference::Model::load(path, "smollm2-135m-instruct");
        ASSERT_TRUE(model.has_value()) << model.error().message;
        auto engine = inference::Engine::start(*model, {.kv_tokens = 2048, .max_contexts = 8});
        ASSERT_TRUE(engine.has_value()) << engine.error().message;
        models_.add(std::move(*engine));
        auto runtime = sandbox::Runtime::create({.max_instances = 4}, interfaces::host_functions());
        ASSERT_TRUE(runtime.has_value()) << runtime.error().message;
        runtime_ = *runtime;
        executor_ = std::make_unique<sandbox::Executor>(runtime_, sandbox::ExecutorOptions{});
        runs_ = std::make_unique<RunService>(
            *executor_,
            interfaces::SharedServices{.models = models_, .workers = workers_, .time = time_},
            RunServiceOptions{.max_runs = 4}, telemetry::Logger());
    }

    // A program that opens the model, then does `body`; $check fails the run with the error of the
    // first call that gives a negative status. At 64: ten letters, `["x"]`, messages.
    std::shared_ptr<const sandbox::Program> program(const std::string& body) {
        const std::string wat = R"((module
            (import "env" "realm_model_open" (func $open (param i32 i32) (result i32)))
            (import "env" "realm_model_describe" (func $describe (param i32 i32) (result i32)))
            (import "env" "realm_tokenize" (func $tokenize (param i32 i32 i32 i32) (result i32)))
            (import "env" "realm_detokenize" (func $detokenize (param i32 i32 i32) (result i32)))
            (import "env" "realm_apply_template"
                (func $template (param i32 i32 i32 i32) (result i32)))
            (import "env" "realm_context_create" (func $create (param i32 i32) (result i32)))
            (import "env" "realm_context_prefill" (func $prefill (param i32 i32 i32) (result i32)))
            (import "env" "realm_context_generate"
                (func $generate (param i32 i32 i32 i32) (result i32)))
            (import "env" "realm_last_error" (func $error (param i32 i32) (result i32)))
            (import "env" "realm_fail" (func $fail (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 64) "abcdefghij[\"x\"][{\"role\":\"user\",\"content\":\"hi\"}]")
            (func (export "realm_abi_version") (result i32) i32.const 65536)
            (func $check (param i32)
                (if (i32.lt_s (local.get 0) (i32.const 0)) (then
                    (drop (call $fail (i32.const 4096)
                        (call $error (i32.const 4096) (i32.const 4000)))))))
            (func (export "realm_run")
                (call $check (call $open (i32.const 0) (i32.const 0)))
                )" + body + "))";
        auto compiled = runtime_->compile("limited", base::as_bytes(wat));
        EXPECT_TRUE(compiled.has_value()) << compiled.error().message;
        return *compiled;
    }

    // The code of the error with which a run of `body` ends, "" for none.
    std::string ends(const std::string& body, const config::LimitValues& values) {
        RunRequest request;
        request.data = "null";
        request.limits = run_limits(config::overridden({}, values).value());
        auto sink = std::make_shared<EndSink>();
        auto run = runs_->start(program(body), std::move(request), sink);
        EXPECT_TRUE(run.has_value());
        const RunResult result = sink->wait();
        if (result.reply) {
            return "";
        }
        EXPECT_EQ(result.reply.error().type, ErrorType::kProgramLimit);
        return result.reply.error().code;
    }

    interfaces::ModelDirectory models_;
    interfaces::TextWorkers workers_{{.threads = 1, .queue = 32}};
    base::SystemTime time_;
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::unique_ptr<sandbox::Executor> executor_;
    std::unique_ptr<RunService> runs_;
};

TEST_F(RunLimitsTest, EachHasAnErrorOfItsOwnAndAnExactBorder) {
    const std::string create = "(call $check (call $create (i32.const 0) (i32.const 64)))";
    const auto prefill = [](const char* context, const char* tokens) {
        return std::string("(call $check (call $prefill (i32.const ") + context +
               ") (i32.const 1024) (i32.const " + tokens + ")))";
    };
    const auto generate = [](const char* context) {
        return std::string("(call $check (call $generate (i32.const ") + context +
               ") (i32.const 8) (i32.const 74) (i32.const 5)))";
    };
    const struct {
        const char* limit;
        std::int64_t enough;
        std::string body;
    } cases[] = {
        {"contexts", 2, create + create},
        {"kv_tokens", 128, create + create},
        {"operations", 2,
         create + create + prefill("0", "1") + prefill("1", "1") + generate("0") + generate("1")},
        {"prefill_tokens", 3, create + prefill("0", "3")},
        {"stop_bytes", 5, create + prefill("0", "1") + generate("0")},
        {"text_bytes", 10,
         "(call $check (call $tokenize (i32.const 0) (i32.const 64) (i32.const 10) (i32.const "
         "0)))"},
        {"text_bytes", 8,
         "(call $check (call $detokenize (i32.const 0) (i32.const 1024) (i32.const 2)))"},
        {"text_bytes", 32,
         "(call $check (call $template (i32.const 0) (i32.const 79) (i32.const 32) "
         "(i32.const 1)))"},
    };
    for (const auto& item : cases) {
        EXPECT_EQ(ends(item.body, {{item.limit, item.enough}}), "") << item.limit;
        EXPECT_EQ(ends(item.body, {{item.limit, item.enough - 1}}), item.limit);
    }
}

TEST_F(RunLimitsTest, EachRunHasItsOwn) {
    const std::string grow = "(drop (memory.grow (i32.const 1)))";
    EXPECT_EQ(ends(grow, {{"memory_bytes", 131072}}), "");
    EXPECT_EQ(ends(grow, {{"memory_bytes", 131071}}), "memory");
    EXPECT_EQ(ends("(loop $l (br $l))", {{"cpu_ms", 20}}), "cpu_time");
}

TEST_F(RunLimitsTest, AProgramIsToldHowLongAContextMayBe) {
    const std::string describe = R"(
        (call $check (call $describe (i32.const 0) (i32.const 128)))
        (call $check (call $create (i32.const 0) (i32.load (i32.const 136)))))";
    EXPECT_EQ(ends(describe, {{"kv_tokens", 100}}), "");
    EXPECT_EQ(ends(describe, {}), "");
}

TEST(RunLimits, TheDefaultsAreThoseOfTheConfiguration) {
    const RunLimits usual = run_limits(config::Limits{});
    EXPECT_EQ(usual.host.log.lines, 200U);
    EXPECT_EQ(usual.host.log.bytes, 65'536U);
    EXPECT_EQ(usual.host.model.text_bytes, inference::Model::kMaxTextBytes);
    EXPECT_EQ(usual.host.contexts.kv_tokens, 32'768U);
    EXPECT_EQ(usual.bounds.output_bytes, 8'388'608U);
    EXPECT_EQ(usual.bounds.chunk_bytes, 1'048'576U);
    EXPECT_EQ(usual.instance.table_elements, 16'384U);
    EXPECT_EQ(usual.instance.wall, usual.bounds.wall);
}

}  // namespace
}  // namespace realm::serving
