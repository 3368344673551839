// The built-in chat program: answers OpenAI's chat.completions with the model named there.
//
// Each generated token is one chunk {"content": text}. The reply is {"content", "finish_reason",
// "usage", "tail"}; the tail is text that the chunks have not brought.
#include <realm/realm.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "chat_request.h"

namespace chat {
namespace {

struct Answer {
    std::string text;
    std::string tail;
    std::uint32_t tokens = 0;
    realm::Finish finish = realm::Finish::end;
};

realm::Status check_length(std::size_t prompt, std::size_t longest) {
    if (prompt < longest) {
        return {};
    }
    return refuse("context_length_exceeded", "messages",
                  "The messages make " + std::to_string(prompt) +
                      " tokens; a context of this model holds " + std::to_string(longest) +
                      ", the answer included. Shorten the messages.");
}

realm::Status check_biases(const std::vector<realm_logit_bias>& biases, std::uint32_t vocabulary) {
    for (const realm_logit_bias& item : biases) {
        if (static_cast<std::uint32_t>(item.token) >= vocabulary) {
            return refuse("invalid_value", "logit_bias",
                          "'logit_bias' names token " + std::to_string(item.token) +
                              "; this model has 0 to " + std::to_string(vocabulary - 1) + ".");
        }
    }
    return {};
}

realm::Status set_sampling(realm::Context& context, const ChatRequest& request) {
    REALM_CHECK(context.set_sampling(request.sampling));
    if (request.typical_p != 1) {
        REALM_CHECK(context.set_typical(request.typical_p));
    }
    if (request.repetition_penalty != 1) {
        REALM_CHECK(context.set_repetition(request.repetition_penalty));
    }
    if (!request.logit_bias.empty()) {
        REALM_CHECK(context.set_logit_bias(request.logit_bias));
    }
    return {};
}

realm::Result<Answer> answer(realm::Context& context, const ChatRequest& request,
                             std::uint32_t max_tokens) {
    REALM_CHECK(set_sampling(context, request));
    REALM_CHECK(context.set_min_tokens(request.min_tokens));
    REALM_TRY(generation, context.generate(max_tokens, request.stop));
    Answer answer;
    for (const realm::GeneratedToken& token : generation) {
        ++answer.tokens;
        answer.text += token.text;
        REALM_CHECK(realm::emit_text(token.text));
    }
    REALM_CHECK(generation.status());
    answer.finish = generation.finish();
    answer.tail = generation.tail();
    answer.text += answer.tail;
    return answer;
}

struct Prompt {
    std::size_t tokens = 0;
    std::uint32_t cached = 0;  // of them, computed before
};

std::string reply_json(const Answer& answer, const Prompt& prompt) {
    const auto tokens = static_cast<std::int64_t>(prompt.tokens);
    const std::string usage =
        realm::JsonObject()
            .number("prompt_tokens", tokens)
            .number("completion_tokens", answer.tokens)
            .number("total_tokens", tokens + answer.tokens)
            .json("prompt_tokens_details",
                  realm::JsonObject().number("cached_tokens", prompt.cached).finish())
            .finish();
    return realm::JsonObject()
        .text("content", answer.text)
        .text("finish_reason", answer.finish == realm::Finish::length ? "length" : "stop")
        .json("usage", usage)
        .text("tail", answer.tail)
        .finish();
}

realm::Status run() {
    REALM_TRY(request, read_request(realm::request_data()));
    REALM_TRY(model, realm::Model::open(request.model));
    REALM_TRY(info, model.info());
    REALM_CHECK(check_biases(request.logit_bias, info.vocabulary_size));
    REALM_TRY(tokens, model.chat_tokens(request.messages));
    REALM_CHECK(check_length(tokens.size(), info.max_context_tokens));
    const auto left = info.max_context_tokens - static_cast<std::uint32_t>(tokens.size());
    const std::uint32_t max_tokens = std::min(request.max_tokens.value_or(left), left);
    // In a session the last request's would hold otherwise.
    REALM_CHECK(realm::Context::set_priority_of_new(request.priority));
    REALM_TRY(context, realm::Context::create(model, tokens.size() + max_tokens));
    REALM_CHECK(context.share_beginning(request.cache_prompt));
    REALM_CHECK(context.prefill(tokens));
    REALM_TRY(made, answer(context, request, max_tokens));
    return realm::reply(reply_json(made, {.tokens = tokens.size(), .cached = context.reused()}));
}

}  // namespace
}  // namespace chat

REALM_PROGRAM {
    return chat::run();
}
