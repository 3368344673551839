// Who has cells and who gives them up, on a model that is only imagined.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inference/engine_core.h"
#include "inference/tests/fake_engine.h"

namespace realm::inference {
namespace {

// Prompts whose beginnings were computed before; 1,000 cells, two contexts, two kept.
class BeginningsTest : public EngineCoreTest {
protected:
    void finish(const std::string& tenant, std::uint64_t id, std::uint32_t tokens,
                std::uint32_t capacity, bool shared = true) {
        begin(tenant, id, tokens, capacity, shared);
        small_.drop({id});
    }
    // Computes a prompt of 0, 1, 2, ...; how many of its tokens were computed.
    std::uint64_t begin(const std::string& tenant, std::uint64_t id, std::uint32_t tokens,
                        std::uint32_t capacity, bool shared = true) {
        const std::uint64_t before = small_.stats().prefill_tokens;
        small_.create({id}, {.tenant = tenant}, capacity,
                      note<void>("create" + std::to_string(id)));
        if (!shared) {
            small_.share_beginning({id}, false);
        }
        std::vector<Token> prompt(tokens);
        for (std::uint32_t i = 0; i < tokens; ++i) {
            prompt[i] = static_cast<Token>(i % 90);
        }
        const auto reused = std::make_shared<std::optional<std::uint32_t>>();
        small_.prefill({id}, std::move(prompt),
                       [reused, done = note<std::uint32_t>("prefill" + std::to_string(id))](
                           Result<std::uint32_t> filled) mutable {
                           *reused = filled.value_or(0);
                           done(std::move(filled));
                       });
        while (small_.has_work()) {
            small_.run_once();
        }
        const std::uint64_t computed = small_.stats().prefill_tokens - before;
        if (*reused) {  // else it waits for cells
            EXPECT_EQ(computed + **reused, tokens);
        }
        return computed;
    }

    inline static const EngineOptions kSmall{.kv_tokens = 1000,
                                             .max_contexts = 2,
                                             .cached_contexts = 2,
                                             .prefill_chunk = 512,
                                             .queue_limit = 2};
    FakeArena cells_{1000, 4};
    EngineCore small_{kSmall, 1000, tokens_, cells_, [this] { return cells_.now; }};
};

TEST_F(BeginningsTest, AFinishedContextServesItsTenantAlone) {
    finish("a", 1, 200, 300);
    EXPECT_EQ(small_.stats().contexts, 0U);
    EXPECT_EQ(small_.stats().cached_contexts, 1U);
    EXPECT_EQ(small_.stats().kv_tokens_reserved, 200U);
    EXPECT_EQ(begin("b", 2, 300, 300), 300U);
    EXPECT_EQ(begin("a", 3, 300, 300), 100U);
    EXPECT_EQ(cells_.adoptions, (std::vector<FakeArena::Adoption>{{2, 0, 200}}));
    EXPECT_EQ(small_.stats().reused_tokens, 200U);
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "create2 ok", "prefill2 ok",
                               "create3 ok", "prefill3 ok"}));
}

TEST_F(BeginningsTest, AContextThatLivesServesToo) {
    EXPECT_EQ(begin("a", 1, 200, 300), 200U);
    EXPECT_EQ(begin("a", 2, 150, 300), 1U);
    EXPECT_EQ(cells_.adoptions, (std::vector<FakeArena::Adoption>{{1, 0, 149}}));
}

TEST_F(BeginningsTest, WhatWasTruncatedIsNotServed) {
    begin("a", 1, 200, 300);
    small_.truncate({1}, 100, note<void>("truncate"));
    EXPECT_EQ(begin("a", 2, 300, 300), 200U);
    EXPECT_EQ(cells_.adoptions, (std::vector<FakeArena::Adoption>{{1, 0, 100}}));
}

TEST_F(BeginningsTest, ShortPromptsAreNotKept) {
    finish("a", 1, 63, 300);
    EXPECT_EQ(small_.stats().cached_contexts, 0U);
    finish("a", 2, 64, 300);
    EXPECT_EQ(small_.stats().cached_contexts, 1U);
}

TEST_F(BeginningsTest, WhoDoesNotShareNeitherTakesNorLeaves) {
    finish("a", 1, 200, 300, false);
    EXPECT_EQ(small_.stats().cached_contexts, 0U);
    finish("a", 2, 200, 300);
    EXPECT_EQ(begin("a", 3, 200, 300, false), 200U);
    EXPECT_TRUE(cells_.adoptions.empty());
}

TEST_F(BeginningsTest, AreGivenUpForNewContextsBeforeThoseWait) {
    finish("a", 1, 200, 300);
    finish("b", 2, 400, 400);
    begin("c", 3, 1, 600);
    EXPECT_EQ(take().back(), "prefill3 ok");
    EXPECT_EQ(small_.stats().cached_contexts, 1U);
    begin("c", 4, 1, 400);
    EXPECT_EQ(take().back(), "prefill4 ok");
    EXPECT_EQ(small_.stats().cached_contexts, 0U);
}

