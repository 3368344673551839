// WebAssembly's text format, for small programs and tests.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace realm::sandbox {

// True for what can only be text: it begins with '('.
bool is_module_text(std::span<const std::byte> module);

// The binary of a module's text; invalid_request/invalid_module with what is wrong in it.
Result<std::vector<std::byte>> binary_of_text(std::string_view text);

}  // namespace realm::sandbox
