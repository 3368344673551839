// The head of a response as bytes. Internal to net.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace realm::net {

enum class ConnectionField : std::uint8_t { kNone, kClose, kKeepAlive };

struct ResponseFrame {
    std::optional<std::size_t> length;  // of the body; none: see `chunked`
    bool chunked = false;
    ConnectionField connection = ConnectionField::kNone;
};

// Statuses whose responses never have a body.
bool is_bodiless(int status);

// Status line, fields and blank line. What `frame` decides, and Date and Server, replaces fields of
// the same name in `headers`. internal/invalid_response when the status is not in 200..599 or a
// field has a line end or another control character in it.
Result<std::string> format_head(int status, const Headers& headers, const ResponseFrame& frame,
                                std::string_view date);

// Now, as the Date field has it: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date_now();

}  // namespace realm::net
