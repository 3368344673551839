#include "envelope/envelope.h"

#include <array>
#include <utility>

#include "base/ids.h"
#include "envelope/error_table.h"

namespace realm::envelope {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxSessionBytes = 64;
constexpr std::string_view kSessionLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

std::unexpected<Error> bad_field(std::string_view field, std::string_view wanted) {
    return fail(ErrorType::kInvalidRequest, "invalid_envelope",
                std::string(field) + " must be " + std::string(wanted) + ".");
}

Result<void> read_string(const Json& object, const char* key, std::string& into) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) {
        return {};
    }
    if (!found->is_string()) {
        return bad_field(std::string("meta.") + key, "a string");
    }
    into = found->get<std::string>();
    return {};
}

Result<void> check_identity(const Meta& meta) {
    if (meta.version != kVersion) {
        return bad_field("meta.version", "\"" + std::string(kVersion) + "\"");
    }
    if (!meta.request_id.empty() && !base::Uuid::parse(meta.request_id)) {
        return bad_field("meta.request_id", "a UUID");
    }
    if (meta.operation.empty()) {
        return bad_field("meta.operation",
                         "the name of an operation, such as \"chat.completions\"");
    }
    if (!meta.session.empty() && !is_session_name(meta.session)) {
        return bad_field("meta.session", "1 to 64 letters, digits, '.', '_' or '-'");
    }
    return {};
}

Result<Meta> read_meta(const Json& json) {
    Meta meta;
    const std::array<std::pair<const char*, std::string*>, 6> texts = {
        {{"version", &meta.version},
         {"request_id", &meta.request_id},
         {"timestamp", &meta.timestamp},
         {"operation", &meta.operation},
         {"tenant", &meta.tenant},
         {"session", &meta.session}}};
    for (const auto& [key, into] : texts) {
        if (auto read = read_string(json, key, *into); !read) {
            return std::unexpected(std::move(read.error()));
        }
    }
    if (const auto stream = json.find("stream"); stream != json.end() && !stream->is_null()) {
        if (!stream->is_boolean()) {
            return bad_field("meta.stream", "true or false");
        }
        meta.stream = stream->get<bool>();
    }
    if (const auto limit = json.find("deadline_ms"); limit != json.end() && !limit->is_null()) {
        if (!limit->is_number_integer() || limit->get<std::int64_t>() <= 0) {
            return bad_field("meta.deadline_ms", "a whole number of milliseconds above 0");
        }
        meta.deadline_ms = limit->get<std::int64_t>();
    }
    if (const auto more = json.find("extensions"); more != json.end() && !more->is_null()) {
        if (!more->is_object()) {
            return bad_field("meta.extensions", "an object");
        }
        meta.extensions = *more;
    }
    if (auto checked = check_identity(meta); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    return meta;
}

// Counts brackets outside strings, so that the parser never sees a bomb of them.
bool nests_deeper_than(std::string_view text, int limit) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            i += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > limit) {
                return true;
            }
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

}  // namespace

Result<Envelope> parse(std::string_view text) {
    auto json = parse_json(text);
    if (!json) {
        return std::unexpected(std::move(json.error()));
    }
    if (!json->is_object()) {
        return bad_field("An envelope", "a JSON object with \"meta\" and \"data\"");
    }
    const auto meta = json->find("meta");
    if (meta == json->end() || !meta->is_object()) {
        return bad_field("meta", "an object");
    }
    auto read = read_meta(*meta);
    if (!read) {
        return std::unexpected(std::move(read.error()));
    }
    Envelope envelope{.meta = std::move(*read), .data = nullptr, .error = std::nullopt};
    if (const auto data = json->find("data"); data != json->end()) {
        envelope.data = std::move(*data);
    }
    return envelope;
}

bool is_session_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxSessionBytes &&
           name.find_first_not_of(kSessionLetters) == std::string_view::npos;
}

Json to_json(const Meta& meta) {
    Json json = {{"version", meta.version},     {"request_id", meta.request_id},
                 {"timestamp", meta.timestamp}, {"operation", meta.operation},
                 {"tenant", meta.tenant},       {"stream", meta.stream}};
    if (meta.duration_ms) {
        json["duration_ms"] = *meta.duration_ms;
    }
    if (meta.deadline_ms) {
        json["deadline_ms"] = *meta.deadline_ms;
    }
    if (!meta.session.empty()) {
        json["session"] = meta.session;
    }
    if (!meta.extensions.empty()) {
        json["extensions"] = meta.extensions;
    }
    return json;
}

Json to_json(const Error& error) {
    Json json = {{"type", error_row(error.type).name},
                 {"code", error.code},
                 {"message", error.message},
                 {"retryable", error.retryable}};
    if (error.retry_after_ms) {
        json["retry_after_ms"] = *error.retry_after_ms;
    }
    if (!error.details.empty()) {
        Json details = Json::parse(error.details, nullptr, false);
        json["details"] = details.is_discarded() ? Json(error.details) : std::move(details);
    }
    if (!error.context.empty()) {
        json["context"] = error.context;
    }
    return json;
}

Json to_json(const Envelope& envelope) {
    return {{"meta", to_json(envelope.meta)},
            {"data", envelope.data},
            {"error", envelope.error ? to_json(*envelope.error) : Json(nullptr)}};
}

Result<Error> error_from_json(const Json& json) {
    const auto text = [&](const char* key) -> std::optional<std::string> {
        const auto found = json.find(key);
        if (found == json.end() || !found->is_string()) {
            return std::nullopt;
        }
        return found->get<std::string>();
    };
    if (!json.is_object()) {
        return bad_field("An error", "a JSON object");
    }
    const auto name = text("type");
    const auto type = name ? error_type_from_name(*name) : std::nullopt;
    const auto message = text("message");
    if (!type || !message) {
        return bad_field("An error", "an object with a known \"type\" and a \"message\"");
    }
    Error error{.type = *type,
                .code = text("code").value_or(""),
                .message = *message,
                .retryable = error_row(*type).retryable,
                .retry_after_ms = std::nullopt,
                .details = {}};
    if (const auto found = json.find("retryable"); found != json.end() && found->is_boolean()) {
        error.retryable = found->get<bool>();
    }
    if (const auto found = json.find("retry_after_ms");
        found != json.end() && found->is_number_integer()) {
        error.retry_after_ms = found->get<std::int64_t>();
    }
    if (const auto found = json.find("details"); found != json.end() && !found->is_null()) {
        error.details = dump(*found);
    }
    return error;
}

namespace {

template <class Form>
Result<Form> parse_bounded(std::string_view text) {
    if (nests_deeper_than(text, kMaxDepth)) {
        return fail(ErrorType::kInvalidRequest, "invalid_json",
                    "The JSON is nested deeper than " + std::to_string(kMaxDepth) + " levels.");
    }
    try {
        return Form::parse(text);
    } catch (const Json::parse_error& problem) {
        return fail(
            ErrorType::kInvalidRequest, "invalid_json",
            "The body is not valid JSON: it breaks at byte " + std::to_string(problem.byte) + ".");
    } catch (const Json::exception&) {
        return fail(ErrorType::kInvalidRequest, "invalid_json",
                    "The JSON holds a number that is out of range.");
    }
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
    return parse_bounded<Json>(text);
}

Result<OrderedJson> parse_ordered_json(std::string_view text) {
    return parse_bounded<OrderedJson>(text);
}

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string dump_ordered(const OrderedJson& json) {
    return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace realm::envelope
