// Wasmtime's callbacks for the imports that a module's bindings describe. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "glue/bindings.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

// What the callbacks need of an import; of a program, shared by its instances.
struct AdaptedImport {
    const glue::Import* import = nullptr;
    std::vector<wasm_valkind_t> parameters;
    std::vector<wasm_valkind_t> results;
    bool may_call = false;
};

// For an import whose body calls nothing. `env` is a AdaptedImport.
wasm_trap_t* call_adapted(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                          std::size_t count) noexcept;

// For any other: the body may call the guest, which may give way meanwhile.
void call_adapted_suspending(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* arguments,
                             std::size_t argument_count, wasmtime_val_t* results,
                             std::size_t result_count, wasm_trap_t** trap,
                             wasmtime_async_continuation_t* continuation) noexcept;

}  // namespace realm::sandbox
