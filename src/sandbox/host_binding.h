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

// Gives every function import of the program that `known` does not name what its bindings say, else
// a stub that traps by name. What they refer to is kept in `program`.
Result<void> define_other_imports(wasmtime_linker_t* linker, std::span<const HostFunction> known,
                                  Program::Impl& program);

}  // namespace realm::sandbox
