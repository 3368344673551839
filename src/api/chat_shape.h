// Chat completions on the wire: reading OpenAI's request, shaping replies and chunks.
// Source of the shapes: OpenAI's API reference, chat completions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "envelope/envelope.h"

namespace realm::api {

// What the server itself needs to know of a request; everything else is the program's.
struct ChatRequest {
    std::string model;  // empty: the default model
    bool stream = false;
    bool include_usage = false;
    std::string body;  // the JSON as it goes to the program
};

// Checks types and ranges of the fields that OpenAI defines; others pass through. The error names
// the field in its message and in details {"param": ...}. Where the body names no max_tokens, the
// program gets `default_max_tokens`: without a bound each request would reserve a whole context.
Result<ChatRequest> read_chat_request(envelope::Json body, std::uint32_t default_max_tokens);

// Makes OpenAI's objects of what a chat program emits and replies. One for each request.
class ChatShaper {
public:
    // `id` and `created` are those of the request; `model` is the name that clients see.
    ChatShaper(std::string_view id, std::int64_t created, std::string model, bool include_usage);

    // A program's chunk, {"content": text} or a JSON string, as chat.completion.chunk. The first
    // one carries the role.
    envelope::Json chunk(const envelope::Json& program_chunk);
    // The chunk that carries the finish reason, and text that the program had held back.
    envelope::Json last_chunk(const envelope::Json& reply);
    // The chunk after it, with usage alone, when the client asked for one.
    [[nodiscard]] envelope::Json usage_chunk(const envelope::Json& reply) const;
    [[nodiscard]] bool include_usage() const { return include_usage_; }
    // The whole answer, as chat.completion.
    [[nodiscard]] envelope::Json completion(const envelope::Json& reply) const;

private:
    envelope::Json chunk_with(envelope::Json delta, envelope::Json finish_reason);

    std::string id_;
    std::int64_t created_;
    std::string model_;
    bool include_usage_;
    bool role_sent_ = false;
};

// An error in OpenAI's shape.
envelope::Json openai_error(const Error& error);

}  // namespace realm::api
