// What speaks against running a module, found without compiling it. Internal to this folder; others
// ask Runtime::check() and Runtime::inspect().
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sandbox/host_function.h"
#include "sandbox/module_info.h"
#include "sandbox/module_report.h"
#include "sandbox/runtime.h"

namespace realm::sandbox {

// "program 'p': <why>", as invalid_request.
std::unexpected<Error> refuse(std::string_view program, std::string_view code,
                              std::string_view why);

// program_limit/module_bytes above options.max_module_bytes.
Result<void> check_size(std::string_view program, std::size_t bytes, const RuntimeOptions& options);

// Everything that is found; an error only for what cannot be read at all.
Result<ModuleReport> inspect_module(std::string_view program, std::span<const std::byte> wasm,
                                    const RuntimeOptions& options,
                                    std::span<const HostFunction> functions,
                                    const ImportRules& rules);

// The first refusal, if there is one.
Result<ModuleInfo> check_module(std::string_view program, std::span<const std::byte> wasm,
                                const RuntimeOptions& options,
                                std::span<const HostFunction> functions, const ImportRules& rules);

}  // namespace realm::sandbox
