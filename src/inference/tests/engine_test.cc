// The engine with the real model: threads, limits, cancellation.
#include "inference/engine.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sched.h>

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "inference/processors.h"
#include "inference/tests/test_client.h"
#include "inference/tests/test_model.h"

namespace realm::inference {
namespace {

using namespace std::chrono_literals;

class EngineTest : public testing::Test {
protected:
    static std::unique_ptr<Engine> start(const EngineOptions& options) {
        auto engine = Engine::start(test_model(), options);
        EXPECT_TRUE(engine) << engine.error().message;
        return std::move(*engine);
    }
    template <class T>
    static Error error_of(const Result<T>& result) {
        EXPECT_FALSE(result);
        return result ? Error{} : result.error();
    }
};

TEST_F(EngineTest, AnswersTheQuestionOfTheDocumentation) {
    const auto engine = start({.kv_tokens = 1024, .max_contexts = 2});
    auto [id, created] = create(*engine, 256);
    auto filled = prefill(*engine, id, question_tokens("What is the capital of France?"));
    const auto sink = generate(*engine, id, {.max_tokens = 64});
    const auto end = sink->wait();
    ASSERT_TRUE(created.get());
    ASSERT_TRUE(filled.get());
    ASSERT_TRUE(end);
    EXPECT_EQ(end->reason, FinishReason::kEndOfGeneration);
    EXPECT_EQ(sink->text(), "The capital of France is Paris.");
}

// How many threads of this process may run on one processor alone.
std::size_t pinned_threads() {
    std::size_t count = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        cpu_set_t set;
        CPU_ZERO(&set);
        const int id = std::stoi(task.path().filename());
        count += sched_getaffinity(id, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1 ? 1U : 0U;
    }
    return count;
}

TEST_F(EngineTest, ComputeThreadsKeepToAProcessorEachWhenThereAreAsMany) {
    // A sanitizer begins a thread of its own with the first of ours.
    std::thread([] {}).join();
    const auto processors = static_cast<std::uint32_t>(usable_processors().size());
    for (const std::uint32_t threads : {processors, processors + 1}) {
        const std::size_t before = pinned_threads();
        const auto engine = start({.kv_tokens = 1024, .max_contexts = 2, .threads = threads});
        auto [id, created] = create(*engine, 256);
        ASSERT_TRUE(prefill(*engine, id, question_tokens("Hello")).get());
        const std::size_t expected = threads == processors ? threads : 0;
        EXPECT_EQ(pinned_threads() - before, expected) << threads;
        if (processors == 1) {
            return;  // where each thread of the process is pinned, whoever asked for it
        }
    }
}

TEST_F(EngineTest, StopStringEndsTheTextBeforeIt) {
    const auto engine = start({.kv_tokens = 1024, .max_contexts = 2});
    auto [id, created] = create(*engine, 256);
    prefill(*engine, id, question_tokens("What is the capital of France?"));
    const auto sink = generate(*engine, id, {.max_tokens = 64, .stop = {"nce is P", "zebra"}});
    const auto end = sink->wait();
    ASSERT_TRUE(end);
    EXPECT_EQ(end->reason, FinishReason::kStopString);
    EXPECT_EQ(sink->text(), "The capital of Fra");
}

TEST_F(EngineTest, LengthLimitBothSides) {
    const auto engine = start({.kv_tokens = 1024, .max_contexts = 2});
    const auto prompt = question_tokens("What is the capital of France?");
    // The answer has 7 tokens and then ends by itself.
    for (const std::uint32_t limit : {1U, 7U, 8U}) {
        auto [id, created] = create(*engine, 256);
        prefill(*engine, id, prompt);
        const auto sink = generate(*engine, id, {.max_tokens = limit});
        const auto end = sink->wait();
        ASSERT_TRUE(end);
        EXPECT_EQ(end->reason, limit < 8 ? FinishReason::kLength : FinishReason::kEndOfGeneration);
        EXPECT_EQ(sink->tokens().size(), std::min(limit, 7U));
        engine->drop(id);
    }
}

TEST_F(EngineTest, CapacityLimitBothSides) {
    const auto engine = start({.kv_tokens = 1000, .max_contexts = 4});
    EXPECT_EQ(engine->max_context_tokens(), 1000U);
    auto [too_long, refused] = create(*engine, 1001);
    const Error error = error_of(refused.get());
    EXPECT_EQ(error.type, ErrorType::kInvalidRequest);
    EXPECT_EQ(error.code, "context_too_long");
    EXPECT_EQ(error.message, "a context may have at most 1000 tokens, not 1001");
    auto [id, created] = create(*engine, 1000);
    ASSERT_TRUE(created.get());
    auto filled = prefill(*engine, id, text_tokens(999));
    ASSERT_TRUE(filled.get());
    const auto sink = generate(*engine, id, {.max_tokens = 10});
    const auto end = sink->wait();
    ASSERT_TRUE(end);
    EXPECT_EQ(end->reason, FinishReason::kLength);
    EXPECT_EQ(sink->tokens().size(), 1U);
    auto full = prefill(*engine, id, {5});
    EXPECT_EQ(error_of(full.get()).code, "context_full");
}

TEST_F(EngineTest, ContextsFillTheArenaExactlyAndTheQueueIsBounded) {
    const auto engine = start({.kv_tokens = 1000, .max_contexts = 3, .queue_limit = 1});
    auto [a, created_a] = create(*engine, 333);
    auto [b, created_b] = create(*engine, 667);
    ASSERT_TRUE(created_a.get());
    ASSERT_TRUE(created_b.get());
    auto [c, created_c] = create(*engine, 1);
    auto [d, created_d] = create(*engine, 1);
    const Error error = error_of(created_d.get());
    EXPECT_EQ(error.type, ErrorType::kOverloaded);
    EXPECT_EQ(error.code, "context_queue_full");
    EXPECT_TRUE(error.retryable);
    EXPECT_EQ(created_c.wait_for(0s), std::future_status::timeout);
    engine->drop(a);
    ASSERT_TRUE(created_c.get());
    // Three contexts are the most, however few cells they take.
    auto [e, created_e] = create(*engine, 1);
    ASSERT_TRUE(created_e.get());
    auto [f, created_f] = create(*engine, 1);
    auto [g, created_g] = create(*engine, 1);
    EXPECT_EQ(error_of(created_g.get()).code, "context_queue_full");
    engine->drop(f);
    EXPECT_EQ(error_of(created_f.get()).type, ErrorType::kCancelled);
}

TEST_F(EngineTest, OfManyPrioritiesTheLastCounts) {
    const auto engine = start({.kv_tokens = 256, .max_contexts = 1, .cached_contexts = 0});
    const auto holder = create(*engine, 200);
    auto [first, made_first] = create(*engine, 200);
    auto [second, made_second] = create(*engine, 200);
    for (int i = 0; i < 10'000; ++i) {
        engine->set_priority(first, -i % 100);
    }
    engine->set_priority(first, 1);
    engine->drop(holder.first);
    ASSERT_TRUE(made_second.get());
    EXPECT_EQ(made_first.wait_for(0s), std::future_status::timeout);
    engine->drop(second);
    EXPECT_TRUE(made_first.get());
}

std::size_t bytes_in_use() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

// Programs that loop say it more often than the engine can listen.
TEST_F(EngineTest, WhatIsSaidAgainAndAgainTakesTheRoomOfOne) {
    const auto engine = start({.kv_tokens = 256, .max_contexts = 1});
    const auto [id, created] = create(*engine, 200);
    std::promise<void> held;
    std::promise<void> let_go;
    engine->truncate(id, 0, [&](const Result<void>& /*done*/) {
        held.set_value();
        let_go.get_future().wait();
    });
    held.get_future().wait();
    const std::size_t before = bytes_in_use();
    for (int i = 0; i < 100'000; ++i) {
        engine->set_priority(id, i % 100);
        engine->share_beginning(id, i % 2 == 0);
    }
    const std::size_t after = bytes_in_use();
    let_go.set_value();
    EXPECT_LT(after, before + (std::size_t{64} << 10));
}

TEST_F(EngineTest, DropInTheMiddleOfPromptAndAnswer) {
    const auto engine = start({.kv_tokens = 8000, .max_contexts = 2});
    auto [id, created] = create(*engine, 4000);
    auto filled = prefill(*engine, id, text_tokens(3000));
    const auto never = generate(*engine, id, {.max_tokens = 10});
    ASSERT_TRUE(created.get());
    engine->drop(id);
    EXPECT_EQ(error_of(filled.get()).type, ErrorType::kCancelled);
    const auto none = never->wait();
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().type, ErrorType::kCancelled);
    EXPECT_TRUE(never->tokens().empty());

