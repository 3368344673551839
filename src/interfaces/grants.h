// The interfaces that a manifest can name, and which of them a host function belongs to.
#pragma once

#include <span>
#include <string_view>

#include "sandbox/host_function.h"

namespace realm::interfaces {

// "context", "log", "model", ..., sorted; lives as long as the process.
std::span<const std::string_view> interface_names();

// One of them; empty for what every program may call.
std::string_view interface_of(const sandbox::HostFunction& function);

}  // namespace realm::interfaces
