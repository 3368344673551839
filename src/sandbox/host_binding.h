// The one wrapper between host functions and Wasmtime's callbacks. Internal to this folder.
#pragma once

#include <span>
#include <vector>

#include "base/error.h"
#include "sandbox/host_function.h"
#include "sandbox/runtime_impl.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

// Defines each function in `linker`, in its module. They are referred to, not copied.
Result<void> define_host_functions(wasmtime_linker_t* linker,
                                   std::span<const HostFunction> functions);

// Gives every function import of `module` that `known` does not name a stub that traps by name.
// The stubs refer to what is added to `unknown`.
Result<void> define_unknown_imports(wasmtime_linker_t* linker, const wasmtime_module_t* module,
                                    std::span<const HostFunction> known,
                                    std::vector<std::unique_ptr<UnknownImport>>& unknown);

}  // namespace realm::sandbox
