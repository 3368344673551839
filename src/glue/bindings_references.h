// Only for what reads a sidecar.
#pragma once

#include <optional>

#include "base/error.h"
#include "glue/bindings.h"

namespace realm::glue {

// The first reference to a slot, function, closure, variable, constant or class that is not there.
std::optional<Error> check_references(const Bindings& bindings);

}  // namespace realm::glue
