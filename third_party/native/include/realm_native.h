// What our static library adds to Wasmtime's C API (src/lib.rs).
#pragma once

#include <stddef.h>
#include <wasmtime.h>

#ifdef __cplusplus
extern "C" {
#endif

// Replaces the limits of a store on which wasmtime_store_limiter was called before. Growth beyond
// them then ends the guest with an error that names the size it asked for. Call it from the thread
// that owns the store, between two polls.
void realm_context_limit_strictly(wasmtime_context_t* context, size_t memory_bytes,
                                  size_t table_elements, size_t instances, size_t tables,
                                  size_t memories);

#ifdef __cplusplus
}
#endif
