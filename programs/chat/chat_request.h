// The request of chat.completions, checked and in the words of the program interface.
#pragma once

#include <realm/realm.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chat {

struct ChatRequest {
    std::string model;     // empty: the default model
    std::string messages;  // JSON array of {"role", "content"}, each content one text
    std::optional<std::uint32_t> max_tokens;
    std::uint32_t min_tokens = 0;
    bool cache_prompt = true;
    std::int32_t priority = 0;
    realm_sampling sampling{};
    float typical_p = 1;
    float repetition_penalty = 1;
    std::vector<realm_logit_bias> logit_bias;  // each token once; perhaps not in the vocabulary
    std::string stop;                          // JSON array of strings; empty for none
};

// Reads a body of OpenAI's chat completions. A wrong one ends the request with invalid_request;
// the error names the parameter.
realm::Result<ChatRequest> read_request(const std::string& data);

// Ends the request with invalid_request; `param` is what the error is about.
std::unexpected<realm::Failure> refuse(std::string_view code, std::string_view param,
                                       std::string_view message);

}  // namespace chat
