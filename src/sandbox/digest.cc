#include "sandbox/digest.h"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

#include "base/bytes.h"

namespace realm::sandbox {

std::string sha256(std::span<const std::byte> bytes) {
    std::array<std::byte, 32> digest{};
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                   &length, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL computes no SHA-256");
    }
    return base::to_hex(digest);
}

}  // namespace realm::sandbox
