// Custom sections of a module: how something of ours travels within its bytes and its digest.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace realm::sandbox {

// The content of the first custom section of that name; it points into `wasm`. Nothing without
// one; invalid_request/invalid_module where the sections cannot be told apart.
Result<std::optional<std::span<const std::byte>>> find_custom_section(
    std::span<const std::byte> wasm, std::string_view name);

// The module without its custom sections of that name and with one more, the last, that holds
// `content`. Errors as above.
Result<std::vector<std::byte>> with_custom_section(std::span<const std::byte> wasm,
                                                   std::string_view name,
                                                   std::span<const std::byte> content);

}  // namespace realm::sandbox
