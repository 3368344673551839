#include "inference/sampling.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "inference/generation.h"

namespace realm::inference {
namespace {

std::string complaint(const SamplingParams& params) {
    const Result<void> result = validate(params);
    if (result) {
        return "";
    }
    EXPECT_EQ(result.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(result.error().code, "invalid_sampling");
    EXPECT_FALSE(result.error().retryable);
    return result.error().message;
}

TEST(SamplingParams, BothSidesOfEachLimit) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(complaint({}), "");
    EXPECT_EQ(complaint({.temperature = 0.0F}), "");
    EXPECT_EQ(complaint({.temperature = -0.5F}), "temperature must be 0 or more, not -0.5");
    EXPECT_EQ(complaint({.temperature = nan}), "temperature must be 0 or more, not nan");
    EXPECT_EQ(complaint({.temperature = std::numeric_limits<float>::infinity()}),
              "temperature must be 0 or more, not inf");
    EXPECT_EQ(complaint({.top_k = -1}), "");
    EXPECT_EQ(complaint({.top_p = 1.0F}), "");
    EXPECT_EQ(complaint({.top_p = 0.01F}), "");
    EXPECT_EQ(complaint({.top_p = 0.0F}), "top_p must be above 0 and at most 1, not 0");
    EXPECT_EQ(complaint({.top_p = 1.5F}), "top_p must be above 0 and at most 1, not 1.5");
    EXPECT_EQ(complaint({.min_p = 1.0F}), "");
    EXPECT_EQ(complaint({.min_p = -0.25F}), "min_p must be between 0 and 1, not -0.25");
    EXPECT_EQ(complaint({.min_p = 1.25F}), "min_p must be between 0 and 1, not 1.25");
    EXPECT_EQ(complaint({.frequency_penalty = -2.0F}), "");
    EXPECT_EQ(complaint({.frequency_penalty = 2.5F}),
              "frequency_penalty must be between -2 and 2, not 2.5");
    EXPECT_EQ(complaint({.presence_penalty = 2.0F}), "");
    EXPECT_EQ(complaint({.presence_penalty = -2.5F}),
              "presence_penalty must be between -2 and 2, not -2.5");
    EXPECT_EQ(complaint({.typical_p = 1.0F}), "");
    EXPECT_EQ(complaint({.typical_p = 0.01F}), "");
    EXPECT_EQ(complaint({.typical_p = 0.0F}), "typical_p must be above 0 and at most 1, not 0");
    EXPECT_EQ(complaint({.typical_p = 1.5F}), "typical_p must be above 0 and at most 1, not 1.5");
    EXPECT_EQ(complaint({.repetition_penalty = 0.01F}), "");
    EXPECT_EQ(complaint({.repetition_penalty = 100.0F}), "");
    EXPECT_EQ(complaint({.repetition_penalty = 0.0F}),
              "repetition_penalty must be between 0.01 and 100, not 0");
    EXPECT_EQ(complaint({.repetition_penalty = 100.5F}),
              "repetition_penalty must be between 0.01 and 100, not 100.5");
    EXPECT_EQ(complaint({.repetition_penalty = nan}),
              "repetition_penalty must be between 0.01 and 100, not nan");
}

TEST(SamplingParams, BothSidesOfTheLimitsOfBiases) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(complaint({.logit_bias = {{.token = 1, .bias = 100.0F}}}), "");
    EXPECT_EQ(complaint({.logit_bias = {{.token = 1, .bias = -100.0F}}}), "");
    EXPECT_EQ(complaint({.logit_bias = {{.token = 1, .bias = 0.0F}, {.token = 7, .bias = 101.0F}}}),
              "logit_bias of token 7 must be between -100 and 100, not 101");
    EXPECT_EQ(complaint({.logit_bias = {{.token = 7, .bias = -100.5F}}}),
              "logit_bias of token 7 must be between -100 and 100, not -100.5");
    EXPECT_EQ(complaint({.logit_bias = {{.token = 7, .bias = nan}}}),
              "logit_bias of token 7 must be between -100 and 100, not nan");
    SamplingParams params{.logit_bias = std::vector<LogitBias>(1024)};
    EXPECT_EQ(complaint(params), "");
    params.logit_bias.emplace_back();
    EXPECT_EQ(complaint(params), "logit_bias must have at most 1024 tokens, not 1025");
}

struct Complaint {
    std::string code;
    std::string message;
    friend bool operator==(const Complaint&, const Complaint&) = default;
};

Complaint complaint(const GenerateParams& params) {
    const Result<void> result = validate(params);
    return result ? Complaint{} : Complaint{result.error().code, result.error().message};
}

TEST(GenerateParams, BothSidesOfEachLimit) {
    EXPECT_EQ(complaint(GenerateParams{.max_tokens = 1}), Complaint{});
    EXPECT_EQ(complaint(GenerateParams{.max_tokens = 0}),
              (Complaint{"invalid_max_tokens", "max_tokens must be 1 or more, not 0"}));
    GenerateParams params{.max_tokens = 1};
    params.stop.assign(16, "x");
    EXPECT_EQ(complaint(params), Complaint{});
    params.stop.emplace_back("x");
    EXPECT_EQ(complaint(params),
              (Complaint{"invalid_stop", "there may be at most 16 stop strings, not 17"}));
    params.stop = {std::string(256, 'x')};
    EXPECT_EQ(complaint(params), Complaint{});
    params.stop = {std::string(257, 'x')};
    EXPECT_EQ(complaint(params),
              (Complaint{"invalid_stop", "a stop string must have 1 to 256 bytes, not 257"}));
    params.stop = {""};
    EXPECT_EQ(complaint(params),
              (Complaint{"invalid_stop", "a stop string must have 1 to 256 bytes, not 0"}));
    params.stop = {"\xC3"};
    EXPECT_EQ(complaint(params), (Complaint{"invalid_stop", "a stop string must be UTF-8"}));
    params.stop = {"ok"};
    params.sampling.top_p = 2.0F;
    EXPECT_EQ(complaint(params),
              (Complaint{"invalid_sampling", "top_p must be above 0 and at most 1, not 2"}));
}

}  // namespace
}  // namespace realm::inference
