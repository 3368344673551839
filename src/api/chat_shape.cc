#include "api/chat_shape.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "envelope/error_table.h"

namespace realm::api {
namespace {

using envelope::Json;

// `given`, where it is a number or a flag, is named too.
std::unexpected<Error> bad_param(std::string_view param, std::string_view wanted,
                                 const Json& given = nullptr) {
    const bool is_short = given.is_number() || given.is_boolean();
    const std::string instead = is_short ? ", not " + envelope::dump(given) : "";
    auto error =
        fail(ErrorType::kInvalidRequest, "invalid_value",
             "'" + std::string(param) + "' must be " + std::string(wanted) + instead + ".");
    error.error().details = envelope::dump({{"param", param}});
    return error;
}

bool is_whole(const Json& json, std::int64_t low, std::int64_t high) {
    if (json.is_number_unsigned()) {
        return json.get<std::uint64_t>() <= static_cast<std::uint64_t>(high) &&
               json.get<std::int64_t>() >= low;
    }
    return json.is_number_integer() && json.get<std::int64_t>() >= low &&
           json.get<std::int64_t>() <= high;
}

bool is_between(const Json& json, double low, double high) {
    return json.is_number() && json.get<double>() >= low && json.get<double>() <= high;
}

constexpr std::int64_t kMaxInt = 2147483647;

bool is_stop(const Json& json) {
    const auto good = [](const Json& item) {
        return item.is_string() && !item.get_ref<const std::string&>().empty() &&
               item.get_ref<const std::string&>().size() <= 256;
    };
    if (!json.is_array()) {
        return good(json);
    }
    bool all = json.size() <= 16;
    for (const Json& item : json) {
        all = all && good(item);
    }
    return all;
}

constexpr std::size_t kMaxBiases = 1024;
constexpr std::string_view kBiasesWanted =
    "an object of at most 1024 token ids, each with a number from -100 to 100";

// A whole number as one writes it: no sign, no zeros before it.
bool is_token_id(const std::string& name) {
    std::int32_t id = -1;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
    return read.ec == std::errc() && std::to_string(id) == name && id >= 0;
}

Result<void> check_logit_bias(const Json& biases) {
    if (!biases.is_object()) {
        return bad_param("logit_bias", kBiasesWanted, biases);
    }
    if (biases.size() > kMaxBiases) {
        return bad_param("logit_bias", std::string(kBiasesWanted) + ", not " +
                                           std::to_string(biases.size()) + " of them");
    }
    for (const auto& [token, bias] : biases.items()) {
        if (!is_token_id(token)) {
            return bad_param("logit_bias", kBiasesWanted);
        }
        if (!is_between(bias, -100, 100)) {
            return bad_param("logit_bias", kBiasesWanted, bias);
        }
    }
    return {};
}

struct Rule {
    std::string_view param;
    bool (*good)(const Json&);
    std::string_view wanted;
};

// null is taken as absent, as OpenAI does.
constexpr Rule kRules[] = {
    {"model", [](const Json& j) { return j.is_string(); }, "a string"},
    {"stream", [](const Json& j) { return j.is_boolean(); }, "true or false"},
    {"stream_options",
     [](const Json& j) {
         return j.is_object() && (!j.contains("include_usage") || j["include_usage"].is_boolean());
     },
     "an object such as {\"include_usage\": true}"},
    {"max_tokens", [](const Json& j) { return is_whole(j, 1, kMaxInt); },
     "a whole number from 1 to 2147483647"},
    {"max_completion_tokens", [](const Json& j) { return is_whole(j, 1, kMaxInt); },
     "a whole number from 1 to 2147483647"},
    {"temperature", [](const Json& j) { return is_between(j, 0, 2); }, "a number from 0 to 2"},
    {"top_p", [](const Json& j) { return is_between(j, 0, 1) && j.get<double>() > 0; },
     "a number above 0 and at most 1"},
    {"typical_p", [](const Json& j) { return is_between(j, 0, 1) && j.get<double>() > 0; },
     "a number above 0 and at most 1"},
    {"min_p", [](const Json& j) { return is_between(j, 0, 1); }, "a number from 0 to 1"},
    {"top_k", [](const Json& j) { return is_whole(j, -1, kMaxInt); },
     "a whole number from -1 to 2147483647, where -1 and 0 are for off"},
    {"min_tokens", [](const Json& j) { return is_whole(j, 0, kMaxInt); },
     "a whole number from 0 to 2147483647"},
    {"priority", [](const Json& j) { return is_whole(j, -1000, 1000); },
     "a whole number from -1000 to 1000"},
    {"ignore_eos", [](const Json& j) { return j.is_boolean(); }, "true or false"},
    {"cache_prompt", [](const Json& j) { return j.is_boolean(); }, "true or false"},
    {"frequency_penalty", [](const Json& j) { return is_between(j, -2, 2); },
     "a number from -2 to 2"},
    {"presence_penalty", [](const Json& j) { return is_between(j, -2, 2); },
     "a number from -2 to 2"},
    {"repetition_penalty", [](const Json& j) { return is_between(j, 0.01, 100); },
     "a number from 0.01 to 100"},
    {"repeat_penalty", [](const Json& j) { return is_between(j, 0.01, 100); },
     "a number from 0.01 to 100"},
    {"seed", [](const Json& j) { return j.is_number_integer(); },
     "a whole number from -2^63 to 2^64 - 1"},
    {"n", [](const Json& j) { return is_whole(j, 1, 1); },
     "1 (this server makes one choice for a request)"},
    {"stop", is_stop, "a string of 1 to 256 bytes, or an array of at most 16 of them"},
};

bool is_content(const Json& content) {
    if (content.is_string()) {
        return true;
    }
    if (!content.is_array() || content.empty()) {
        return false;
    }
    for (const Json& part : content) {
        if (!part.is_object() || part.value("type", Json()) != "text" || !part.contains("text") ||
            !part["text"].is_string()) {
            return false;
        }
    }
    return true;
}

Result<void> check_messages(const Json& body) {
    const auto found = body.find("messages");
    if (found == body.end() || !found->is_array() || found->empty()) {
        return bad_param("messages", "an array of at least one message");
    }
    for (std::size_t i = 0; i < found->size(); ++i) {
        const Json& message = (*found)[i];
        const std::string place = "messages[" + std::to_string(i) + "]";
        if (!message.is_object()) {
            return bad_param(place, "an object with \"role\" and \"content\"");
        }
        if (!message.contains("role") || !message["role"].is_string()) {
            return bad_param(place + ".role", "a string such as \"user\"");
        }
        if (!message.contains("content") || !is_content(message["content"])) {
            return bad_param(place + ".content",
                             "a string, or an array of parts {\"type\": \"text\", \"text\": "
                             "string}");
        }
    }
    return {};
}

bool present(const Json& body, std::string_view key) {
    const auto found = body.find(key);
    return found != body.end() && !found->is_null();
}

std::string text_of(const Json& json) {
    if (json.is_string()) {
        return json.get<std::string>();
    }
    const auto found = json.is_object() ? json.find("content") : json.end();
    if (json.is_object() && found != json.end() && found->is_string()) {
        return found->get<std::string>();
    }
    return {};
}

// Whatever a program replied, as the text of an answer.
std::string answer_of(const Json& reply) {
    if (reply.is_string() || (reply.is_object() && reply.contains("content"))) {
        return text_of(reply);
    }
    return reply.is_null() ? std::string() : envelope::dump(reply);
}

Json member_or(const Json& json, const char* key, Json otherwise) {
    if (json.is_object() && json.contains(key)) {
        return json[key];
    }
    return otherwise;
}

Json usage_of(const Json& reply) {
    return member_or(reply, "usage",
                     {{"prompt_tokens", 0}, {"completion_tokens", 0}, {"total_tokens", 0}});
}

}  // namespace

Result<ChatRequest> read_chat_request(Json body, std::uint32_t default_max_tokens) {
    if (!body.is_object()) {
        return fail(ErrorType::kInvalidRequest, "invalid_value",
                    "The request must be a JSON object with \"model\" and \"messages\".");
    }
    for (const Rule& rule : kRules) {
        if (present(body, rule.param) && !rule.good(body[std::string(rule.param)])) {
            return bad_param(rule.param, rule.wanted, body[std::string(rule.param)]);
        }
    }
    if (present(body, "logit_bias")) {
        if (auto checked = check_logit_bias(body["logit_bias"]); !checked) {
            return std::unexpected(std::move(checked.error()));
        }
    }
    if (auto checked = check_messages(body); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    if (!present(body, "max_tokens") && !present(body, "max_completion_tokens")) {
        body["max_tokens"] = default_max_tokens;
    }
    ChatRequest request;
    request.body = envelope::dump(body);
    if (present(body, "model")) {
        request.model = body["model"].get<std::string>();
    }
    request.stream = present(body, "stream") && body["stream"].get<bool>();
    request.include_usage =
        present(body, "stream_options") && body["stream_options"].value("include_usage", false);
    return request;
}

ChatShaper::ChatShaper(std::string_view id, std::int64_t created, std::string model,
                       bool include_usage)
    : id_("chatcmpl-" + std::string(id)),
      created_(created),
      model_(std::move(model)),
      include_usage_(include_usage) {}

Json ChatShaper::chunk_with(Json delta, Json finish_reason) {
    if (!std::exchange(role_sent_, true)) {
        delta["role"] = "assistant";
    }
    Json chunk = {{"id", id_},
                  {"object", "chat.completion.chunk"},
                  {"created", created_},
                  {"model", model_},
                  {"choices", Json::array({{{"index", 0},
                                            {"delta", std::move(delta)},
                                            {"logprobs", nullptr},
                                            {"finish_reason", std::move(finish_reason)}}})}};
    if (include_usage_) {
        chunk["usage"] = nullptr;
    }
    return chunk;
}

Json ChatShaper::chunk(const Json& program_chunk) {
    return chunk_with({{"content", text_of(program_chunk)}}, nullptr);
}

Json ChatShaper::last_chunk(const Json& reply) {
    Json delta = Json::object();
    if (const Json tail = member_or(reply, "tail", nullptr);
        tail.is_string() && !tail.get_ref<const std::string&>().empty()) {
        delta["content"] = tail;
    }
    return chunk_with(std::move(delta), member_or(reply, "finish_reason", "stop"));
}

Json ChatShaper::usage_chunk(const Json& reply) const {
    return {{"id", id_},       {"object", "chat.completion.chunk"}, {"created", created_},
            {"model", model_}, {"choices", Json::array()},          {"usage", usage_of(reply)}};
}

Json ChatShaper::completion(const Json& reply) const {
    const Json message = {
        {"role", "assistant"}, {"content", answer_of(reply)}, {"refusal", nullptr}};
    return {
        {"id", id_},
        {"object", "chat.completion"},
        {"created", created_},
        {"model", model_},
        {"choices", Json::array({{{"index", 0},
                                  {"message", message},
                                  {"logprobs", nullptr},
                                  {"finish_reason", member_or(reply, "finish_reason", "stop")}}})},
        {"usage", usage_of(reply)}};
}

Json openai_error(const Error& error) {
    Json param = nullptr;
    if (!error.details.empty()) {
        const Json details = Json::parse(error.details, nullptr, false);
        param = member_or(details, "param", nullptr);
    }
    return {{"error",
             {{"message", error.message},
              {"type", envelope::error_row(error.type).openai_type},
              {"param", std::move(param)},
              {"code", error.code.empty() ? Json(nullptr) : Json(error.code)}}}};
}

}  // namespace realm::api
