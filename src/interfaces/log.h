// Log: lines that a program writes about its own run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/time_source.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// Where a run's lines go, implemented above. Called from executor threads.
class LogPort {
public:
    virtual ~LogPort() = default;
    // `level` 0..3 as REALM_LOG_*; `text` is clean UTF-8 without control characters.
    virtual void line(std::int32_t level, std::string_view text) = 0;
};

struct LogLimits {
    std::size_t bytes = std::size_t{64} << 10;  // of text in all
    std::uint32_t lines = 200;                  // in a second
};

// What exceeds the limits is dropped. One line says that the bytes are used up; the lines that were
// too many in a second are counted, and one line tells their number as soon as another may come, or
// at the end.
class LogInterface {
public:
    // `time` outlives it.
    LogInterface(std::shared_ptr<LogPort> port, const LogLimits& limits,
                 const base::TimeSource& time)
        : port_(std::move(port)), limits_(limits), time_(time), bytes_left_(limits.bytes) {}
    ~LogInterface();
    LogInterface(const LogInterface&) = delete;
    LogInterface& operator=(const LogInterface&) = delete;

    void write(std::int32_t level, std::string_view text);
    // Tells now how many lines were dropped.
    void flush();

private:
    std::shared_ptr<LogPort> port_;
    const LogLimits limits_;
    const base::TimeSource& time_;
    std::size_t bytes_left_;
    bool full_ = false;
    base::SteadyTime second_;  // when the one began in which lines_ were written
    std::uint32_t lines_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace realm::interfaces