    auto [other, created_other] = create(*engine, 2000);
    prefill(*engine, other, question_tokens("Tell me a long story."));
    const auto sink = generate(*engine, other, {.max_tokens = 1900});
    sink->wait_for_tokens(3);
    engine->drop(other);
    const auto end = sink->wait();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, "context_dropped");
    EXPECT_GE(sink->tokens().size(), 3U);
    EXPECT_LT(sink->tokens().size(), 1900U);
    // The cells are free again.
    auto [whole, created_whole] = create(*engine, 8000);
    ASSERT_TRUE(created_whole.get());
    EXPECT_EQ(sink->ends(), 1);
}

TEST_F(EngineTest, FullSinkHoldsItsContextAloneAndGoesOnAsBefore) {
    const auto engine = start({.kv_tokens = 2048, .max_contexts = 4});
    const auto prompt = question_tokens("Tell me a story about a dragon.");
    const auto ask = [&](std::size_t room) {
        auto [id, created] = create(*engine, 256);
        prefill(*engine, id, prompt);
        return std::pair(id, generate(*engine, id, {.max_tokens = 30}, room));
    };
    const auto slow = ask(5);
    const auto fast = ask(SIZE_MAX);
    ASSERT_TRUE(fast.second->wait());
    EXPECT_EQ(fast.second->tokens().size(), 30U);
    EXPECT_EQ(slow.second->tokens().size(), 5U);
    slow.second->set_room(SIZE_MAX);
    engine->resume(slow.first);
    ASSERT_TRUE(slow.second->wait());
    EXPECT_EQ(slow.second->tokens(), fast.second->tokens());
    EXPECT_EQ(slow.second->text(), fast.second->text());
}

