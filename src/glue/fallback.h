// The bindings of a module without its glue: guessed from names and signatures.
#pragma once

#include <string_view>

#include "glue/bindings.h"
#include "glue/glue_reader.h"

namespace realm::glue {

// Whether names show that wasm-bindgen made the module.
bool is_bindgen_module(const ModuleShape& module);

// Every import and export says `certain: false`; notes say what could not be told. `declarations`
// is the text of a .d.ts, which names parameters and types; it may be empty.
Bindings bindings_without_glue(const ModuleShape& module, std::string_view declarations);

}  // namespace realm::glue
