// Turns what Wasmtime says about a guest's end into an Error that helps its author. Internal.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

// What the report needs to know of the program.
struct GuestLimits {
    std::uint64_t memory_bytes = 0;  // of one memory
    std::uint32_t memories = 1;      // that share the program's limit
    std::uint32_t table_elements = 0;
    std::uint64_t stack_bytes = 0;
};

// A trap of the guest's own code: program_trap, or program_limit where its stack is full.
Error report_trap(const std::string& program, const wasm_trap_t& trap, const GuestLimits& limits);

// Any other failure: growth beyond a limit (program_limit), a full pool (unavailable), else
// program_trap.
Error report_error(const std::string& program, const wasmtime_error_t& error,
                   const GuestLimits& limits);

// Notes around what a fault of the program or of ours happened; other errors stay as they are.
void add_context(Error& error, std::string around);

// Gives a program_trap that a host function raised the backtrace, where it has no details yet.
void add_backtrace(Error& error, const std::string& program, const wasmtime_error_t& cause);

}  // namespace realm::sandbox
