// Reads settings from TOML text. Internal to config.
#pragma once

#include <string_view>

#include "base/error.h"
#include "config/settings.h"

namespace realm::config {

// Applies what `text` says to `settings`; `file` names it in errors. Stops at the first error.
Result<void> apply_toml(Settings& settings, std::string_view text, std::string_view file);

}  // namespace realm::config
