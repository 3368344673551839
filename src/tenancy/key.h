// API keys: how they are made, and the hashes that are kept in their place.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace realm::tenancy {

using KeyDigest = std::array<std::byte, 32>;  // SHA-256

// "rk_" and 43 characters of base64url: 256 bits from the kernel's generator. Any thread.
std::string generate_key();

// "sha256:" and 64 lower-case hexadecimal digits, as the configuration keeps it. Keys are random
// and long, so a plain hash is enough: there is nothing to guess.
std::string hash_key(std::string_view key);

KeyDigest digest_of_key(std::string_view key);
// The digest that hash_key() wrote; nothing for any other text.
std::optional<KeyDigest> parse_key_hash(std::string_view text);

// The key in an Authorization header of the scheme Bearer (whatever its case); nothing when there
// is none. Refers to `header`.
std::optional<std::string_view> bearer_key(std::string_view header);

}  // namespace realm::tenancy