TEST_F(EngineTest, StopGenerateEndsItAndTheContextGoesOn) {
    const auto engine = start({.kv_tokens = 4096, .max_contexts = 2});
    auto [id, created] = create(*engine, 3000);
    prefill(*engine, id, question_tokens("Tell me a story about a dragon."));
    const auto sink = generate(*engine, id, {.max_tokens = 2900});
    sink->wait_for_tokens(4);
    engine->stop_generate(id);
    const auto end = sink->wait();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().type, ErrorType::kCancelled);
    EXPECT_EQ(end.error().code, "generation_stopped");
    const auto more = generate(*engine, id, {.max_tokens = 2});
    ASSERT_TRUE(more->wait());
    EXPECT_EQ(more->tokens().size(), 2U);
}

TEST_F(EngineTest, StepsAskedTogetherAreComputedTogether) {
    const auto engine = start({.kv_tokens = 1024, .max_contexts = 8});
    std::vector<ContextId> ids;
    for (int i = 0; i < 8; ++i) {
        ids.push_back(create(*engine, 64).first);
        ASSERT_TRUE(prefill(*engine, ids.back(), question_tokens("Say a number.")).get());
    }
    for (int round = 0; round < 3; ++round) {
        std::vector<Engine::Step> steps;
        std::vector<std::future<Result<Token>>> chosen;
        for (const ContextId id : ids) {
            auto [done, token] = expect<Token>();
            steps.push_back({.id = id, .done = std::move(done)});
            chosen.push_back(std::move(token));
        }
        engine->step_many(std::move(steps));
        for (auto& token : chosen) {
            ASSERT_TRUE(token.get());
        }
    }
    // The first answer comes when all rows are computed, the second when they are counted.
    for (int i = 0; i < 2; ++i) {
        auto [read, logits] = expect<std::vector<float>>();
        engine->read_logits(ids.back(), std::move(read));
        ASSERT_TRUE(logits.get());
    }
    EXPECT_EQ(engine->stats().steps, 3U);
    EXPECT_EQ(engine->stats().decode_rows, 24U);
}

