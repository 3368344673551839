#include "base/ids.h"

#include <sys/random.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <system_error>

#include "base/bytes.h"

namespace realm::base {
namespace {

constexpr std::array<std::size_t, 4> kDashes = {8, 13, 18, 23};

}  // namespace

Uuid Uuid::generate() {
    Uuid id;
    fill_random(std::as_writable_bytes(std::span(id.bytes_)));
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    for (std::size_t i = 0; i < 6; ++i) {
        id.bytes_[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(now) >> (40 - 8 * i));
    }
    id.bytes_[6] = static_cast<std::uint8_t>((id.bytes_[6] & 0x0f) | 0x70);
    id.bytes_[8] = static_cast<std::uint8_t>((id.bytes_[8] & 0x3f) | 0x80);
    return id;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 36) {
        return std::nullopt;
    }
    std::string digits;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == kDashes[0] || i == kDashes[1] || i == kDashes[2] || i == kDashes[3];
        if (dash != (text[i] == '-')) {
            return std::nullopt;
        }
        if (!dash) {
            digits += text[i];
        }
    }
    const auto bytes = from_hex(digits);
    if (!bytes) {
        return std::nullopt;
    }
    Uuid id;
    for (std::size_t i = 0; i < id.bytes_.size(); ++i) {
        id.bytes_[i] = std::to_integer<std::uint8_t>((*bytes)[i]);
    }
    return id;
}

std::string Uuid::to_string() const {
    std::string text = to_hex(std::as_bytes(std::span(bytes_)));
    for (const std::size_t dash : kDashes) {
        text.insert(dash, 1, '-');
    }
    return text;
}

}  // namespace realm::base
