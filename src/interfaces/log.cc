#include "interfaces/log.h"

#include <realm/realm.h>

#include <algorithm>
#include <chrono>
#include <utility>

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

LogInterface::~LogInterface() {
    flush();
}

void LogInterface::flush() {
    if (dropped_ > 0) {
        port_->line(REALM_LOG_WARN,
                    std::to_string(std::exchange(dropped_, 0)) + " lines were dropped: more than " +
                        std::to_string(limits_.lines) +
                        " in a second (limits.log_lines in the configuration raises it)");
    }
}

void LogInterface::write(std::int32_t level, std::string_view text) {
    if (full_) {
        return;
    }
    const base::SteadyTime now = time_.now();
    if (lines_ == 0 || now - second_ >= std::chrono::seconds(1)) {
        second_ = now;
        lines_ = 0;
        flush();
    }
    if (lines_ == limits_.lines) {
        ++dropped_;
        return;
    }
    ++lines_;
    if (text.size() > bytes_left_) {
        full_ = true;
        port_->line(REALM_LOG_WARN,
                    "this run has logged its " + std::to_string(limits_.bytes) +
                        " bytes; further lines are dropped (limits.log_bytes in the configuration "
                        "raises it)");
        return;
    }
    bytes_left_ -= text.size();
    port_->line(std::clamp<std::int32_t>(level, REALM_LOG_DEBUG, REALM_LOG_ERROR), clean(text));
}

}  // namespace realm::interfaces
