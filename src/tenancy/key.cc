#include "tenancy/key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace realm::tenancy {
namespace {

constexpr std::string_view kKeyPrefix = "rk_";
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::string_view kBearer = "bearer";
constexpr std::string_view kSpace = " \t";

// RFC 4648, section 5, without padding.
std::string to_base64url(std::span<const std::byte> bytes) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::byte byte : bytes) {
        bits = (bits << 8) | std::to_integer<std::uint32_t>(byte);
        count += 8;
        while (count >= 6) {
            count -= 6;
            text += kAlphabet[(bits >> count) & 63U];
        }
    }
    if (count > 0) {
        text += kAlphabet[(bits << (6 - count)) & 63U];
    }
    return text;
}

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

std::string generate_key() {
    std::array<std::byte, 32> random{};
    base::fill_random(random);
    return std::string(kKeyPrefix) + to_base64url(random);
}

KeyDigest digest_of_key(std::string_view key) {
    KeyDigest digest{};
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned int size = 0;
    if (EVP_Digest(key.data(), key.size(), out.data(), &size, EVP_sha256(), nullptr) != 1 ||
        size != digest.size()) {
        throw std::runtime_error("OpenSSL has no SHA-256");
    }
    std::ranges::copy(std::as_bytes(std::span(out).first(digest.size())), digest.begin());
    return digest;
}

std::string hash_key(std::string_view key) {
    return std::string(kHashPrefix) + base::to_hex(digest_of_key(key));
}

std::optional<KeyDigest> parse_key_hash(std::string_view text) {
    if (!text.starts_with(kHashPrefix)) {
        return std::nullopt;
    }
    const auto bytes = base::from_hex(text.substr(kHashPrefix.size()));
    KeyDigest digest{};
    if (!bytes || bytes->size() != digest.size()) {
        return std::nullopt;
    }
    std::ranges::copy(*bytes, digest.begin());
    return digest;
}

std::optional<std::string_view> bearer_key(std::string_view header) {
    const std::string_view text = trimmed(header);
    const std::string_view scheme = text.substr(0, text.find_first_of(kSpace));
    if (!std::ranges::equal(scheme, kBearer, {}, to_lower)) {
        return std::nullopt;
    }
    const std::string_view key = trimmed(text.substr(scheme.size()));
    if (key.empty()) {
        return std::nullopt;
    }
    return key;
}

}  // namespace realm::tenancy
