// How a record looks as a line. Internal to telemetry.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "telemetry/log.h"

namespace realm::telemetry {

struct LogRecord {
    std::string_view time;  // RFC 3339
    Level level = Level::kInfo;
    std::string_view message;
    std::span<const Field> fields;
};

enum class Colour : std::uint8_t { kNever, kLevel };

// Neither ends with a line end, and neither contains one. Any thread.
std::string format_text(const LogRecord& record, Colour colour);
std::string format_json(const LogRecord& record);

}  // namespace realm::telemetry
