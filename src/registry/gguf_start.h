// Tells a GGUF file from what servers send in its place, by its first bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/error.h"

namespace realm::registry {

// So many bytes decide. A GGUF file has at least these: magic, version, two counts.
inline constexpr std::size_t kGgufStartBytes = 24;

// `bytes` are the first of a file or all of a shorter one. Error: not_gguf, with `what` and what
// the content looks like (a web page, JSON, a zip archive, a Git LFS pointer, ...).
Result<void> check_gguf_start(std::span<const std::byte> bytes, std::string_view what);

// The same for a file; also the errors of reading it.
Result<void> check_gguf_file(const std::filesystem::path& path, std::string_view what);

}  // namespace realm::registry
