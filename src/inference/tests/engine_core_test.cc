// The engine's rules on a model that is only imagined.
#include "inference/engine_core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inference/tests/fake_engine.h"

namespace realm::inference {
namespace {

TEST_F(EngineCoreTest, OperationsOfAContextRunInOrderEvenBeforeItHasCells) {
    create(1, 60);
    create(2, 60);
    prefill(2, {10});
    step(2);
    generate(2, 2);
    EXPECT_FALSE(core_.has_work());
    core_.drop({1});
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "create2 ok", "prefill2 ok", "step2 11", "token2 <12>",
                               "token2 <13>", "end2 length"}));
}

TEST_F(EngineCoreTest, CapacityBothSides) {
    create(1, 0);
    create(2, 61);
    create(3, 60);
    create(4, 40);
    EXPECT_EQ(take(), (Journal{"create1 invalid_capacity", "create2 context_too_long", "create3 ok",
                               "create4 ok"}));
    EXPECT_EQ(core_.stats().contexts, 2U);
    EXPECT_EQ(core_.stats().kv_tokens_reserved, 100U);
    prefill(4, std::vector<Token>(41, 1));
    prefill(4, std::vector<Token>(40, 1));
    prefill(4, {1});
    step(4);
    generate(4, 5);
    run();
    EXPECT_EQ(take(), (Journal{"prefill4 context_full", "prefill4 ok", "prefill4 context_full",
                               "step4 context_full", "end4 length"}));
}

TEST_F(EngineCoreTest, GenerateEndsWhereTheContextIsFull) {
    create(1, 4);
    prefill(1, {10, 11});
    generate(1, 100);
    run();
    EXPECT_EQ(take(),
              (Journal{"create1 ok", "prefill1 ok", "token1 <12>", "token1 <13>", "end1 length"}));
}

TEST_F(EngineCoreTest, QueueIsFirstComeFirstServedAndBounded) {
    create(1, 60);
    create(2, 60);
    create(3, 10);
    create(4, 10);
    EXPECT_EQ(take(), (Journal{"create1 ok", "create4 context_queue_full"}));
    core_.drop({1});
    EXPECT_EQ(take(), (Journal{"create2 ok", "create3 ok"}));
    EXPECT_EQ(core_.stats().contexts, 2U);
}

TEST_F(EngineCoreTest, DropTakesAContextOutOfTheQueue) {
    create(1, 60);
    create(2, 60);
    create(3, 30);
    prefill(2, {1});
    core_.drop({2});
    EXPECT_EQ(take(), (Journal{"create1 ok", "create2 context_dropped", "prefill2 context_dropped",
                               "create3 ok"}));
    core_.drop({2});
    prefill(2, {1});
    EXPECT_EQ(take(), (Journal{"prefill2 context_not_found"}));
}

TEST_F(EngineCoreTest, PrefillChecksItsTokens) {
    create(1, 50);
    prefill(1, {});
    prefill(1, {0, 100});
    prefill(1, {-1});
    prefill(1, {0, 98});
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 no_tokens", "prefill1 invalid_token",
                               "prefill1 invalid_token", "prefill1 ok"}));
}

TEST_F(EngineCoreTest, NothingPrefilled) {
    create(1, 50);
    step(1);
    generate(1, 1);
    EXPECT_EQ(take(), (Journal{"create1 ok", "step1 nothing_prefilled", "end1 nothing_prefilled"}));
}

TEST_F(EngineCoreTest, WhileGeneratingEverythingElseConflicts) {
    create(1, 50);
    prefill(1, {10});
    generate(1, 1);
    prefill(1, {10});
    step(1);
    generate(1, 1);
    run();
    EXPECT_EQ(take(),
              (Journal{"create1 ok", "prefill1 context_generating", "step1 context_generating",
                       "end1 context_generating", "prefill1 ok", "token1 <11>", "end1 length"}));
    // Over: the next continues behind the last token.
    generate(1, 2);
    step(1);
    run();
    EXPECT_EQ(take(),
              (Journal{"step1 context_generating", "token1 <12>", "token1 <13>", "end1 length"}));
    step(1);
    prefill(1, {30});
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"step1 14", "prefill1 ok", "step1 31"}));
}

