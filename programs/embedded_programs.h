// The programs that are linked into the server.
#pragma once

#include <cstddef>
#include <span>

namespace realm::programs {

// The WebAssembly module of the chat program; lives as long as the process.
std::span<const std::byte> chat_module();

}  // namespace realm::programs
