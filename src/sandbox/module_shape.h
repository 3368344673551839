// A module as the readers of its glue see it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "glue/bindings.h"
#include "glue/glue_reader.h"
#include "sandbox/module_info.h"

namespace realm::sandbox {

// What the module imports and exports, and which version of wasm-bindgen its producers name.
// invalid_request/invalid_module. Any thread.
Result<glue::ModuleShape> module_shape(std::span<const std::byte> wasm);
glue::ModuleShape module_shape(const ModuleInfo& info, std::span<const std::byte> wasm);

// The bindings that the module carries, else, for a module of wasm-bindgen's, those that its names
// tell; null for any other. invalid_request/invalid_bindings or invalid_module.
Result<std::shared_ptr<const glue::Bindings>> module_bindings(const ModuleInfo& info,
                                                              std::span<const std::byte> wasm);

}  // namespace realm::sandbox
