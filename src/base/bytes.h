// Bytes: hexadecimal text, random bytes, little-endian reads.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace realm::base {

// Lower-case, two digits a byte.
std::string to_hex(std::span<const std::byte> bytes);

// The byte that two digits of either case write; nothing for any other text.
std::optional<std::byte> byte_of_hex(std::string_view digits);

// Both cases; nothing when the length is odd or a character is no digit.
std::optional<std::vector<std::byte>> from_hex(std::string_view text);

// From the kernel's generator; throws std::system_error where it has none.
void fill_random(std::span<std::byte> out);

inline std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// True when `text` is well-formed UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);

}  // namespace realm::base
