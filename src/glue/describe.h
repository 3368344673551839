// What the bodies of exports say about their types, for people and for checks.
#pragma once

#include <string_view>

#include "glue/bindings.h"
#include "glue/glue_reader.h"

namespace realm::glue {

// Fills wasm_export, parameters, result and fallible of all exports. `declarations` is the text of
// the .d.ts; it may be empty.
void describe_exports(Bindings& bindings, const ModuleShape& module, std::string_view declarations);

}  // namespace realm::glue