TEST_F(BeginningsTest, AreNotGivenUpWhenThatWouldNotHelp) {
    begin("b", 1, 1, 100);
    begin("b", 2, 1, 100);
    small_.drop({2});
    finish("a", 3, 200, 300);
    begin("b", 4, 1, 100);
    begin("b", 5, 1, 100);  // the third one waits
    EXPECT_EQ(take().back(), "prefill4 ok");
    EXPECT_EQ(small_.stats().cached_contexts, 1U);
    EXPECT_EQ(small_.stats().contexts, 2U);
}

// A request that waits for more than there would be takes nothing from anybody.
TEST_F(BeginningsTest, AreNotGivenUpForWhatWouldNotFitAllTheSame) {
    finish("a", 1, 200, 300);
    begin("b", 2, 1, 300);
    begin("c", 3, 1, 701);
    EXPECT_EQ(take().back(), "prefill2 ok");
    EXPECT_EQ(small_.stats().cached_contexts, 1U);
    small_.drop({3});
    begin("c", 4, 1, 700);
    EXPECT_EQ(take().back(), "prefill4 ok");
    EXPECT_EQ(small_.stats().cached_contexts, 0U);
}

TEST_F(BeginningsTest, AreReleasedWhenTheEngineStops) {
    finish("a", 1, 200, 300);
    small_.stop();
    EXPECT_EQ(cells_.sequences(), 0U);
    EXPECT_EQ(cells_.tokens_reserved(), 0U);
}

// Room for what two contexts of the fake arena leave, 100 bytes each.
class SwapTest : public EngineCoreTest {
protected:
    explicit SwapTest(SwapSpace::Options swap = {.memory_bytes = 299})
        : EngineCoreTest(std::move(swap)) {}

    void pass(std::chrono::milliseconds time) {
        arena_.now += time;
        core_.tend();
    }
    // Contexts 1 and 2 with 10 tokens, 1 used first; they fill the cells.
    void fill() {
        create(1, 50);
        prefill(1, {10});
        run();
        create(2, 50);
        prefill(2, {20});
        run();
        take();
    }
};

TEST_F(SwapTest, WhatIsIdleForASecondGivesItsCells) {
    fill();
    const base::SteadyTime used = arena_.now;
    create(3, 60);
    EXPECT_EQ(core_.tend_at(), used - std::chrono::milliseconds(5) + options_.swap_after);
    pass(std::chrono::milliseconds(999));
    EXPECT_EQ(take(), Journal{});
    EXPECT_EQ(core_.stats().swapped_contexts, 0U);
    EXPECT_EQ(core_.tend_at(), used + options_.swap_after);
    pass(std::chrono::milliseconds(1));
    EXPECT_EQ(take(), (Journal{"create3 ok"}));
    EXPECT_EQ(core_.stats().swapped_contexts, 2U);
    EXPECT_EQ(core_.stats().contexts, 1U);
    EXPECT_EQ(core_.stats().kv_tokens_reserved, 60U);
    EXPECT_EQ(core_.tend_at(), std::nullopt);
}

TEST_F(SwapTest, TheOneUsedLongestAgoGoesFirstAndNoMoreThanNeeded) {
    fill();
    step(1);
    run();
    arena_.now += std::chrono::seconds(1);
    create(3, 50);
    EXPECT_EQ(take(), (Journal{"step1 11", "create3 ok"}));
    step(1);
    EXPECT_EQ(take(), (Journal{"step1 12"}));
    run();
    step(2);
    EXPECT_EQ(take(), Journal{});
}

TEST_F(SwapTest, NobodyIsSwappedForWhatWouldNotFitAllTheSame) {
    fill();
    step(1);
    run();
    arena_.now += std::chrono::milliseconds(997);  // only 2 is idle for a second
    create(3, 51);
    EXPECT_EQ(take(), (Journal{"step1 11"}));
    EXPECT_EQ(core_.stats().swapped_contexts, 0U);
}

TEST_F(SwapTest, ASwappedContextGoesOnWhereItWas) {
    fill();
    arena_.now += std::chrono::seconds(1);
    create(3, 50);
    step(2);
    step(1);  // waits until somebody gives cells
    run();
    EXPECT_EQ(take(), (Journal{"create3 ok", "step2 21"}));
    EXPECT_EQ(arena_.loads.size(), 0U);
    core_.drop({2});
    EXPECT_EQ(take(), (Journal{"step1 11"}));
    EXPECT_EQ(arena_.loads, (std::vector<std::pair<std::int32_t, std::uint32_t>>{{1, 0}}));
    run();
    step(1);
    EXPECT_EQ(take(), (Journal{"step1 12"}));
    EXPECT_EQ(core_.stats().swapped_out, 1U);
    EXPECT_EQ(core_.stats().swapped_in, 1U);
    EXPECT_EQ(core_.stats().swapped_contexts, 0U);
}

