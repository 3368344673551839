// The ABI marker, realm_abi_version: its value is read out of the module without running it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/module_info.h"
#include "sandbox/wasm_cursor.h"

namespace realm::sandbox {

// What to tell somebody whose marker `problem` ("is imported").
std::string marker_advice(std::string_view problem);

// `body` is one entry of the code section, without its size. Accepts what compilers make of a
// function that returns a constant, optimised or not; throws Malformed for anything else.
AbiVersion evaluate_marker_function(WasmCursor body);

// `globals` is the global section; `index` counts the defined globals alone.
AbiVersion evaluate_marker_global(WasmCursor globals, std::uint32_t index);

}  // namespace realm::sandbox