TEST_F(EngineCoreTest, EndOfGenerationIsNotGivenToTheSinkAndNotAppended) {
    create(1, 50);
    prefill(1, {97});
    generate(1, 10);
    run();
    EXPECT_EQ(take(),
              (Journal{"create1 ok", "prefill1 ok", "token1 <98>", "end1 end_of_generation"}));
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"step1 99"}));
}

TEST_F(EngineCoreTest, StopStringsAcrossTokensAndTheTail) {
    create(1, 50);
    prefill(1, {10});
    generate(1, 10, {"><13", "4"});
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "token1 <11", "token1 ><12", "token1 ",
                               "end1 stop"}));
    // What looks like the beginning of a stop string comes with the end when it was none.
    generate(1, 1, {">>"});
    run();
    EXPECT_EQ(take(), (Journal{"token1 <14", "end1 length>"}));
}

TEST_F(EngineCoreTest, FullSinkPausesItsContextAlone) {
    create(1, 40);
    create(2, 40);
    prefill(1, {10});
    prefill(2, {50});
    run();
    take();
    generate(1, 3, {}, 1);
    generate(2, 3);
    run();
    EXPECT_EQ(take(),
              (Journal{"token1 <11>", "token2 <51>", "token2 <52>", "token2 <53>", "end2 length"}));
    core_.resume({1});
    run();
    EXPECT_EQ(take(), (Journal{"token1 <12>", "token1 <13>", "end1 length"}));
    core_.resume({1});
    EXPECT_FALSE(core_.has_work());
}

TEST_F(EngineCoreTest, StopGenerateKeepsTheContext) {
    create(1, 40);
    prefill(1, {10});
    generate(1, 30, {}, 2);
    run();
    core_.stop_generate({1});
    core_.stop_generate({1});
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "token1 <11>", "token1 <12>",
                               "end1 generation_stopped"}));
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"step1 13"}));
}

TEST_F(EngineCoreTest, ATenantsOneStreamGetsStepsOfItsOwnBesideThree) {
    create_for("one", 1);
    for (const std::uint64_t id : {2, 3, 4}) {
        create_for("many", id);
    }
    run();
    take();
    arena_.batches.clear();
    for (const std::uint64_t id : {1, 2, 3, 4}) {
        generate(id, 5);
    }
    run();
    const Journal journal = take();
    // All its five tokens come while the others have two of theirs.
    const auto end = std::ranges::find(journal, "end1 length");
    EXPECT_EQ(std::count_if(journal.begin(), end,
                            [](const std::string& line) { return line.starts_with("token2"); }),
              2);
}

TEST_F(EngineCoreTest, ForksContinueEachOnItsOwn) {
    create(1, 20);
    prefill(1, {10, 11});
    step(1);
    fork(1, 2, 30);
    run();
    step(2);
    step(2);
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "step1 12", "fork2 ok", "step2 13",
                               "step1 13", "step2 14"}));
    EXPECT_EQ(arena_.forks, (std::vector<std::pair<std::int32_t, std::int32_t>>{{0, 1}}));
    core_.drop({1});
    step(2);
    run();
    EXPECT_EQ(take(), (Journal{"step2 15"}));
}

TEST_F(EngineCoreTest, AForkNeedsItsSourceRoomAndCells) {
    create(1, 20);
    prefill(1, {10, 11, 12});
    run();
    fork(1, 2, 0);
    fork(1, 3, 61);
    fork(1, 4, 2);
    fork(9, 5, 10);
    fork(1, 6, 3);
    fork(1, 7, 60);
    fork(1, 8, 20);
    EXPECT_EQ(take(),
              (Journal{"create1 ok", "prefill1 ok", "fork2 invalid_capacity",
                       "fork3 context_too_long", "fork4 invalid_capacity",
                       "fork5 context_not_found", "fork6 ok", "fork7 ok", "fork8 no_cells"}));
    step(6);
    run();
    EXPECT_EQ(take(), (Journal{"step6 context_full"}));
    generate(7, 5, {}, 1);
    fork(7, 10, 10);
    EXPECT_EQ(take(), (Journal{"token7 <13>", "fork10 context_generating"}));
}

