// Where this user's files of Realm lie.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"

namespace realm::registry {

// Looks up an environment variable; nothing where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// ${REALM_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/realm}; no_cache_directory when none of the
// three is set. As XDG asks, a relative XDG_CACHE_HOME does not count.
Result<std::filesystem::path> cache_directory(const Environment& environment);

}  // namespace realm::registry
