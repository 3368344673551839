// Tables and memories that a module imports: each instance gets its own, made here. Internal.
#pragma once

#include <optional>

#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

struct ProvidedItems {
    std::optional<wasmtime_memory_t> memory;     // the first one imported
    std::optional<wasmtime_table_t> references;  // the first one of externref
    ErrorHandle failure;                         // beyond the store's limits, for example
};

// Makes what `module` imports apart from functions and defines it in `linker`, which is this
// instance's own. A table gets min(max(4096, declared minimum), declared maximum) null elements of
// the declared type, since modules that import one count on room in it; a memory its declared
// limits.
ProvidedItems provide_imported_items(wasmtime_linker_t* linker, wasmtime_context_t* context,
                                     const wasmtime_module_t* module);

}  // namespace realm::sandbox
