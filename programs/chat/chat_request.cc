#include "chat_request.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <system_error>
#include <utility>

namespace chat {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxStops = 16;
constexpr std::size_t kMaxStopBytes = 256;
constexpr std::size_t kMaxBiases = 1024;
constexpr std::int64_t kMaxTokens = 2'147'483'647;
constexpr std::int64_t kMostPriority = 1000;

// `given`, where it is a number or a flag, is named too.
std::unexpected<realm::Failure> wrong(std::string_view param, std::string_view wanted,
                                      const Json& given = nullptr) {
    const bool is_short = given.is_number() || given.is_boolean();
    const std::string instead = is_short ? ", not " + given.dump() : "";
    return refuse("invalid_value", param,
                  "'" + std::string(param) + "' must be " + std::string(wanted) + instead + ".");
}

// The member of that name; null counts as absent, as with OpenAI.
const Json* find(const Json& body, const char* name) {
    const auto found = body.find(name);
    return found == body.end() || found->is_null() ? nullptr : &*found;
}

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Range {
    double low;
    double high;
    bool above_low;  // low itself is refused
    std::string_view wanted;
};

realm::Status read_number(const Json& body, const char* name, const Range& range, float& into) {
    const Json* json = find(body, name);
    if (json == nullptr) {
        return {};
    }
    const double value = json->is_number() ? json->get<double>() : range.low - 1;
    if (!(value >= range.low && value <= range.high) || (range.above_low && value == range.low)) {
        return wrong(name, range.wanted, *json);
    }
    into = static_cast<float>(value);
    return {};
}

// Absent stays absent.
realm::Result<std::optional<std::int64_t>> read_whole(const Json& body, const char* name,
                                                      std::int64_t low, std::string_view wanted) {
    const Json* json = find(body, name);
    if (json == nullptr) {
        return std::nullopt;
    }
    const bool fits = json->is_number_integer() &&
                      (!json->is_number_unsigned() ||
                       json->get<std::uint64_t>() <= static_cast<std::uint64_t>(kMaxTokens));
    if (!fits || json->get<std::int64_t>() < low || json->get<std::int64_t>() > kMaxTokens) {
        return wrong(name, wanted, *json);
    }
    return json->get<std::int64_t>();
}

realm::Status read_seed(const Json& body, realm_sampling& sampling) {
    const Json* json = find(body, "seed");
    if (json == nullptr) {
        return {};
    }
    if (!json->is_number_integer()) {
        return wrong("seed", "a whole number from -2^63 to 2^64 - 1", *json);
    }
    // A seed may have 64 bits here, the sampler takes 32.
    const auto seed = json->get<std::uint64_t>();
    sampling.has_seed = 1;
    sampling.seed = static_cast<std::uint32_t>(seed ^ (seed >> 32));
    return {};
}

// The number of a token as one writes it: no sign, no zeros before it. Negative: it is none.
std::int32_t token_id(const std::string& name) {
    std::int32_t id = -1;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
    return read.ec == std::errc() && std::to_string(id) == name ? id : -1;
}

realm::Status read_logit_bias(const Json& body, std::vector<realm_logit_bias>& biases) {
    constexpr std::string_view kWanted =
        "an object of at most 1024 token ids, each with a number from -100 to 100";
    const Json* json = find(body, "logit_bias");
    if (json == nullptr) {
        return {};
    }
    if (!json->is_object()) {
        return wrong("logit_bias", kWanted, *json);
    }
    if (json->size() > kMaxBiases) {
        return wrong("logit_bias",
                     std::string(kWanted) + ", not " + std::to_string(json->size()) + " of them");
    }
    for (const auto& [name, value] : json->items()) {
        const std::int32_t token = token_id(name);
        if (token < 0) {
            return wrong("logit_bias", kWanted);
        }
        if (!value.is_number() || std::abs(value.get<double>()) > 100) {
            return wrong("logit_bias", kWanted, value);
        }
        biases.push_back({.token = token, .bias = value.get<float>()});
    }
    return {};
}

// What realm_sampling has no place for.
realm::Status read_more_sampling(const Json& body, ChatRequest& request) {
    REALM_CHECK(read_number(body, "typical_p", {0, 1, true, "a number above 0 and at most 1"},
                            request.typical_p));
    // The last counts: llama.cpp's name for it, then vLLM's.
    for (const char* name : {"repeat_penalty", "repetition_penalty"}) {
        REALM_CHECK(read_number(body, name, {0.01, 100, false, "a number from 0.01 to 100"},
                                request.repetition_penalty));
    }
    return read_logit_bias(body, request.logit_bias);
}

realm::Status read_sampling(const Json& body, realm_sampling& sampling) {
    sampling = realm::kGreedy;
    sampling.temperature = 1;
    REALM_CHECK(read_number(body, "temperature", {0, 2, false, "a number from 0 to 2"},
                            sampling.temperature));
    REALM_CHECK(
        read_number(body, "top_p", {0, 1, true, "a number above 0 and at most 1"}, sampling.top_p));
    REALM_CHECK(read_number(body, "min_p", {0, 1, false, "a number from 0 to 1"}, sampling.min_p));
    REALM_CHECK(read_number(body, "frequency_penalty", {-2, 2, false, "a number from -2 to 2"},
                            sampling.frequency_penalty));
    REALM_CHECK(read_number(body, "presence_penalty", {-2, 2, false, "a number from -2 to 2"},
                            sampling.presence_penalty));
    REALM_TRY(top_k,
              read_whole(body, "top_k", -1,
                         "a whole number from -1 to 2147483647, where -1 and 0 are for off"));
    sampling.top_k = static_cast<std::int32_t>(std::max<std::int64_t>(top_k.value_or(0), 0));
    return read_seed(body, sampling);
}

realm::Result<bool> read_flag(const Json& body, const char* name, bool absent) {
    const Json* json = find(body, name);
    if (json == nullptr) {
        return absent;
    }
    if (!json->is_boolean()) {
        return wrong(name, "true or false", *json);
    }
    return json->get<bool>();
}

// How servers are measured: llama.cpp's ignore_eos and cache_prompt, vLLM's min_tokens.
realm::Status read_measuring(const Json& body, ChatRequest& request) {
    REALM_TRY(least, read_whole(body, "min_tokens", 0, "a whole number from 0 to 2147483647"));
    if (request.max_tokens && least.value_or(0) > std::int64_t{*request.max_tokens}) {
        return wrong("min_tokens",
                     "at most 'max_tokens', which is " + std::to_string(*request.max_tokens),
                     *least);
    }
    REALM_TRY(ignore_eos, read_flag(body, "ignore_eos", false));
    request.min_tokens = ignore_eos ? std::numeric_limits<std::uint32_t>::max()
                                    : static_cast<std::uint32_t>(least.value_or(0));
    REALM_TRY(cache_prompt, read_flag(body, "cache_prompt", true));
    request.cache_prompt = cache_prompt;
    return {};
}

// As vLLM has it: the lower is served earlier.
realm::Status read_priority(const Json& body, std::int32_t& priority) {
    const Json* json = find(body, "priority");
    if (json == nullptr) {
        return {};
    }
    const bool fits = json->is_number_integer() && std::abs(json->get<double>()) <= kMostPriority;
    if (!fits) {
        return wrong("priority", "a whole number from -1000 to 1000", *json);
    }
    priority = json->get<std::int32_t>();
    return {};
}

realm::Result<std::optional<std::uint32_t>> read_max_tokens(const Json& body) {
    std::optional<std::uint32_t> chosen;
    // The first is the newer name; where both are given it counts.
    for (const char* name : {"max_completion_tokens", "max_tokens"}) {
        REALM_TRY(value, read_whole(body, name, 1, "a whole number from 1 to 2147483647"));
        if (value && !chosen) {
            chosen = static_cast<std::uint32_t>(*value);
        }
    }
    return chosen;
}

bool is_stop_string(const Json& json) {
    return json.is_string() && !json.get_ref<const std::string&>().empty() &&
           json.get_ref<const std::string&>().size() <= kMaxStopBytes;
}

realm::Result<std::string> read_stop(const Json& body) {
    const Json* json = find(body, "stop");
    if (json == nullptr) {
        return std::string();
    }
    const Json list = json->is_array() ? *json : Json::array({*json});
    bool good = list.size() <= kMaxStops;
    for (const Json& item : list) {
        good = good && is_stop_string(item);
    }
    if (!good) {
        return wrong("stop", "a string of 1 to 256 bytes, or an array of at most 16 of them",
                     *json);
    }
    return list.empty() ? std::string() : dump(list);
}

// A text, or parts that are texts, which become its lines.
std::optional<std::string> read_content(const Json& content) {
    if (content.is_string()) {
        return content.get<std::string>();
    }
    if (!content.is_array() || content.empty()) {
        return std::nullopt;
    }
    std::string joined;
    for (std::size_t i = 0; i < content.size(); ++i) {
        const Json& part = content[i];
        const Json* type = part.is_object() ? find(part, "type") : nullptr;
        const Json* text = part.is_object() ? find(part, "text") : nullptr;
        if (type == nullptr || *type != "text" || text == nullptr || !text->is_string()) {
            return std::nullopt;
        }
        joined += i > 0 ? "\n" : "";
        joined += text->get_ref<const std::string&>();
    }
    return joined;
}

realm::Result<std::string> read_messages(const Json& body) {
    const Json* messages = find(body, "messages");
    if (messages == nullptr || !messages->is_array() || messages->empty()) {
        return wrong("messages", "an array of at least one message");
    }
    Json kept = Json::array();
    for (std::size_t i = 0; i < messages->size(); ++i) {
        const Json& message = (*messages)[i];
        const std::string place = "messages[" + std::to_string(i) + "]";
        if (!message.is_object()) {
            return wrong(place, "an object with \"role\" and \"content\"");
        }
        const Json* role = find(message, "role");
        if (role == nullptr || !role->is_string() || role->get_ref<const std::string&>().empty()) {
            return wrong(place + ".role", "a string such as \"user\"");
        }
        const Json* content = find(message, "content");
        auto text = content == nullptr ? std::nullopt : read_content(*content);
        if (!text) {
            return wrong(place + ".content",
                         "a string, or an array of parts {\"type\": \"text\", \"text\": string}");
        }
        kept.push_back({{"role", *role}, {"content", std::move(*text)}});
    }
    return dump(kept);
}

}  // namespace

