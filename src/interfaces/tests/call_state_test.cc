#include "interfaces/call_state.h"

#include <gtest/gtest.h>
#include <realm/realm.h>

#include <array>

namespace realm::interfaces {
namespace {

TEST(CallState, gives_each_error_type_the_status_of_the_header) {
    const std::pair<ErrorType, std::int32_t> expected[] = {
        {ErrorType::kInvalidRequest, REALM_E_INVALID_REQUEST},
        {ErrorType::kUnauthenticated, REALM_E_UNAUTHENTICATED},
        {ErrorType::kPermissionDenied, REALM_E_PERMISSION_DENIED},
        {ErrorType::kNotFound, REALM_E_NOT_FOUND},
        {ErrorType::kConflict, REALM_E_CONFLICT},
        {ErrorType::kRateLimited, REALM_E_RATE_LIMITED},
        {ErrorType::kQuotaExceeded, REALM_E_QUOTA_EXCEEDED},
        {ErrorType::kProgramTrap, REALM_E_PROGRAM_TRAP},
        {ErrorType::kProgramLimit, REALM_E_PROGRAM_LIMIT},
        {ErrorType::kOverloaded, REALM_E_OVERLOADED},
        {ErrorType::kDeadlineExceeded, REALM_E_DEADLINE_EXCEEDED},
        {ErrorType::kCancelled, REALM_E_CANCELLED},
        {ErrorType::kUnavailable, REALM_E_UNAVAILABLE},
        {ErrorType::kInternal, REALM_E_INTERNAL}};
    for (const auto& [type, status] : expected) {
        EXPECT_EQ(status_of(type), status);
    }
}

TEST(CallState, copies_what_fits_and_says_how_much_there_is) {
    std::array<char, 4> buffer = {'-', '-', '-', '-'};
    EXPECT_EQ(copy_out("abc", std::span(buffer).first(2)), 3);
    EXPECT_EQ(std::string(buffer.data(), 4), "ab--");
    EXPECT_EQ(copy_out("abc", buffer), 3);
    EXPECT_EQ(std::string(buffer.data(), 4), "abc-");
    EXPECT_EQ(copy_out("abc", {}), 3);
}

TEST(CallState, keeps_the_last_error_for_the_guest) {
    auto state = std::make_shared<CallState>();
    ResultInterface results(state);
    std::array<char, 128> buffer{};
    EXPECT_EQ(results.last_error(buffer), 0);
    state->failed(fail(ErrorType::kConflict, "first", "one").error());
    EXPECT_EQ(state->failed(fail(ErrorType::kNotFound, "second", "two").error()),
              REALM_E_NOT_FOUND);
    const std::string expected =
        R"({"code":"second","message":"two","retryable":false,"type":"not_found"})";
    EXPECT_EQ(results.last_error(buffer), static_cast<std::int32_t>(expected.size()));
    EXPECT_EQ(std::string(buffer.data(), expected.size()), expected);
}

TEST(CallState, keeps_a_result_until_the_next) {
    auto state = std::make_shared<CallState>();
    ResultInterface results(state);
    std::array<char, 8> buffer{};
    EXPECT_EQ(results.take(buffer), 0);
    state->set_result("xyz");
    EXPECT_EQ(results.take({}), 3);
    EXPECT_EQ(results.take(buffer), 3);
    EXPECT_EQ(std::string(buffer.data()), "xyz");
    state->set_result("");
    EXPECT_EQ(results.take(buffer), 0);
}

}  // namespace
}  // namespace realm::interfaces
