#include "serving/retry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/tests/manual_time.h"

namespace realm::serving {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Waits = std::vector<std::optional<microseconds>>;

Error unavailable(const std::string& code) {
    return fail(ErrorType::kUnavailable, code, "for now").error();
}

RetryOptions longest() {
    return {.random = [](std::uint64_t most) { return most; }};
}

constexpr base::SteadyTime kNow{std::chrono::seconds(1)};

// What a policy says after the given attempt at a run with an hour left.
std::optional<microseconds> wait_after(const RetryPolicy& policy, std::uint32_t attempt,
                                       const Error& error = unavailable("no_instance_free")) {
    return policy.wait_after({.error = error,
                              .attempt = attempt,
                              .now = kNow,
                              .deadline = kNow + std::chrono::hours(1)});
}

TEST(RetryPolicy, waits_up_to_a_bound_that_doubles_and_makes_four_attempts) {
    std::vector<std::uint64_t> bounds;
    const RetryPolicy policy({.random = [&](std::uint64_t most) {
        bounds.push_back(most);
        return most / 4;
    }});
    const Waits waits{wait_after(policy, 1), wait_after(policy, 2), wait_after(policy, 3),
                      wait_after(policy, 4), wait_after(policy, 5)};
    EXPECT_EQ(waits, (Waits{microseconds(2'500), microseconds(5'000), microseconds(10'000),
                            std::nullopt, std::nullopt}));
    EXPECT_EQ(bounds, (std::vector<std::uint64_t>{10'000, 20'000, 40'000}));
}

TEST(RetryPolicy, a_wait_is_anything_from_nothing_to_its_bound) {
    const RetryPolicy shortest({.random = [](std::uint64_t) { return 0; }});
    EXPECT_EQ(wait_after(shortest, 3), microseconds(0));
    EXPECT_EQ(wait_after(RetryPolicy(longest()), 3), milliseconds(40));
}

TEST(RetryPolicy, by_itself_stays_within_the_bound) {
    const RetryPolicy policy({.back_off = microseconds(3)});
    std::vector<int> seen(4);
    for (int i = 0; i < 1'000; ++i) {
        ++seen.at(static_cast<std::size_t>(wait_after(policy, 1)->count()));
    }
    // The chance that one of four never comes in a thousand is below 10^-120.
    EXPECT_EQ(std::ranges::count(seen, 0), 0);
}

TEST(RetryPolicy, many_attempts_stop_doubling) {
    RetryOptions options = longest();
    options.attempts = 1'000;
    const RetryPolicy policy(std::move(options));
    EXPECT_EQ(wait_after(policy, 17), milliseconds(10) * 65'536);
    EXPECT_EQ(wait_after(policy, 999), milliseconds(10) * 65'536);
    EXPECT_EQ(wait_after(policy, 1'000), std::nullopt);
}

TEST(RetryPolicy, knows_what_passes) {
    const RetryPolicy policy(longest());
    for (const char* code :
         {"no_instance_free", "kv_exhausted", "kv_move_failed", "decode_failed", "session_ended"}) {
        EXPECT_EQ(wait_after(policy, 1, unavailable(code)), milliseconds(10)) << code;
    }
    for (const char* code : {"shutting_down", "engine_stopped", "guest_ended", ""}) {
        EXPECT_EQ(wait_after(policy, 1, unavailable(code)), std::nullopt) << code;
    }
    const Error other = fail(ErrorType::kInternal, "decode_failed", "by name only").error();
    EXPECT_EQ(wait_after(policy, 1, other), std::nullopt);
}

TEST(RetryPolicy, leaves_alone_what_had_an_effect) {
    const RetryPolicy policy(longest());
    const Error error = unavailable("decode_failed");
    EXPECT_EQ(policy.wait_after({.error = error,
                                 .had_effect = true,
                                 .now = kNow,
                                 .deadline = kNow + std::chrono::hours(1)}),
              std::nullopt);
}

TEST(RetryPolicy, never_waits_for_the_deadline) {
    const RetryPolicy policy(longest());
    const Error error = unavailable("decode_failed");
    const auto within = [&](microseconds left) {
        return policy.wait_after({.error = error, .now = kNow, .deadline = kNow + left});
    };
    EXPECT_EQ(within(microseconds(10'001)), milliseconds(10));
    EXPECT_EQ(within(microseconds(10'000)), std::nullopt);
}

TEST(RetryPolicy, advises_the_wait_that_would_have_come_next) {
    const RetryPolicy policy(longest());
    Error error = unavailable("kv_exhausted");
    error.details = "{}";
    Error told = error;
    told.retryable = true;
    told.retry_after_ms = 80;
    error.retryable = false;
    EXPECT_EQ(policy.with_advice(error, 4), told);
}

class RetryWaitTest : public ::testing::Test {
protected:
    // What the wait was told: "time", or why it was cancelled.
    std::vector<std::string> told_;
    base::testing::ManualTime time_;
    std::shared_ptr<RetryWait> wait_ =
        std::make_shared<RetryWait>(time_, [this](std::optional<Error> cancelled) {
            told_.push_back(cancelled ? cancelled->code : "time");
        });
};

TEST_F(RetryWaitTest, ends_when_it_is_time) {
    wait_->begin(time_.now() + milliseconds(10));
    time_.advance(microseconds(9'999));
    EXPECT_EQ(told_, std::vector<std::string>{});
    time_.advance(microseconds(1));
    EXPECT_EQ(told_, std::vector<std::string>{"time"});
    wait_->cancel(unavailable("late"));
    wait_->hurry();
    EXPECT_EQ(told_, std::vector<std::string>{"time"});
}

TEST_F(RetryWaitTest, cancelled_it_ends_at_once_and_leaves_no_timer) {
    wait_->begin(time_.now() + milliseconds(10));
    wait_->cancel(unavailable("client_gone"));
    EXPECT_EQ(told_, std::vector<std::string>{"client_gone"});
    EXPECT_EQ(time_.timers(), 0U);
    EXPECT_EQ(wait_.use_count(), 1);
}

TEST_F(RetryWaitTest, hurried_it_ends_as_if_it_were_time) {
    wait_->begin(time_.now() + milliseconds(10));
    wait_->hurry();
    EXPECT_EQ(told_, std::vector<std::string>{"time"});
    EXPECT_EQ(time_.timers(), 0U);
}

TEST_F(RetryWaitTest, over_before_it_begins_it_does_not_begin) {
    wait_->cancel(unavailable("client_gone"));
    wait_->begin(time_.now() + milliseconds(10));
    EXPECT_EQ(told_, std::vector<std::string>{"client_gone"});
    EXPECT_EQ(time_.timers(), 0U);
}

}  // namespace
}  // namespace realm::serving
