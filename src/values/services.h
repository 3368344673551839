// What the values of an instance need of the world outside; the embedder implements it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"

namespace realm::values {

enum class ConsoleLevel : std::uint8_t { kDebug, kLog, kInfo, kWarn, kError };

// Outlives the World; called on its thread alone.
class Services {
public:
    Services() = default;
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;
    virtual ~Services() = default;

    // Milliseconds since 1970, whole ones.
    virtual double wall_ms() = 0;
    // Milliseconds since the instance began; never backwards.
    virtual double steady_ms() = 0;
    virtual void random(std::span<std::byte> out) = 0;
    // One call of console.log and its kin, formatted as Node does it, without a line's end.
    virtual void console(ConsoleLevel level, std::string_view text) = 0;
    // Asked every few milliseconds of work: why it is to end here, if it is.
    virtual std::optional<Error> interrupted() { return std::nullopt; }
};

}  // namespace realm::values
