#include "inference/utf8_holdback.h"

#include <cstddef>
#include <cstdint>

namespace realm::inference {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What a leading byte asks for: how long its character is, and the range of the second byte, which
// leaves out overlong forms, surrogates and what lies above U+10FFFF. length 0: no leading byte.
struct Lead {
    std::size_t length = 0;
    std::uint8_t second_low = 0x80;
    std::uint8_t second_high = 0xBF;
};

Lead lead_of(std::uint8_t byte) {
    if (byte < 0x80) {
        return {.length = 1};
    }
    if (byte >= 0xC2 && byte <= 0xDF) {
        return {.length = 2};
    }
    if (byte >= 0xE0 && byte <= 0xEF) {
        return {.length = 3,
                .second_low = static_cast<std::uint8_t>(byte == 0xE0 ? 0xA0 : 0x80),
                .second_high = static_cast<std::uint8_t>(byte == 0xED ? 0x9F : 0xBF)};
    }
    if (byte >= 0xF0 && byte <= 0xF4) {
        return {.length = 4,
                .second_low = static_cast<std::uint8_t>(byte == 0xF0 ? 0x90 : 0x80),
                .second_high = static_cast<std::uint8_t>(byte == 0xF4 ? 0x8F : 0xBF)};
    }
    return {};
}

// How many bytes at the front of `bytes` belong to the character that lead began.
std::size_t valid_prefix(std::string_view bytes, const Lead& lead) {
    std::size_t count = 1;
    while (count < lead.length && count < bytes.size()) {
        const auto byte = static_cast<std::uint8_t>(bytes[count]);
        const std::uint8_t low = count == 1 ? lead.second_low : 0x80;
        const std::uint8_t high = count == 1 ? lead.second_high : 0xBF;
        if (byte < low || byte > high) {
            break;
        }
        ++count;
    }
    return count;
}

}  // namespace

std::string Utf8Holdback::push(std::string_view bytes) {
    std::string joined;
    if (!held_.empty()) {
        joined = held_;
        joined += bytes;
        bytes = joined;
        held_.clear();
    }
    std::string out;
    while (!bytes.empty()) {
        const Lead lead = lead_of(static_cast<std::uint8_t>(bytes.front()));
        if (lead.length == 0) {
            out += kReplacement;
            bytes.remove_prefix(1);
            continue;
        }
        const std::size_t count = valid_prefix(bytes, lead);
        if (count == lead.length) {
            out += bytes.substr(0, count);
        } else if (count == bytes.size()) {
            held_ = bytes;
        } else {
            out += kReplacement;
        }
        bytes.remove_prefix(count);
    }
    return out;
}

std::string Utf8Holdback::finish() {
    const bool unfinished = !held_.empty();
    held_.clear();
    return unfinished ? std::string(kReplacement) : std::string();
}

}  // namespace realm::inference
