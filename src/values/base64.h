// Base 64 with padding.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace realm::values {

std::string to_base64(std::span<const std::byte> bytes);
// Nothing for text that is not base 64; padding may be left out.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace realm::values
