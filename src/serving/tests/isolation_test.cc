// Hostile programs beside a chat, on the real engine: they end with an error that explains
// itself, and the chat's tokens are those it gives alone.

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>

#include "base/bytes.h"
#include "embedded_programs.h"
#include "serving/run_service.h"

namespace realm::serving {
namespace {

// Keeps what a run sent; chunks can be waited for.
class WaitingSink final : public RunSink {
public:
    explicit WaitingSink(const sandbox::Runtime& runtime) : runtime_(runtime) {}

    void on_chunk(std::string json, std::move_only_function<void(Result<void>)> taken) override {
        {
            const std::lock_guard lock(mutex_);
            text_ += envelope::Json::parse(json).value("content", "");
            chunk_ticks_.push_back(runtime_.ticks());
        }
        changed_.notify_all();
        taken({});
    }

    void on_end(RunResult result) override {
        {
            const std::lock_guard lock(mutex_);
            result_ = std::move(result);
        }
        changed_.notify_all();
    }

    RunResult wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return result_.has_value(); });
        return *result_;
    }

    void wait_for_chunks(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return chunk_ticks_.size() >= count || result_; });
    }

    std::string text() {
        const std::lock_guard lock(mutex_);
        return text_;
    }

    // Epoch ticks at which chunks came.
    std::vector<std::uint64_t> chunk_ticks() {
        const std::lock_guard lock(mutex_);
        return chunk_ticks_;
    }

private:
    const sandbox::Runtime& runtime_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string text_;
    std::vector<std::uint64_t> chunk_ticks_;
    std::optional<RunResult> result_;
};

constexpr const char* kQuestion =
    R"({"messages":[{"role":"system","content":"You are a helpful assistant."},)"
    R"({"role":"user","content":"What is the capital of France?"}],"temperature":0})";

constexpr const char* kStory =
    R"({"messages":[{"role":"user","content":"Tell me a story about a lighthouse."}],)"
    R"("temperature":0,"max_tokens":48})";

class Isolation : public ::testing::Test {
protected:
    void SetUp() override {
        const char* path = std::getenv("REALM_TEST_MODEL");
        ASSERT_NE(path, nullptr) << "REALM_TEST_MODEL must name the default model's .gguf file";
        auto model = inference::Model::load(path, "smollm2-135m-instruct");
        ASSERT_TRUE(model.has_value()) << model.error().message;
        auto engine = inference::Engine::start(*model, {.kv_tokens = 8192, .max_contexts = 8});
        ASSERT_TRUE(engine.has_value()) << engine.error().message;
        models_.add(std::move(*engine));
        sandbox::RuntimeOptions options;
        options.max_instances = 16;
        auto runtime = sandbox::Runtime::create(options, interfaces::host_functions());
        ASSERT_TRUE(runtime.has_value()) << runtime.error().message;
        runtime_ = *runtime;
        executor_ = std::make_unique<sandbox::Executor>(runtime_, sandbox::ExecutorOptions{});
        RunServiceOptions limits;
        limits.max_runs = 4;
        limits.limits.instance.memory_bytes = std::uint64_t{4} << 20;
        limits.limits.instance.cpu = std::chrono::milliseconds(400);
        runs_ = std::make_unique<RunService>(
            *executor_,
            interfaces::SharedServices{.models = models_, .workers = workers_, .time = time_},
            limits, telemetry::Logger());
        chat_ = compile("chat", programs::chat_module());
    }

    std::shared_ptr<const sandbox::Program> compile(const std::string& name,
                                                    std::span<const std::byte> wasm) {
        auto program = runtime_->compile(name, wasm);
        EXPECT_TRUE(program.has_value()) << program.error().message;
        return program ? *program : nullptr;
    }

    std::shared_ptr<const sandbox::Program> hostile(const std::string& body) {
        const std::string wat = R"((module
            (import "env" "realm_emit" (func $emit (param i32 i32) (result i32)))
            (import "elsewhere" "missing" (func $missing))
            (memory (export "memory") 1)
            (func (export "realm_abi_version") (result i32) i32.const 65536)
            (func $inner )" + body +
                                R"()
            (func (export "realm_run") (call $inner))))";
        return compile("evil", base::as_bytes(wat));
    }

    std::shared_ptr<WaitingSink> start(const std::shared_ptr<const sandbox::Program>& program,
                                       const std::string& data,
                                       std::shared_ptr<serving::Run>* run = nullptr,
                                       const std::string& tenant = "local") {
        auto sink = std::make_shared<WaitingSink>(*runtime_);
        RunRequest request;
        request.meta.request_id = "test";
        request.meta.tenant = tenant;
        request.data = data;
        auto started = runs_->start(program, std::move(request), sink);
        EXPECT_TRUE(started.has_value()) << started.error().message;
        if (run != nullptr) {
            *run = *started;
        }
        return sink;
    }

    std::string chat(const std::string& data) {
        auto sink = start(chat_, data);
        const RunResult result = sink->wait();
        EXPECT_TRUE(result.reply.has_value()) << result.reply.error().message;
        return sink->text();
    }

    interfaces::ModelDirectory models_;
    interfaces::TextWorkers workers_{{.threads = 1, .queue = 32}};
    base::SystemTime time_;
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::unique_ptr<sandbox::Executor> executor_;
    std::unique_ptr<RunService> runs_;
    std::shared_ptr<const sandbox::Program> chat_;
};

