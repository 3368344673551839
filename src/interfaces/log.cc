#include "interfaces/log.h"

#include <realm/realm.h>

#include <algorithm>

#include "base/bytes.h"

namespace realm::interfaces {
namespace {

// A guest's text must not forge lines or drive a terminal.
std::string clean(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    if (!base::is_utf8(line)) {
        std::ranges::replace_if(
            line, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    }
    return line;
}

}  // namespace

void LogInterface::write(std::int32_t level, std::string_view text) {
    if (full_) {
        return;
    }
    if (text.size() > bytes_left_) {
        full_ = true;
        port_->line(REALM_LOG_WARN, "log limit of this run reached; further lines are dropped");
        return;
    }
    bytes_left_ -= text.size();
    port_->line(std::clamp<std::int32_t>(level, REALM_LOG_DEBUG, REALM_LOG_ERROR), clean(text));
}

}  // namespace realm::interfaces
