// The head of a request: where it ends, what it says, why it is refused. Internal to net.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace realm::net {

// An answer instead of the handler's. Status 0: the client is gone, nobody is to be answered.
struct Refusal {
    int status = 0;
    Error error;

    friend bool operator==(const Refusal&, const Refusal&) = default;
};

Refusal refusal(int status, ErrorType type, std::string_view code, std::string message);

enum class BodyKind : std::uint8_t { kNone, kLength, kChunked };

struct RequestHead {
    HttpRequest request;  // without body and peer
    bool http_1_1 = true;
    bool keep_alive = true;
    bool expects_continue = false;
    BodyKind body = BodyKind::kNone;
    std::uint64_t length = 0;  // of the body, when it says
};

enum class HeadState : std::uint8_t { kMore, kComplete, kMalformed };

struct HeadScan {
    HeadState state = HeadState::kMore;
    std::size_t size = 0;  // of the complete head, final blank line included
};

// Looks for the end of the head that `bytes` starts with; the first `seen` bytes of it were looked
// at before. Sees early what cannot be HTTP: control characters and bare line feeds.
HeadScan scan_head(std::string_view bytes, std::size_t seen);

// `head` is complete. Refusals: 400, 417, 501, 505.
std::expected<RequestHead, Refusal> parse_head(std::string_view head);

}  // namespace realm::net
