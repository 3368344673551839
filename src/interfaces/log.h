// Log: lines that a program writes about its own run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/host_function.h"

namespace realm::interfaces {

// Where a run's lines go, implemented above. Called from executor threads.
class LogPort {
public:
    virtual ~LogPort() = default;
    // `level` 0..3 as REALM_LOG_*; `text` is clean UTF-8 without control characters.
    virtual void line(std::int32_t level, std::string_view text) = 0;
};

class LogInterface {
public:
    // At most `max_bytes` of text in all; what comes after is dropped, which one last line says.
    LogInterface(std::shared_ptr<LogPort> port, std::size_t max_bytes)
        : port_(std::move(port)), bytes_left_(max_bytes) {}

    void write(std::int32_t level, std::string_view text);

private:
    std::shared_ptr<LogPort> port_;
    std::size_t bytes_left_;
    bool full_ = false;
};

}  // namespace realm::interfaces
