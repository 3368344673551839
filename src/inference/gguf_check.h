// Says what is wrong with a model file before llama.cpp tries to load it.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace realm::inference {

// not_found/model_file_not_found, or invalid_request/model_file_invalid where the path is a folder,
// cannot be read, is empty, no GGUF, of an unknown version, cut short, or has a broken header. The
// message names the file and the reason. Reads the header alone; any thread.
[[nodiscard]] Result<void> check_gguf(const std::filesystem::path& path);

}  // namespace realm::inference
