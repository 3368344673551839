// Guests call every host function as a program would, with good and bad arguments.

#include <gtest/gtest.h>
#include <realm/realm.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "interfaces/tests/guest_harness.h"

namespace realm::interfaces {
namespace {

using testing::call_of;
using testing::PointerCase;

class GuestCalls : public testing::GuestTest {};

constexpr PointerCase kPointers[] = {
    {"realm_request_data", "%P %N", 1, 1, true},
    {"realm_request_meta", "%P %N", 1, 1, true},
    {"realm_emit", "%P %N", 1, 1, true},
    {"realm_reply", "%P %N", 1, 1, true},
    {"realm_fail", "%P %N", 1, 1, true},
    {"realm_take", "%P %N", 1, 1, true},
    {"realm_last_error", "%P %N", 1, 1, true},
    {"realm_log", "(i32.const 1) %P %N", 2, 1, true},
    {"realm_model_open", "%P %N", 1, 1, true},
    {"realm_model_describe", "(i32.const 0) %P", 2, 16, false},
    {"realm_model_name", "(i32.const 0) %P %N", 2, 1, true},
    {"realm_tokenize", "(i32.const 0) %P %N (i32.const 0)", 2, 1, true},
    {"realm_detokenize", "(i32.const 0) %P %N", 2, 4, true},
    {"realm_apply_template", "(i32.const 0) %P %N (i32.const 1)", 2, 1, true},
    {"realm_context_prefill", "(i32.const 0) %P %N", 2, 4, true},
    {"realm_context_sampling", "(i32.const 0) %P", 2, 32, false},
    {"realm_context_generate", "(i32.const 0) (i32.const 1) %P %N", 3, 1, true},
    {"realm_context_logit_bias", "(i32.const 0) %P %N", 2, 8, true},
    {"realm_context_mask", "(i32.const 0) %P %N", 2, 4, true},
    {"realm_context_step_many", "%P %N", 1, 4, true},
};

TEST_F(GuestCalls, bad_pointers_end_the_guest_with_function_and_reason) {
    for (const PointerCase& item : kPointers) {
        const std::pair<std::uint32_t, std::uint32_t> bad[] = {
            {0xffffffffU, 1}, {65536, 1}, {65537U - static_cast<std::uint32_t>(item.element), 1}};
        for (const auto& [pointer, count] : bad) {
            const auto error = run(module(call_of(item, pointer, count)));
            ASSERT_TRUE(error.has_value()) << item.function << " " << pointer;
            EXPECT_EQ(error->type, ErrorType::kProgramTrap);
            EXPECT_EQ(error->code, "bad_pointer");
            EXPECT_NE(error->message.find("'guest'"), std::string::npos) << error->message;
            EXPECT_NE(error->message.find(std::string(item.function) + ": parameter " +
                                          std::to_string(item.parameter) + ": offset " +
                                          std::to_string(pointer)),
                      std::string::npos)
                << error->message;
        }
    }
}

TEST_F(GuestCalls, lengths_that_overflow_are_bad_pointers) {
    for (const PointerCase& item : kPointers) {
        if (!item.has_length) {
            continue;
        }
        for (const std::uint32_t count : {0xffffffffU, 0x80000000U, 0x40000001U}) {
            const auto error = run(module(call_of(item, 64, count)));
            ASSERT_TRUE(error.has_value()) << item.function << " " << count;
            EXPECT_EQ(error->code, "bad_pointer") << error->message;
        }
    }
}

TEST_F(GuestCalls, unaligned_elements_are_bad_pointers) {
    for (const PointerCase& item : kPointers) {
        if (item.element == 1) {
            continue;
        }
        const auto error = run(module(call_of(item, 66, 1)));
        ASSERT_TRUE(error.has_value()) << item.function;
        EXPECT_NE(error->message.find("offset 66 is not a multiple of 4"), std::string::npos)
            << error->message;
    }
}

TEST_F(GuestCalls, no_pointer_is_looked_at_when_the_length_is_zero) {
    for (const PointerCase& item : kPointers) {
        if (item.has_length) {
            const auto error = run(module(call_of(item, 0xffffffffU, 0)));
            EXPECT_FALSE(error.has_value()) << item.function << ": " << error->message;
        }
    }
}

TEST_F(GuestCalls, every_function_with_a_pointer_is_in_the_list) {
    // Two numbers or more and no entry would mean an unchecked pointer went unnoticed here.
    for (const sandbox::HostFunction& function : host_functions()) {
        if (function.module != "env") {
            continue;  // wasi_calls_test.cc has a list of its own
        }
        const bool listed = std::ranges::any_of(
            kPointers, [&](const PointerCase& item) { return function.name == item.function; });
        constexpr std::array<std::string_view, 9> kTwoNumbers{
            "realm_context_create",  "realm_context_fork",       "realm_context_truncate",
            "realm_context_top",     "realm_context_share",      "realm_context_min_tokens",
            "realm_context_typical", "realm_context_repetition", "realm_context_priority"};
        const bool plain = function.signature.parameters.size() < 2 ||
                           std::ranges::find(kTwoNumbers, function.name) != kTwoNumbers.end();
        EXPECT_NE(listed, plain) << function.name;
    }
}

TEST_F(GuestCalls, handles_that_were_never_given_are_errors_for_the_guest) {
    for (const char* call :
         {"(call $realm_model_describe (i32.const 0) (i32.const 128))",
          "(call $realm_model_name (i32.const 7) (i32.const 128) (i32.const 8))",
          "(call $realm_tokenize (i32.const -1) (i32.const 64) (i32.const 1) (i32.const 0))",
          "(call $realm_detokenize (i32.const 0) (i32.const 64) (i32.const 1))",
          "(call $realm_apply_template (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 1))",
          "(call $realm_context_create (i32.const 0) (i32.const 10))",
          "(call $realm_context_prefill (i32.const 0) (i32.const 64) (i32.const 1))",
          "(call $realm_context_length (i32.const 2147483647))",
          "(call $realm_context_reused (i32.const 0))",
          "(call $realm_context_drop (i32.const 0))",
          "(call $realm_context_sampling (i32.const 0) (i32.const 64))",
          "(call $realm_context_step (i32.const 0))",
          "(call $realm_context_generate (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0))",
          "(call $realm_context_next (i32.const 0))",
          "(call $realm_context_stop (i32.const 0))",
          "(call $realm_context_fork (i32.const 0) (i32.const 8))",
          "(call $realm_context_truncate (i32.const 0) (i32.const 0))",
          "(call $realm_context_mask (i32.const 0) (i32.const 64) (i32.const 1))",
          "(call $realm_context_typical (i32.const 0) (f32.const 1))",
          "(call $realm_context_priority (i32.const 0) (i32.const 1))",
          "(call $realm_context_priority (i32.const -2) (i32.const 1))",
          "(call $realm_context_repetition (i32.const 0) (f32.const 1))",
          "(call $realm_context_logit_bias (i32.const 0) (i32.const 64) (i32.const 1))",
          "(call $realm_context_step_many (i32.const 64) (i32.const 1))",
          "(call $realm_context_logits (i32.const 0))",
          "(call $realm_context_top (i32.const 0) (i32.const 1))",
          "(call $realm_model_open (i32.const 64) (i32.const 3))"}) {
        expect_status(call, REALM_E_NOT_FOUND, "abc");
    }
}

TEST_F(GuestCalls, steps_of_many_want_each_context_once_and_no_more_than_there_may_be) {
    expect_status("(call $realm_context_step_many (i32.const 64) (i32.const 0))",
                  REALM_E_INVALID_REQUEST);
    // 0 and 0
    expect_status("(call $realm_context_step_many (i32.const 256) (i32.const 2))",
                  REALM_E_INVALID_REQUEST);
    expect_status("(call $realm_context_step_many (i32.const 256) (i32.const 17))",
                  REALM_E_PROGRAM_LIMIT);
    expect_status("(call $realm_context_step_many (i32.const 256) (i32.const 10000))",
                  REALM_E_PROGRAM_LIMIT);
}

TEST_F(GuestCalls, requests_are_read_piece_by_piece) {
    expect_status("(call $realm_request_data (i32.const 0) (i32.const 0))", 5);
    expect_status(R"((block (result i32)
        (drop (call $realm_request_data (i32.const 200) (i32.const 3)))
        (i32.load (i32.const 200))))",
                  '[' | '1' << 8 | ',' << 16);
    expect_status("(call $realm_request_meta (i32.const 0) (i32.const 0))", 18);
    expect_status("(call $realm_cancelled)", 0);
    run_->is_cancelled = true;
    expect_status("(call $realm_cancelled)", 1);
    expect_status("(i32.wrap_i64 (call $realm_time_left_ms))", 1000);
    run_->left = std::chrono::milliseconds(-5);
    expect_status("(i32.wrap_i64 (call $realm_time_left_ms))", 0);
}

