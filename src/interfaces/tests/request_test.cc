#include "interfaces/request.h"

#include <gtest/gtest.h>
#include <realm/realm.h>

#include <array>

#include "interfaces/tests/fakes.h"

namespace realm::interfaces {
namespace {

class RequestInterfaceTest : public ::testing::Test {
protected:
    std::shared_ptr<testing::FakeRun> run_ = std::make_shared<testing::FakeRun>(R"({"a":1})");
    std::shared_ptr<CallState> state_ = std::make_shared<CallState>();
    RequestInterface request_{run_, state_};
};

TEST_F(RequestInterfaceTest, gives_data_and_meta) {
    std::array<char, 32> buffer{};
    EXPECT_EQ(request_.data(buffer), 7);
    EXPECT_EQ(std::string(buffer.data(), 7), R"({"a":1})");
    EXPECT_EQ(request_.meta(buffer), 18);
    EXPECT_EQ(std::string(buffer.data(), 18), R"({"tenant":"local"})");
}

TEST_F(RequestInterfaceTest, says_which_call_had_bad_json) {
    EXPECT_EQ(request_.reply("{"), REALM_E_INVALID_REQUEST);
    EXPECT_NE(state_->last_error_json().find(
                  "realm_reply: The body is not valid JSON: it breaks at byte 2."),
              std::string::npos)
        << state_->last_error_json();
}

TEST_F(RequestInterfaceTest, looks_at_no_text_that_is_too_long) {
    // None of it is JSON; that is found only where it is short enough.
    run_->chunk_bytes = 3;
    run_->output_bytes = 4;
    const auto waiter = std::make_shared<testing::FakeWaiter>();
    request_.emit("{{{{", sandbox::Completion(waiter));
    request_.emit("{{{", sandbox::Completion(waiter));
    EXPECT_EQ(waiter->values,
              (std::vector<std::int32_t>{REALM_E_PROGRAM_LIMIT, REALM_E_INVALID_REQUEST}));
    EXPECT_EQ(request_.reply("{{{{{"), REALM_E_PROGRAM_LIMIT);
    EXPECT_EQ(request_.reply("{{{{"), REALM_E_INVALID_REQUEST);
    EXPECT_EQ(request_.fail("{{{{"), REALM_E_PROGRAM_LIMIT);
    EXPECT_EQ(request_.fail("{{{"), REALM_E_INVALID_REQUEST);
    EXPECT_TRUE(run_->chunks.empty());
}

TEST_F(RequestInterfaceTest, fails_with_words_although_its_output_is_used_up) {
    run_->output_bytes = 0;
    EXPECT_EQ(request_.reply("1"), REALM_E_PROGRAM_LIMIT);
    EXPECT_EQ(request_.fail(R"({"type":"overloaded","message":"x"})"), REALM_OK);
    EXPECT_EQ(run_->failure.message, "x");
}

TEST_F(RequestInterfaceTest, wants_an_error_object_to_fail_with) {
    EXPECT_EQ(request_.fail(R"({"type":"unheard_of","message":"x"})"), REALM_E_INVALID_REQUEST);
    EXPECT_FALSE(run_->answered);
    EXPECT_EQ(request_.fail(R"({"type":"overloaded","message":"x"})"), REALM_OK);
    EXPECT_EQ(run_->failure.type, ErrorType::kOverloaded);
    EXPECT_TRUE(run_->failure.retryable);
}

}  // namespace
}  // namespace realm::interfaces