TEST_F(SwapTest, WhoWaitsForASlowReaderIsIdleToo) {
    create(1, 50);
    prefill(1, {10});
    generate(1, 3, {}, 1);
    run();
    arena_.now += std::chrono::seconds(1);
    create(2, 60);
    EXPECT_EQ(take(), (Journal{"create1 ok", "prefill1 ok", "token1 <11>", "create2 ok"}));
    core_.drop({2});
    core_.resume({1});
    run();
    EXPECT_EQ(take(), (Journal{"token1 <12>", "token1 <13>", "end1 length"}));
    EXPECT_EQ(core_.stats().swapped_in, 1U);
}

TEST_F(SwapTest, WhoIsAtWorkIsNotSwapped) {
    create(1, 50);
    prefill(1, {10});
    generate(1, 40);
    core_.run_once();
    arena_.now += std::chrono::seconds(2);
    create(2, 60);
    EXPECT_EQ(core_.stats().swapped_contexts, 0U);
    EXPECT_EQ(core_.tend_at(), std::nullopt);
}

TEST_F(SwapTest, WithoutRoomForCellsNobodyIsSwapped) {
    create(1, 40);
    create(2, 40);
    create(3, 20);
    take();
    arena_.now += std::chrono::seconds(1);
    create(4, 60);  // two of them, 100 bytes each
    EXPECT_EQ(take(), (Journal{"create4 ok"}));
    EXPECT_EQ(core_.stats().swapped_contexts, 2U);
    arena_.now += std::chrono::seconds(1);
    create(5, 60);  // the third does not fit
    EXPECT_EQ(take(), Journal{});
    EXPECT_EQ(core_.stats().swapped_contexts, 2U);
    core_.drop({4});
    EXPECT_EQ(take(), (Journal{"create5 ok"}));
}

TEST_F(SwapTest, AForkWithoutRoomWaitsSwapped) {
    fill();
    fork(1, 3, 50);
    read(3);
    EXPECT_EQ(take(), (Journal{"fork3 ok"}));
    EXPECT_EQ(core_.stats().swapped_contexts, 1U);
    step(1);
    run();
    core_.drop({2});
    EXPECT_EQ(take(), (Journal{"step1 11", "read3 11"}));
    step(3);
    EXPECT_EQ(take(), (Journal{"step3 11"}));
    EXPECT_EQ(arena_.loads, (std::vector<std::pair<std::int32_t, std::uint32_t>>{{1, 0}}));
}

TEST_F(SwapTest, ForksBeyondTheSwapSpaceAreRefusedWithATime) {
    fill();
    fork(1, 3, 50);
    fork(1, 4, 50);
    core_.fork({1}, {5}, 50, [this](Result<void> made) {
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().type, ErrorType::kOverloaded);
        EXPECT_EQ(made.error().retry_after_ms, 1000);
        journal_.push_back(made.error().code);
    });
    EXPECT_EQ(take(), (Journal{"fork3 ok", "fork4 ok", "no_cells"}));
    core_.drop({3});
    fork(1, 6, 50);
    EXPECT_EQ(take(), (Journal{"fork6 ok"}));
}

TEST_F(SwapTest, ADroppedSwappedContextGivesItsRoomAndItsPlaceInTheQueue) {
    fill();
    fork(1, 3, 50);
    step(3);
    core_.drop({3});
    EXPECT_EQ(take(), (Journal{"fork3 ok", "step3 context_dropped"}));
    core_.drop({1});
    create(4, 50);
    EXPECT_EQ(take(), (Journal{"create4 ok"}));
}

TEST_F(SwapTest, CellsThatDoNotComeBackEndTheirContextAlone) {
    fill();
    fork(1, 3, 50);
    step(3);
    arena_.fail_next = true;
    core_.drop({2});
    EXPECT_EQ(take(), (Journal{"fork3 ok", "step3 kv_move_failed"}));
    step(3);
    step(1);
    EXPECT_EQ(take(), (Journal{"step3 context_not_found", "step1 11"}));
    EXPECT_EQ(core_.stats().kv_tokens_reserved, 50U);
}

TEST_F(SwapTest, AnEngineThatStopsTellsThoseThatAreSwapped) {
    fill();
    fork(1, 3, 50);
    step(3);
    core_.stop();
    EXPECT_EQ(take(), (Journal{"fork3 ok", "step3 engine_stopped"}));
    EXPECT_EQ(arena_.sequences(), 0U);
}

TEST(DropPace, TellsWhenToTryAgain) {
    using std::chrono::milliseconds;
    DropPace pace;
    EXPECT_EQ(pace.wait(0), milliseconds(1000));
    EXPECT_EQ(pace.wait(2), milliseconds(3000));
    EXPECT_EQ(pace.wait(100), milliseconds(30'000));
    base::SteadyTime now;
    for (int i = 0; i < 100; ++i) {
        pace.note(now);
        now += milliseconds(200);
    }
    EXPECT_EQ(pace.wait(0), milliseconds(201));  // rounded up
    EXPECT_EQ(pace.wait(4), milliseconds(1001));
    for (int i = 0; i < 100; ++i) {
        pace.note(now);
    }
    EXPECT_EQ(pace.wait(4), milliseconds(100));
}

}  // namespace
}  // namespace realm::inference