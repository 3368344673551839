// What a program prints, as lines of its run's log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "interfaces/log.h"

namespace realm::interfaces {

// One of a program's output streams. `log` outlives it; the last line, if nothing ended it, is
// logged by flush() or by the destructor. Used as the LogInterface is.
class WasiLines {
public:
    // A longer line is logged in pieces.
    static constexpr std::size_t kLongestLine = 4096;

    WasiLines(LogInterface& log, std::int32_t level) : log_(log), level_(level) {}
    ~WasiLines();
    WasiLines(const WasiLines&) = delete;
    WasiLines& operator=(const WasiLines&) = delete;

    void write(std::string_view text);
    void flush();

private:
    LogInterface& log_;
    const std::int32_t level_;
    std::string line_;
};

}  // namespace realm::interfaces
