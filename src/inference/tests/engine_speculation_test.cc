// Guessed tokens in the engine: what is computed, what stays, and that nobody can tell.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inference/engine_core.h"
#include "inference/tests/content_arena.h"
#include "inference/tests/fake_engine.h"

namespace realm::inference {
namespace {

// After token t comes t + 1; a batch has three rows at most.
class EngineSpeculation : public EngineCoreTest {
protected:
    EngineSpeculation() : EngineCoreTest({}, SpeculationMode::kAlways) {}

    void begin(std::vector<Token> prompt, std::uint32_t capacity = 40) {
        create(1, capacity);
        prefill(1, std::move(prompt));
        run();
        arena_.batches.clear();
        take();
    }
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> drafted() const {
        return {core_.stats().drafted_tokens, core_.stats().accepted_tokens};
    }
    using Truncations = std::vector<std::pair<std::int32_t, std::uint32_t>>;
    using Batches = std::vector<std::size_t>;

    // Ends so that 12 comes next, after which 13 and 14 came before.
    const std::vector<Token> repeating_{10, 11, 12, 13, 14, 10, 11};
};

TEST_F(EngineSpeculation, WhatWasGuessedRightIsChosenFromTheSameBatch) {
    begin(repeating_);
    generate(1, 5);
    run();
    EXPECT_EQ(take(), (Journal{"token1 <12>", "token1 <13>", "token1 <14>", "token1 <15>",
                               "token1 <16>", "end1 length"}));
    EXPECT_EQ(arena_.batches, (Batches{3, 1}));
    EXPECT_EQ(arena_.truncations, Truncations());
    EXPECT_EQ(drafted(), std::pair(std::uint64_t{2}, std::uint64_t{2}));
    EXPECT_EQ(core_.stats().decode_rows, 4U);
    EXPECT_EQ(core_.stats().largest_batch, 3U);
}

TEST_F(EngineSpeculation, WhatWasGuessedWrongIsTakenAway) {
    begin({10, 11, 12, 13, 50, 10, 11});
    generate(1, 4);
    run();
    EXPECT_EQ(take(),
              (Journal{"token1 <12>", "token1 <13>", "token1 <14>", "token1 <15>", "end1 length"}));
    EXPECT_EQ(arena_.batches, (Batches{3, 1}));
    // The prompt's seven, 12 and 13.
    EXPECT_EQ(arena_.truncations, (Truncations{{0, 9}}));
    EXPECT_EQ(drafted(), std::pair(std::uint64_t{2}, std::uint64_t{1}));
}

TEST_F(EngineSpeculation, NoMoreIsGuessedThanMayBeMade) {
    begin(repeating_);
    generate(1, 2);
    run();
    EXPECT_EQ(take(), (Journal{"token1 <12>", "token1 <13>", "end1 length"}));
    EXPECT_EQ(arena_.batches, (Batches{1}));
    // Nor than there is room for.
    create(2, 10);
    prefill(2, repeating_);
    run();
    arena_.batches.clear();
    take();
    generate(2, 100);
    run();
    EXPECT_EQ(take(), (Journal{"token2 <12>", "token2 <13>", "token2 <14>", "end2 length"}));
    EXPECT_EQ(arena_.batches, (Batches{2}));
}

TEST_F(EngineSpeculation, AStopStringAmongTheGuessedEndsTheText) {
    begin(repeating_);
    generate(1, 10, {"<13>"});
    run();
    EXPECT_EQ(take(), (Journal{"token1 <12>", "token1 ", "end1 stop"}));
    EXPECT_EQ(arena_.truncations, (Truncations{{0, 8}}));
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"step1 14"}));
}

TEST_F(EngineSpeculation, AnEndAmongTheGuessedEndsTheText) {
    begin({95, 96, 97, 98, 99, 95, 96});
    generate(1, 10);
    run();
    EXPECT_EQ(take(), (Journal{"token1 <97>", "token1 <98>", "end1 end_of_generation"}));
    EXPECT_EQ(arena_.truncations, (Truncations{{0, 9}}));
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"step1 99"}));
}