TEST_F(Isolation, the_chat_program_answers) {
    auto sink = start(chat_, kQuestion);
    const RunResult result = sink->wait();
    ASSERT_TRUE(result.reply.has_value()) << result.reply.error().message;
    const auto reply = envelope::Json::parse(*result.reply);
    EXPECT_EQ(reply["content"], "The capital of France is Paris.");
    EXPECT_EQ(reply["finish_reason"], "stop");
    EXPECT_EQ(reply["usage"]["completion_tokens"], sink->chunk_ticks().size());
}

TEST_F(Isolation, hostile_programs_end_with_a_reason_and_disturb_nobody) {
    const std::string alone = chat(kStory);
    const struct {
        const char* body;
        ErrorType type;
        const char* code;
        std::vector<std::string> words;
    } cases[] = {
        {"(loop $l (br $l))", ErrorType::kProgramLimit, "cpu_time", {"evil", "400"}},
        {"(drop (i32.load (i32.const 65536)))",
         ErrorType::kProgramTrap,
         "out_of_bounds",
         {"evil", "inner", "out of bounds memory access"}},
        {"(drop (call $emit (i32.const -1) (i32.const 8)))",
         ErrorType::kProgramTrap,
         "bad_pointer",
         {"evil", "realm_emit", "outside"}},
        {"(drop (memory.grow (i32.const 64)))",
         ErrorType::kProgramLimit,
         "memory",
         {"evil", "4194304"}},
        {"(call $missing)",
         ErrorType::kProgramTrap,
         "unknown_import",
         {"evil", "elsewhere.missing"}},
        {"(call $inner)", ErrorType::kProgramLimit, "stack", {"evil", "inner"}},
        {"unreachable", ErrorType::kProgramTrap, "unreachable", {"evil", "inner"}},
    };
    for (const auto& item : cases) {
        auto program = hostile(item.body);
        auto neighbour = start(chat_, kStory);
        const RunResult result = start(program, "null")->wait();
        ASSERT_FALSE(result.reply.has_value()) << item.body;
        const Error& error = result.reply.error();
        EXPECT_EQ(error.type, item.type) << error.message;
        EXPECT_EQ(error.code, item.code) << error.message;
        for (const std::string& word : item.words) {
            EXPECT_NE(error.message.find(word), std::string::npos) << error.message;
        }
        EXPECT_TRUE(neighbour->wait().reply.has_value());
        EXPECT_EQ(neighbour->text(), alone) << item.body;
    }
}

TEST_F(Isolation, a_chat_advances_beside_a_guest_that_never_stops) {
    const std::string alone = chat(kStory);
    std::shared_ptr<serving::Run> spinner;
    auto spinning = start(hostile("(loop $l (br $l))"), "null", &spinner);
    auto sink = start(chat_, kStory);
    sink->wait();
    EXPECT_EQ(sink->text(), alone);
    const auto ticks = sink->chunk_ticks();
    ASSERT_EQ(ticks.size(), 48U);
    // The spinner keeps the ticks coming for as long as its CPU limit lets it: while it does, the
    // chat gets a token at least every 1000 of them.
    for (std::size_t i = 1; i < ticks.size(); ++i) {
        EXPECT_LE(ticks[i] - ticks[i - 1], 1000U) << "token " << i;
    }
    EXPECT_GT(ticks.back(), 0U);
    spinner->cancel(fail(ErrorType::kCancelled, "test_over", "done").error());
    spinning->wait();
}

TEST_F(Isolation, runs_beyond_the_limit_are_refused) {
    std::vector<std::shared_ptr<WaitingSink>> sinks;
    std::vector<std::shared_ptr<serving::Run>> runs(4);
    auto program = hostile("(loop $l (br $l))");
    for (auto& run : runs) {
        sinks.push_back(start(program, "null", &run));
    }
    EXPECT_EQ(runs_->running(), 4U);
    RunRequest request;
    request.data = "null";
    auto refused =
        runs_->start(program, std::move(request), std::make_shared<WaitingSink>(*runtime_));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().type, ErrorType::kOverloaded);
    EXPECT_EQ(refused.error().code, "too_many_runs");
    runs_->cancel_all(fail(ErrorType::kCancelled, "test_over", "done").error());
    for (auto& sink : sinks) {
        EXPECT_EQ(sink->wait().reply.error().code, "test_over");
    }
    EXPECT_EQ(chat(kQuestion), "The capital of France is Paris.");
}

