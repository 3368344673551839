// Wasmtime's engine, configured from RuntimeOptions. Internal to this folder.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "sandbox/runtime.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

struct EngineSetup {
    EngineHandle engine;
    std::uint32_t capacity = 0;  // instances that fit its pool
};

// Checks what Wasmtime would abort the process for: sizes that contradict each other and an address
// space too small for the pool.
Result<EngineSetup> make_engine(const RuntimeOptions& options);

}  // namespace realm::sandbox
