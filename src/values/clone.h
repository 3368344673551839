// structuredClone.
#pragma once

#include "values/world.h"

namespace realm::values {

// A copy with everything that hangs on it; a DataCloneError for functions and symbols.
Eventual<Value> structured_clone(World& world, Value value);

}  // namespace realm::values
