// What Runtime and Program hold. Internal to this folder.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/bindgen_import.h"
#include "sandbox/bindgen_plan.h"
#include "sandbox/machine_code.h"
#include "sandbox/runtime.h"
#include "sandbox/ticker.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

// An import that no host function provides; its stub traps with this name.
struct UnknownImport {
    std::string full_name;  // wasi_snapshot_preview1.fd_write
};

struct Program::Impl {
    std::string name;
    std::string digest;
    ModuleInfo info;
    // The functions in `linker` and `pre` point to these.
    std::vector<std::unique_ptr<UnknownImport>> unknown_imports;
    std::vector<std::unique_ptr<AdaptedImport>> adapted_imports;
    std::shared_ptr<const BindgenPlan> bindgen;  // null where there are no bindings
    ModuleHandle module;
    LinkerHandle linker;
    InstancePreHandle pre;  // null for a program that imports tables or memories
};

struct Runtime::Impl {
    RuntimeOptions options;
    std::vector<HostFunction> functions;  // never changed: the linker points to them
    EngineHandle engine;
    LinkerHandle linker;
    std::uint32_t capacity = 0;  // instances that the pool holds
    CodeSettings code;
    std::atomic<std::uint32_t> live{0};
    std::unique_ptr<Ticker> ticker;  // last, so that it stops before the engine goes
};

}  // namespace realm::sandbox