TEST_F(EngineSpeculation, AFullSinkGetsNoMore) {
    begin(repeating_);
    generate(1, 5, {}, 2);
    run();
    EXPECT_EQ(take(), (Journal{"token1 <12>", "token1 <13>"}));
    EXPECT_EQ(arena_.truncations, (Truncations{{0, 8}}));
    core_.resume({1});
    run();
    EXPECT_EQ(take(), (Journal{"token1 <14>", "token1 <15>", "token1 <16>", "end1 length"}));
}

TEST_F(EngineSpeculation, StopForkAndDropBetweenBatches) {
    begin({10, 11, 12, 13, 50, 10, 11});
    generate(1, 30);
    core_.run_once();
    core_.stop_generate({1});
    EXPECT_EQ(take(),
              (Journal{"token1 <12>", "token1 <13>", "token1 <14>", "end1 generation_stopped"}));
    fork(1, 2, 30);
    run();
    step(2);
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"fork2 ok", "step2 15", "step1 15"}));
    generate(2, 30);
    core_.run_once();
    core_.drop({2});
    EXPECT_EQ(take(), (Journal{"token2 <16>", "token2 <17>", "end2 context_dropped"}));
    EXPECT_EQ(core_.stats().contexts, 1U);
}

TEST_F(EngineSpeculation, AFailedBatchEndsItsContexts) {
    begin(repeating_);
    generate(1, 5);
    arena_.fail_next = true;
    run();
    EXPECT_EQ(take(), (Journal{"token1 <12>", "end1 decode_failed"}));
    EXPECT_EQ(core_.stats().contexts, 0U);
    EXPECT_EQ(core_.stats().kv_tokens_reserved, 0U);
}

TEST_F(EngineSpeculation, AMaskAndMinTokensHoldForGuessedTokensToo) {
    begin({10, 11, 12, 99, 13, 10, 11});
    core_.generate({1}, {.max_tokens = 4, .min_tokens = 4},
                   std::make_shared<JournalSink>(journal_, "1", 100));
    run();
    EXPECT_EQ(take(),
              (Journal{"token1 <12>", "token1 <13>", "token1 <14>", "token1 <15>", "end1 length"}));
    core_.generate({1}, {.max_tokens = 3, .mask = only(10)},
                   std::make_shared<JournalSink>(journal_, "1", 100));
    run();
    EXPECT_EQ(take(), (Journal{"token1 <10>", "token1 <10>", "token1 <10>", "end1 length"}));
}

// What one generation gives, with speculation or without.
class Recording final : public TokenSink {
public:
    bool on_token(GeneratedToken token) override {
        tokens.push_back(token.token);
        text += token.text + "|";
        return true;
    }
    void on_end(Result<GenerateEnd> end) override {
        text += end ? std::to_string(static_cast<int>(end->reason)) + end->tail : end.error().code;
    }
    std::vector<Token> tokens;
    std::string text;
};

struct Asked {
    std::vector<std::uint32_t> prompts;  // one for each context
    GenerateParams params;
};

std::vector<std::string> answers(const Asked& asked, SpeculationMode mode, EngineStats& stats) {
    const EngineOptions options{.kv_tokens = 2000, .speculation = mode};
    const ContentTokens tokens;
    ContentArena arena(2000, 8);
    EngineCore core(options, 2000, tokens, arena, [&arena] { return arena.now; });
    std::vector<std::shared_ptr<Recording>> sinks;
    for (std::size_t i = 0; i < asked.prompts.size(); ++i) {
        std::vector<Token> prompt;
        for (std::uint32_t at = 0; at < 60; ++at) {
            prompt.push_back(static_cast<Token>(at % (2 + asked.prompts[i] % 40)));
        }
        core.create({i + 1}, {}, 60 + asked.prompts[i] % 70, [](Result<void>) {});
        core.prefill({i + 1}, prompt, [](Result<std::uint32_t>) {});
        sinks.push_back(std::make_shared<Recording>());
        core.generate({i + 1}, asked.params, sinks.back());
    }
    while (core.has_work()) {
        core.run_once();
    }
    stats.drafted_tokens += core.stats().drafted_tokens;
    stats.accepted_tokens += core.stats().accepted_tokens;
    std::vector<std::string> made;
    for (const auto& sink : sinks) {
        made.push_back(sink->text);
    }
    return made;
}

