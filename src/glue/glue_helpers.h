// Which exports of a module are helpers of wasm-bindgen's, where the glue's text does not say.
#pragma once

#include "glue/bindings.h"
#include "glue/glue_reader.h"

namespace realm::glue {

// Fills in helpers, handles and the way results come, by names, types and the functions that have
// been read.
void find_helpers(Bindings& bindings, const ModuleShape& module);

}  // namespace realm::glue
