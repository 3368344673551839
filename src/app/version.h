// The version of this build.
#pragma once

namespace realm::app {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace realm::app
