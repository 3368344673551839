// The envelope: {"meta": ..., "data": ..., "error": null or {...}}, Realm's own way to speak.
// Only standard C++ and the JSON library, so that the same files build for the browser.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace realm::envelope {

using Json = nlohmann::json;
// Keeps the members of objects in the order in which they were written.
using OrderedJson = nlohmann::ordered_json;

inline constexpr std::string_view kVersion = "1.0";

// What a message is about. A client sends what it wants to set; the server fills in the rest and
// decides tenant and timing itself.
struct Meta {
    std::string version = std::string(kVersion);
    std::string request_id;                   // UUIDv7; made by the server when absent
    std::string timestamp;                    // RFC 3339
    std::optional<std::int64_t> duration_ms;  // in replies
    std::string operation;                    // "chat.completions"
    std::string tenant;                       // empty: that of the identity
    std::string session;                      // an instance kept between requests; empty: none
    bool stream = false;
    std::optional<std::int64_t> deadline_ms;  // wanted: end the run after so long
    Json extensions = Json::object();         // kept and given back untouched
};

struct Envelope {
    Meta meta;
    Json data;
    std::optional<Error> error;
};

// Reads a request's envelope. invalid_request names the field that is wrong: not JSON, not an
// object, an unknown version, a field of the wrong type, an id that is no UUID, no operation.
Result<Envelope> parse(std::string_view text);

// Whether a session may have that name: 1 to 64 letters, digits, '.', '_' or '-'.
bool is_session_name(std::string_view name);

Json to_json(const Meta& meta);
Json to_json(const Error& error);
Json to_json(const Envelope& envelope);

// Reads {"type", "code", "message", "retryable"?, "retry_after_ms"?, "details"?}, as programs give
// it. invalid_request when it has another shape.
Result<Error> error_from_json(const Json& json);

// Parses JSON without exceptions; nesting deeper than 64 levels is refused.
// invalid_request/invalid_json says at which byte it broke.
Result<Json> parse_json(std::string_view text);

// The same, with the members of objects in order.
Result<OrderedJson> parse_ordered_json(std::string_view text);

// Dumps with invalid UTF-8 replaced, so that it never throws.
std::string dump(const Json& json);
std::string dump_ordered(const OrderedJson& json);

}  // namespace realm::envelope