TEST_F(EngineCoreTest, AForkIsDroppedBeforeItIsMadeOrGoesWithItsSource) {
    create(1, 20);
    prefill(1, {10});
    fork(1, 2, 20);
    fork(1, 3, 20);
    core_.drop({2});
    EXPECT_EQ(take(), (Journal{"create1 ok", "fork2 context_dropped"}));
    run();
    EXPECT_EQ(take(), (Journal{"prefill1 ok", "fork3 ok"}));
    EXPECT_EQ(core_.stats().contexts, 2U);
    prefill(1, {10});
    fork(1, 4, 20);
    prefill(4, {1});
    core_.drop({1});
    EXPECT_EQ(take(), (Journal{"prefill1 context_dropped", "fork4 context_dropped",
                               "prefill4 context_dropped"}));
    EXPECT_EQ(core_.stats().contexts, 1U);
}

TEST_F(EngineCoreTest, TruncateForgetsWhatFollows) {
    create(1, 20);
    prefill(1, {10, 11, 12});
    step(1);
    truncate(1, 2);
    step(1);
    prefill(1, {40});
    step(1);
    truncate(1, 5);
    truncate(1, 4);
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "step1 13", "truncate1 ok",
                               "step1 nothing_prefilled", "prefill1 ok", "step1 41",
                               "truncate1 too_short", "truncate1 ok", "step1 42"}));
    EXPECT_EQ(arena_.truncations, (std::vector<std::pair<std::int32_t, std::uint32_t>>{{0, 2}}));
    arena_.may_truncate = false;
    truncate(1, 1);
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"truncate1 no_cells", "step1 43"}));
}

TEST_F(EngineCoreTest, LogitsAreThoseAfterTheLastToken) {
    create(1, 20);
    read(1);
    prefill(1, {10});
    read(1);
    step(1);
    read(1);
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "read1 nothing_prefilled", "prefill1 ok", "read1 11",
                               "step1 11", "read1 12"}));
}

TEST_F(EngineCoreTest, AMaskAllowsItsTokensAlone) {
    create(1, 20);
    prefill(1, {10});
    step(1, {}, only(70));
    step(1, {.temperature = 1.0F, .seed = 1}, only(3));
    step(1);
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "step1 70", "step1 3", "step1 4"}));
    core_.generate({1}, {.max_tokens = 2, .mask = only(50)},
                   std::make_shared<JournalSink>(journal_, "1", 10));
    run();
    EXPECT_EQ(take(), (Journal{"token1 <50>", "token1 <50>", "end1 length"}));
}

TEST_F(EngineCoreTest, StopGenerateBeforeItBegan) {
    create(1, 40);
    prefill(1, {10});
    generate(1, 30);
    core_.stop_generate({1});
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "end1 generation_stopped", "prefill1 ok"}));
}

TEST_F(EngineCoreTest, DecodeRowsShareBatchesOfAtMostWhatTheArenaTakes) {
    for (std::uint64_t id = 1; id <= 4; ++id) {
        create(id, 10);
        prefill(id, {static_cast<Token>(id)});
    }
    run();
    arena_.batches.clear();
    for (std::uint64_t id = 1; id <= 4; ++id) {
        generate(id, 2);
    }
    run();
    EXPECT_EQ(arena_.batches, (std::vector<std::size_t>{2, 2}));
    EXPECT_EQ(core_.stats().largest_batch, 2U);
    EXPECT_EQ(core_.stats().decode_rows, 4U);
    EXPECT_EQ(core_.stats().steps, 2U);
    EXPECT_EQ(core_.stats().prefill_tokens, 4U);
}

TEST_F(EngineCoreTest, FailedDecodeEndsItsContextsAndNoOthers) {
    create(1, 40);
    create(2, 40);
    create(3, 30);
    prefill(1, {10});
    prefill(2, {20});
    run();
    take();
    generate(1, 5);
    step(2);
    arena_.fail_next = true;
    run();
    EXPECT_EQ(take(), (Journal{"token1 <11>", "step2 21", "end1 decode_failed", "create3 ok"}));
    prefill(1, {1});
    prefill(3, {30});
    run();
    EXPECT_EQ(take(), (Journal{"prefill1 context_not_found", "prefill3 ok"}));
    EXPECT_EQ(core_.stats().contexts, 1U);
    EXPECT_EQ(core_.stats().kv_tokens_reserved, 30U);
}

TEST_F(EngineCoreTest, FailedPrefillEndsItsContext) {
    create(1, 40);
    prefill(1, {10});
    generate(1, 5);
    arena_.fail_next = true;
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 decode_failed", "end1 decode_failed"}));
    EXPECT_EQ(core_.stats().contexts, 0U);
}

