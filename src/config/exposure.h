// Which addresses only this machine can reach. Internal to config.
#pragma once

#include <string>

namespace realm::config {

// True for an IPv4 or IPv6 address in its usual notation, and for localhost.
bool is_address(const std::string& text);

// True for localhost, 127.0.0.0/8, ::1 and its IPv4-mapped forms. Anything else is not.
bool is_loopback(const std::string& text);

}  // namespace realm::config
