// Identifiers: time-ordered UUIDs (RFC 9562, version 7).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace realm::base {

// A UUIDv7: 48 bits of Unix milliseconds, then random bits. Used for requests and runs.
class Uuid {
public:
    // Fresh; any thread. Random bits come from the kernel.
    static Uuid generate();
    // Accepts the 36-character form of any version; nothing else.
    static std::optional<Uuid> parse(std::string_view text);

    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] int version() const { return bytes_[6] >> 4; }

    friend bool operator==(const Uuid&, const Uuid&) = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace realm::base
