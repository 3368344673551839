// JSON.parse and JSON.stringify.
#pragma once

#include "values/world.h"

namespace realm::values {

// With V8's SyntaxErrors.
Completion<Value> parse_json(World& world, const String& text);
// A string, or undefined for what has no JSON. `replacer` and `space` as JSON.stringify takes them.
Eventual<Value> stringify_json(World& world, Value value, Value replacer, Value space);
// "text" with quotes and escapes, appended.
void quote_json(TextBuilder& out, const String& text);

}  // namespace realm::values