TEST_F(GuestCalls, chunks_and_replies_reach_the_run) {
    EXPECT_FALSE(run(module(R"(
        (drop (call $realm_emit (i32.const 64) (i32.const 3)))
        (drop (call $realm_emit (i32.const 67) (i32.const 2)))
        (drop (call $realm_reply (i32.const 69) (i32.const 4)))
        (call $realm_log (i32.const 1) (i32.const 69) (i32.const 4)))",
                            R"(\"a\"42true)"))
                     .has_value());
    EXPECT_EQ(run_->chunks, (std::vector<std::string>{"\"a\"", "42"}));
    EXPECT_EQ(run_->answer, "true");
    EXPECT_EQ(log_->lines, std::vector<std::string>{"true"});
    expect_status("(call $realm_reply (i32.const 64) (i32.const 1))", REALM_E_CONFLICT, "1");
}

TEST_F(GuestCalls, what_is_no_json_is_refused) {
    for (const char* function : {"realm_emit", "realm_reply", "realm_fail"}) {
        expect_status(std::string("(call $") + function + " (i32.const 64) (i32.const 3))",
                      REALM_E_INVALID_REQUEST, "{a}");
        expect_status(std::string("(call $") + function + " (i32.const 64) (i32.const 0))",
                      REALM_E_INVALID_REQUEST);
    }
    EXPECT_TRUE(run_->chunks.empty());
    EXPECT_FALSE(run_->answered);
}

TEST_F(GuestCalls, failures_keep_their_type) {
    const std::string error = R"({\"type\":\"rate_limited\",\"code\":\"c\",\"message\":\"m\"})";
    expect_status("(call $realm_fail (i32.const 64) (i32.const 48))", REALM_OK, error);
    EXPECT_EQ(run_->failure.type, ErrorType::kRateLimited);
    EXPECT_EQ(run_->failure.code, "c");
    EXPECT_EQ(run_->failure.message, "m");
}

}  // namespace
}  // namespace realm::interfaces