TEST_F(EngineCoreTest, StoppedEngineEndsEverythingAndTakesNothing) {
    create(1, 60);
    create(2, 60);
    prefill(1, {10});
    generate(1, 5);
    core_.stop();
    Journal ended = take();
    std::ranges::sort(ended);
    EXPECT_EQ(ended, (Journal{"create1 ok", "create2 engine_stopped", "end1 engine_stopped",
                              "prefill1 engine_stopped"}));
    EXPECT_FALSE(core_.has_work());
    create(3, 10);
    prefill(1, {10});
    step(1);
    generate(1, 1);
    EXPECT_EQ(take(), (Journal{"create3 engine_stopped", "prefill1 engine_stopped",
                               "step1 engine_stopped", "end1 engine_stopped"}));
    EXPECT_EQ(core_.stats().kv_tokens_reserved, 0U);
}

TEST_F(EngineCoreTest, StepsKeepTheirSamplerWhileTheParamsAreEqual) {
    const SamplingParams random{.temperature = 50.0F, .top_k = 0, .top_p = 1.0F, .seed = 5};
    create(1, 60);
    prefill(1, {10});
    for (int i = 0; i < 20; ++i) {
        step(1, random);
    }
    run();
    const Journal first = take();
    core_.drop({1});
    create(2, 60);
    prefill(2, {10});
    core_.generate({2}, {.max_tokens = 20, .sampling = random},
                   std::make_shared<JournalSink>(journal_, "2", 1000));
    run();
    const Journal second = take();
    ASSERT_EQ(first.size(), 22U);
    for (std::size_t i = 0; i < 20 && i + 2 < second.size() - 1; ++i) {
        EXPECT_EQ("token2 <" + first[i + 2].substr(6) + ">", second[i + 2]) << i;
    }
    step(2, {.temperature = -1.0F});
    EXPECT_EQ(take(), (Journal{"step2 invalid_sampling"}));
}

TEST_F(EngineCoreTest, MinTokensKeepAGenerationGoing) {
    create(1, 50);
    prefill(1, {97});
    core_.generate({1}, {.max_tokens = 10, .min_tokens = 3},
                   std::make_shared<JournalSink>(journal_, "1", 1000));
    run();
    // 98, then 0 instead of the end, then 1; the end is not likely any more.
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "token1 <98>", "token1 <0>",
                               "token1 <1>", "token1 <2>", "token1 <3>", "token1 <4>", "token1 <5>",
                               "token1 <6>", "token1 <7>", "token1 <8>", "end1 length"}));
}

TEST_F(EngineCoreTest, AMaskThatAllowsOnlyTheEndIsStrongerThanMinTokens) {
    create(1, 50);
    prefill(1, {10});
    core_.generate({1}, {.max_tokens = 10, .min_tokens = 3, .mask = only(kEnd)},
                   std::make_shared<JournalSink>(journal_, "1", 1000));
    run();
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "end1 end_of_generation"}));
}

// Each with a mask of its own, which leaves its draws no choice.
TEST_F(EngineCoreTest, WhatManyRowsDrawIsChosenTogether) {
    const auto draw = [this](std::uint64_t id, Token token, float temperature) {
        create(id, 20);
        prefill(id, {1});
        core_.generate({id},
                       {.max_tokens = 3,
                        .sampling = {.temperature = temperature, .seed = 1},
                        .mask = only(token)},
                       std::make_shared<JournalSink>(journal_, std::to_string(id), 1000));
    };
    draw(1, 21, 1.0F);
    draw(2, 22, 1.0F);
    draw(3, 23, 0.0F);
    run();
    for (const auto& [id, token] : {std::pair{"1", "21"}, {"2", "22"}, {"3", "23"}}) {
        const std::string line = std::string("token") + id + " <" + token + ">";
        EXPECT_EQ(std::ranges::count(journal_, line), 3) << line;
    }
    // The first token of each comes from its prompt; one that is not drawn needs no help.
    EXPECT_EQ(core_.stats().chosen_together, 4U);
    take();
    draw(4, 24, 1.0F);
    run();
    EXPECT_EQ(std::ranges::count(journal_, "token4 <24>"), 3);
    EXPECT_EQ(core_.stats().chosen_together, 4U);
}

}  // namespace
}  // namespace realm::inference