TEST_F(EngineTest, DestructionEndsWorkInFlight) {
    auto engine = start({.kv_tokens = 2048, .max_contexts = 2});
    auto [generating, created_a] = create(*engine, 1024);
    auto [prefilling, created_b] = create(*engine, 1024);
    auto [waiting, created_c] = create(*engine, 1024);
    prefill(*engine, generating, question_tokens("Tell me a long story."));
    const auto sink = generate(*engine, generating, {.max_tokens = 900});
    sink->wait_for_tokens(2);
    auto filled_b = prefill(*engine, prefilling, text_tokens(1000));
    auto filled_c = prefill(*engine, waiting, {1, 2, 3});
    engine.reset();
    const auto end = sink->wait();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(end.error().code, "engine_stopped");
    EXPECT_EQ(sink->ends(), 1);
    EXPECT_EQ(error_of(filled_b.get()).type, ErrorType::kUnavailable);
    EXPECT_EQ(error_of(created_c.get()).type, ErrorType::kUnavailable);
    EXPECT_EQ(error_of(filled_c.get()).type, ErrorType::kUnavailable);
}

TEST_F(EngineTest, MembersMayBeCalledFromManyThreads) {
    const auto engine = start({.kv_tokens = 2048, .max_contexts = 4});
    const auto prompt = question_tokens("What is the capital of France?");
    std::vector<std::string> answers(8);
    {
        std::vector<std::jthread> threads;
        threads.reserve(answers.size());
        for (std::string& answer : answers) {
            threads.emplace_back([&engine, &prompt, &answer] {
                auto [id, created] = create(*engine, 100);
                prefill(*engine, id, prompt);
                const auto sink = generate(*engine, id, {.max_tokens = 20});
                if (sink->wait()) {
                    answer = sink->text();
                }
                engine->drop(id);
            });
        }
    }
    for (const std::string& answer : answers) {
        EXPECT_EQ(answer, "The capital of France is Paris.");
    }
}

TEST_F(EngineTest, OptionsBothSides) {
    const auto refused = [](const EngineOptions& options) {
        auto engine = Engine::start(test_model(), options);
        return engine ? std::string() : engine.error().message;
    };
    EXPECT_EQ(refused({.kv_tokens = 0}), "kv_tokens must be between 1 and 1073741824, not 0");
    EXPECT_EQ(refused({.max_contexts = 0}), "max_contexts must be between 1 and 255, not 0");
    EXPECT_EQ(refused({.max_contexts = 256}), "max_contexts must be between 1 and 255, not 256");
    EXPECT_EQ(refused({.prefill_chunk = 0}), "prefill_chunk must be between 1 and 4096, not 0");
    EXPECT_EQ(refused({.prefill_chunk = 4097}),
              "prefill_chunk must be between 1 and 4096, not 4097");
    EXPECT_EQ(refused({.threads = 513}), "threads must be between 0 and 512, not 513");
    EXPECT_EQ(refused({.kv_tokens = 1, .max_contexts = 1, .prefill_chunk = 1, .threads = 1}), "");
    EXPECT_EQ(refused({.kv_tokens = 64, .max_contexts = 255}), "");
}

}  // namespace
}  // namespace realm::inference
