// Wasmtime's engine, configured from RuntimeOptions. Internal to this folder.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/sealed_memory.h"
#include "sandbox/machine_code.h"
#include "sandbox/runtime.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

struct EngineSetup {
    EngineHandle engine;
    std::uint32_t capacity = 0;  // instances that fit its pool
    CodeSettings code;           // what machine code must be compiled with to be loaded
};

// Checks what Wasmtime would abort the process for: sizes that contradict each other and an address
// space too small for the pool.
Result<EngineSetup> make_engine(const RuntimeOptions& options);

// An engine that only compiles: it has no pool.
EngineHandle make_compile_engine(const CodeSettings& settings, CompileThreads threads);

// Both fail with invalid_request/invalid_module and what Wasmtime says. load_module() believes
// what it is given: only machine code of our own may get there.
Result<ModuleHandle> compile_module(wasm_engine_t& engine, std::span<const std::byte> wasm);
Result<ModuleHandle> load_module(wasm_engine_t& engine, const base::SealedMemory& code);

}  // namespace realm::sandbox