std::unexpected<realm::Failure> refuse(std::string_view code, std::string_view param,
                                       std::string_view message) {
    return realm::fail({.type = "invalid_request",
                        .code = code,
                        .message = message,
                        .details = realm::JsonObject().text("param", param).finish()});
}

realm::Result<ChatRequest> read_request(const std::string& data) {
    const Json body = Json::parse(data, nullptr, false);
    if (!body.is_object()) {
        return refuse("invalid_value", "body",
                      "The request must be a JSON object with \"model\" and \"messages\".");
    }
    ChatRequest request;
    if (const Json* model = find(body, "model"); model != nullptr) {
        if (!model->is_string()) {
            return wrong("model", "a string", *model);
        }
        request.model = model->get<std::string>();
    }
    constexpr std::string_view kOneChoice = "1 (this server makes one choice for a request)";
    REALM_TRY(choices, read_whole(body, "n", 1, kOneChoice));
    if (choices.value_or(1) != 1) {
        return wrong("n", kOneChoice, *choices);
    }
    REALM_TRY(messages, read_messages(body));
    request.messages = std::move(messages);
    REALM_TRY(max_tokens, read_max_tokens(body));
    request.max_tokens = max_tokens;
    REALM_CHECK(read_measuring(body, request));
    REALM_CHECK(read_priority(body, request.priority));
    REALM_TRY(stop, read_stop(body));
    request.stop = std::move(stop);
    REALM_CHECK(read_sampling(body, request.sampling));
    REALM_CHECK(read_more_sampling(body, request));
    return request;
}

}  // namespace chat