TEST(Speculating, GivesTheSameTextWithEverySampler) {
    EngineStats stats;
    EngineStats without;
    const auto property = [&] {
        Asked asked;
        asked.prompts = *rc::gen::container<std::vector<std::uint32_t>>(
            1 + *rc::gen::inRange(0U, 3U), rc::gen::inRange(0U, 1000U));
        SamplingParams& sampling = asked.params.sampling;
        asked.params.max_tokens = *rc::gen::inRange(1U, 60U);
        asked.params.min_tokens = *rc::gen::inRange(0U, 10U);
        if (*rc::gen::arbitrary<bool>()) {
            asked.params.stop = {std::to_string(*rc::gen::inRange(10, 60))};
        }
        sampling.temperature = static_cast<float>(*rc::gen::inRange(0, 4)) / 10;
        sampling.top_k = *rc::gen::inRange(0, 10);
        sampling.frequency_penalty = static_cast<float>(*rc::gen::inRange(0, 3)) / 10;
        sampling.repetition_penalty = 1 + static_cast<float>(*rc::gen::inRange(0, 3)) / 10;
        sampling.logit_bias = {{.token = *rc::gen::inRange(0, 50), .bias = 0.5F}};
        sampling.seed = *rc::gen::arbitrary<std::uint32_t>();
        const auto expected = answers(asked, SpeculationMode::kNever, without);
        RC_ASSERT(answers(asked, SpeculationMode::kAlways, stats) == expected);
        RC_ASSERT(answers(asked, SpeculationMode::kWhereItPays, stats) == expected);
    };
    rc::detail::TestParams params;
    params.seed = 7;
    params.maxSuccess = 1500;
    const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata(), params);
    EXPECT_TRUE(result.template is<rc::detail::SuccessResult>());
    EXPECT_EQ(without.drafted_tokens, 0U);
    EXPECT_GT(stats.accepted_tokens, 1000U);
    EXPECT_GT(stats.drafted_tokens, stats.accepted_tokens + 1000);
}

std::vector<Token> repeating(std::uint32_t tokens) {
    std::vector<Token> prompt;
    for (std::uint32_t at = 0; at < tokens; ++at) {
        prompt.push_back(static_cast<Token>(at % 7));
    }
    return prompt;
}

TEST(Speculating, WaitsWhileAPromptWaits) {
    const EngineOptions options{.kv_tokens = 2000, .speculation = SpeculationMode::kWhereItPays};
    const ContentTokens tokens;
    ContentArena arena(2000, 8);
    EngineCore core(options, 2000, tokens, arena, [&arena] { return arena.now; });
    const auto stream = std::make_shared<Recording>();
    core.create({1}, {}, 900, [](Result<void>) {});
    core.prefill({1}, repeating(60), [](Result<std::uint32_t>) {});
    core.generate({1}, {.max_tokens = 800}, stream);
    while (core.stats().drafted_tokens == 0) {
        ASSERT_TRUE(core.has_work());
        core.run_once();
    }
    bool computed = false;
    core.create({2}, {.tenant = "other"}, 700, [](Result<void>) {});
    core.prefill({2}, repeating(600), [&](Result<std::uint32_t>) { computed = true; });
    const EngineStats before = core.stats();
    while (!computed) {
        core.run_once();
    }
    EXPECT_EQ(core.stats().drafted_tokens, before.drafted_tokens);
    EXPECT_GT(core.stats().decode_rows, before.decode_rows + 10);
    while (core.has_work()) {
        core.run_once();
    }
    EXPECT_EQ(stream->tokens.size(), 800U);
    EXPECT_GT(core.stats().drafted_tokens, before.drafted_tokens);
}

}  // namespace
}  // namespace realm::inference
