// The request target: its path and query. Internal to net.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace realm::net {

struct Target {
    std::string path;   // percent-decoded
    std::string query;  // raw, without '?'

    friend bool operator==(const Target&, const Target&) = default;
};

// Nothing when an escape is broken or stands for a zero byte.
std::optional<std::string> percent_decode(std::string_view text);

// Takes "/path?query", "http://host/path?query" and "*"; nothing for anything else.
std::optional<Target> parse_target(std::string_view text);

}  // namespace realm::net
