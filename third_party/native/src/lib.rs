//! Wasmtime's C API as one static library, with the few calls that it lacks.
//! Each function here is declared in include/realm_native.h.

use wasmtime_c_api::wasmtime::{AsContextMut, StoreLimitsBuilder};
pub use wasmtime_c_api::*;

/// Replaces the limits of a store whose limiter is installed already, so that growth beyond them
/// ends the guest with an error that names the size it asked for, instead of a -1 it may ignore.
///
/// # Safety
/// `context` must come from a live store on which `wasmtime_store_limiter` was called before.
#[no_mangle]
pub unsafe extern "C" fn realm_context_limit_strictly(
    mut context: WasmtimeStoreContextMut<'_>,
    memory_bytes: usize,
    table_elements: usize,
    instances: usize,
    tables: usize,
    memories: usize,
) {
    context.as_context_mut().data_mut().store_limits = StoreLimitsBuilder::new()
        .memory_size(memory_bytes)
        .table_elements(table_elements)
        .instances(instances)
        .tables(tables)
        .memories(memories)
        .trap_on_grow_failure(true)
        .build();
}
