#include "telemetry/log.h"

#include <unistd.h>

#include <exception>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/clock.h"
#include "telemetry/log_format.h"

namespace realm::telemetry {
namespace {

constexpr const char* kLoggerName = "realm";

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::kDebug:
            return spdlog::level::debug;
        case Level::kInfo:
            return spdlog::level::info;
        case Level::kWarn:
            return spdlog::level::warn;
        case Level::kError:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

struct Logger::State {
    State(spdlog::sink_ptr sink, Level lowest, LogFormat log_format, Colour log_colour)
        : sink_logger(std::make_shared<spdlog::logger>(kLoggerName, std::move(sink))),
          format(log_format),
          colour(log_colour) {
        sink_logger->set_level(to_spdlog(lowest));
        // The line arrives finished: spdlog adds the line end alone.
        sink_logger->set_pattern("%v");
    }

    std::shared_ptr<spdlog::logger> sink_logger;
    LogFormat format;
    Colour colour;
};

Logger::Logger(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Logger Logger::to_stderr(Level lowest, LogFormat format) {
    const bool colour = format == LogFormat::kText && isatty(STDERR_FILENO) == 1;
    return Logger(std::make_shared<const State>(std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                                lowest, format,
                                                colour ? Colour::kLevel : Colour::kNever));
}

Logger Logger::to_stream(std::ostream& stream, Level lowest, LogFormat format) {
    constexpr bool kFlushEach = true;
    return Logger(std::make_shared<const State>(
        std::make_shared<spdlog::sinks::ostream_sink_mt>(stream, kFlushEach), lowest, format,
        Colour::kNever));
}

bool Logger::enabled(Level level) const {
    return state_ != nullptr && state_->sink_logger->should_log(to_spdlog(level));
}

void Logger::log(Level level, std::string_view message, Fields fields) const {
    if (!enabled(level)) {
        return;
    }
    try {
        const std::string time = base::rfc3339_now();
        const LogRecord record{.time = time,
                               .level = level,
                               .message = message,
                               .fields = std::span(fields.begin(), fields.size())};
        const std::string line = state_->format == LogFormat::kJson
                                     ? format_json(record)
                                     : format_text(record, state_->colour);
        state_->sink_logger->log(to_spdlog(level), spdlog::string_view_t(line));
    } catch (const std::exception&) {
        // Nothing can be said where the log itself fails (out of memory): losing a record is
        // better than ending what was logged.
        return;
    }
}

void Logger::debug(std::string_view message, Fields fields) const {
    log(Level::kDebug, message, fields);
}
void Logger::info(std::string_view message, Fields fields) const {
    log(Level::kInfo, message, fields);
}
void Logger::warn(std::string_view message, Fields fields) const {
    log(Level::kWarn, message, fields);
}
void Logger::error(std::string_view message, Fields fields) const {
    log(Level::kError, message, fields);
}

}  // namespace realm::telemetry
