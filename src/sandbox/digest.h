// SHA-256. Internal to this folder.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace realm::sandbox {

// 64 lower-case hexadecimal digits.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace realm::sandbox
