// Values as text for people: wasm-bindgen's debug text, and console's.
#pragma once

#include <string>
#include <string_view>

#include "values/world.h"

namespace realm::values {

// What the debugString function of wasm-bindgen's glue gives.
Eventual<Ref<String>> debug_text(World& world, Value value);

// What console.log(...arguments) of Node writes, without a line's end; no program's code runs.
std::string console_text(World& world, Arguments arguments);
// util.inspect(value)
std::string inspect(World& world, const Value& value);

}  // namespace realm::values