TEST_F(Isolation, cancelling_a_chat_frees_its_context) {
    std::shared_ptr<serving::Run> run;
    auto sink = start(chat_, kStory, &run);
    sink->wait_for_chunks(3);
    run->cancel(fail(ErrorType::kCancelled, "client_gone", "gone").error());
    const RunResult result = sink->wait();
    ASSERT_FALSE(result.reply.has_value());
    EXPECT_EQ(result.reply.error().code, "client_gone");
    EXPECT_LT(sink->chunk_ticks().size(), 48U);
    // A context of the engine's whole memory fits again only once the cancelled one is gone.
    std::promise<Result<void>> made;
    inference::Engine& engine = models_.at(0);
    const auto id = engine.create({}, engine.max_context_tokens(),
                                  [&](Result<void> done) { made.set_value(std::move(done)); });
    EXPECT_TRUE(made.get_future().get().has_value());
    // What is asked from here on is answered in a later round, when the stats show this one.
    std::promise<void> later;
    engine.truncate(id, 0, [&](const Result<void>&) { later.set_value(); });
    later.get_future().wait();
    EXPECT_EQ(engine.stats().contexts, 1U);
    engine.drop(id);
}

TEST_F(Isolation, a_chat_gives_way_to_a_more_urgent_one_of_its_tenant) {
    const auto story = [](int priority, int tokens) {
        return R"({"messages":[{"role":"user","content":"Tell me a story about a lighthouse."}],)"
               R"("temperature":0,"ignore_eos":true,"max_tokens":)" +
               std::to_string(tokens) + R"(,"priority":)" + std::to_string(priority) + "}";
    };
    std::shared_ptr<serving::Run> giving_way;
    const auto less = start(chat_, story(1000, 400), &giving_way);
    less->wait_for_chunks(2);
    const auto more = start(chat_, story(-1000, 25));
    more->wait_for_chunks(1);
    const std::size_t before = less->chunk_ticks().size();
    EXPECT_TRUE(more->wait().reply.has_value());
    // Side by side it would have made one for each of the other's 24.
    EXPECT_LT(less->chunk_ticks().size() - before, 12U);
    giving_way->cancel(fail(ErrorType::kCancelled, "test_over", "done").error());
    less->wait();
}

TEST_F(Isolation, a_deadline_ends_a_run) {
    auto sink = std::make_shared<WaitingSink>(*runtime_);
    RunRequest request;
    request.meta.deadline_ms = 1;
    request.data = kStory;
    ASSERT_TRUE(runs_->start(chat_, std::move(request), sink).has_value());
    const RunResult result = sink->wait();
    ASSERT_FALSE(result.reply.has_value());
    EXPECT_EQ(result.reply.error().type, ErrorType::kDeadlineExceeded);
}

TEST_F(Isolation, a_service_that_stops_admits_nobody) {
    runs_->stop_admission();
    RunRequest request;
    request.data = kQuestion;
    auto refused =
        runs_->start(chat_, std::move(request), std::make_shared<WaitingSink>(*runtime_));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().type, ErrorType::kUnavailable);
}

// Templates and tokens of a text that may take long are made on the thread for such.
TEST_F(Isolation, large_texts_leave_the_text_workers_to_others) {
    EXPECT_EQ(chat(kQuestion), "The capital of France is Paris.");
    const auto before = workers_.counters();
    EXPECT_GT(before.normal, 0U);
    const std::string spaces(std::size_t{32} << 10, ' ');
    const auto sink = start(chat_, R"({"messages":[{"role":"user","content":")" + spaces +
                                       R"("}],"temperature":0,"max_tokens":1})");
    sink->wait();
    EXPECT_EQ(workers_.counters(),
              (interfaces::TextWorkers::Counters{.normal = before.normal,
                                                 .background = before.background + 2}));
}

// The engine knows whose run it computes: a tenant finds what it computed before, nobody else does.
TEST_F(Isolation, BeginningsAreReusedByTheTenantThatComputedThem) {
    std::string talk = "Prefixes are beginnings.";
    for (int i = 0; i < 40; ++i) {
        talk += " Prefixes are beginnings.";
    }
    const std::string data = R"({"messages":[{"role":"user","content":")" + talk +
                             R"("}],"temperature":0,"max_tokens":4})";
    std::uint64_t reused = 0;
    std::string first;
    for (const auto& [tenant, knows] :
         {std::pair("one", false), std::pair("two", false), std::pair("one", true)}) {
        const auto sink = start(chat_, data, nullptr, tenant);
        const RunResult result = sink->wait();
        ASSERT_TRUE(result.reply.has_value());
        const std::uint64_t now = models_.at(0).stats().reused_tokens;
        EXPECT_EQ(now > reused, knows) << tenant;
        const auto usage = envelope::Json::parse(*result.reply)["usage"];
        EXPECT_EQ(usage["prompt_tokens_details"]["cached_tokens"], now - reused);
        reused = now;
        first = first.empty() ? sink->text() : first;
        EXPECT_EQ(sink->text(), first);
    }
    EXPECT_GT(reused, 100U);
}

}  // namespace
}  // namespace realm::serving
