#include "interfaces/generation.h"

#include <gtest/gtest.h>
#include <realm/realm.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "interfaces/tests/fakes.h"

namespace realm::interfaces {
namespace {

using inference::FinishReason;
using inference::GenerateEnd;

class GenerationTest : public ::testing::Test {
protected:
    sandbox::Completion completion() { return sandbox::Completion(waiter_); }

    // The event that the last delivery left for realm_take.
    [[nodiscard]] realm_event event() const {
        realm_event event{};
        std::memcpy(&event, state_->result().data(), sizeof(event));
        return event;
    }
    [[nodiscard]] std::string text() const { return state_->result().substr(sizeof(realm_event)); }

    std::shared_ptr<CallState> state_ = std::make_shared<CallState>();
    std::shared_ptr<testing::FakeWaiter> waiter_ = std::make_shared<testing::FakeWaiter>();
    Generation generation_{state_};
};

TEST_F(GenerationTest, delivers_a_token_that_is_there) {
    EXPECT_TRUE(generation_.on_token({.token = 7, .text = "hi"}));
    EXPECT_FALSE(generation_.next(completion()));
    EXPECT_EQ(waiter_->values, std::vector<std::int32_t>{sizeof(realm_event) + 2});
    EXPECT_EQ(event().kind, REALM_EVENT_TOKEN);
    EXPECT_EQ(event().token, 7);
    EXPECT_EQ(event().text_length, 2U);
    EXPECT_EQ(text(), "hi");
    EXPECT_EQ(generation_.tokens_read(), 1U);
}

TEST_F(GenerationTest, delivers_a_token_when_it_comes) {
    generation_.next(completion());
    EXPECT_TRUE(waiter_->values.empty());
    generation_.on_token({.token = 9, .text = ""});
    EXPECT_EQ(waiter_->values, std::vector<std::int32_t>{sizeof(realm_event)});
    EXPECT_EQ(event().token, 9);
}

TEST_F(GenerationTest, delivers_the_end_after_all_tokens) {
    generation_.on_token({.token = 1, .text = "a"});
    generation_.on_end(GenerateEnd{.reason = FinishReason::kStopString, .tail = "rest"});
    generation_.next(completion());
    EXPECT_EQ(event().kind, REALM_EVENT_TOKEN);
    EXPECT_FALSE(generation_.over());
    generation_.next(completion());
    EXPECT_EQ(event().kind, REALM_EVENT_END);
    EXPECT_EQ(event().finish_reason, REALM_FINISH_STOP_STRING);
    EXPECT_EQ(text(), "rest");
    EXPECT_TRUE(generation_.over());
}

TEST_F(GenerationTest, delivers_a_failure_as_its_status) {
    generation_.next(completion());
    generation_.on_end(fail(ErrorType::kUnavailable, "engine_failed", "broken"));
    EXPECT_EQ(waiter_->values, std::vector<std::int32_t>{REALM_E_UNAVAILABLE});
    EXPECT_NE(state_->last_error_json().find("engine_failed"), std::string::npos);
    EXPECT_TRUE(generation_.over());
}

TEST_F(GenerationTest, pauses_the_engine_and_resumes_it_when_half_is_read) {
    for (std::size_t i = 1; i < Generation::kAhead; ++i) {
        EXPECT_TRUE(generation_.on_token({.token = 0, .text = "x"}));
    }
    EXPECT_FALSE(generation_.on_token({.token = 0, .text = "x"}));
    EXPECT_EQ(generation_.tokens_made(), Generation::kAhead);
    for (std::size_t i = 1; i < Generation::kAhead / 2; ++i) {
        EXPECT_FALSE(generation_.next(completion())) << i;
    }
    EXPECT_TRUE(generation_.next(completion()));
    EXPECT_FALSE(generation_.next(completion()));
}

TEST_F(GenerationTest, finishing_waits_for_the_engine_and_counts_what_it_made) {
    generation_.on_token({.token = 1, .text = "a"});
    generation_.on_token({.token = 2, .text = "b"});
    generation_.finish(completion());
    EXPECT_TRUE(waiter_->values.empty());
    generation_.on_end(fail(ErrorType::kCancelled, "cancelled", "stopped"));
    EXPECT_EQ(waiter_->values, std::vector<std::int32_t>{REALM_OK});
    EXPECT_TRUE(generation_.over());
    EXPECT_EQ(generation_.tokens_made(), 2U);
}

TEST_F(GenerationTest, finishing_after_the_end_does_not_wait) {
    generation_.on_end(GenerateEnd{.reason = FinishReason::kLength, .tail = ""});
    generation_.finish(completion());
    EXPECT_EQ(waiter_->values, std::vector<std::int32_t>{REALM_OK});
}

}  // namespace
}  // namespace realm::interfaces
