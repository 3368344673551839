// From WebAssembly to machine code in a process that runs none of it: it needs neither a Runtime
// nor the address space of its pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/error.h"

namespace realm::sandbox {

// What machine code depends on beside the module, Wasmtime and the CPU; Runtime::code_settings()
// says what a runtime needs. Trivially copyable: it travels to the process that compiles.
struct CodeSettings {
    std::uint64_t guest_stack_bytes = 0;
    std::uint64_t memory_reservation = 0;
    std::uint64_t memory_guard = 0;
};

// How many of Cranelift's threads work at one time.
enum class CompileThreads : std::uint8_t { kOne, kAll };

using TakeCode = std::function<Result<void>(std::span<const std::byte> code)>;

// Validates and compiles a binary module and hands the machine code, as Wasmtime serializes it, to
// `take`, whose error it returns. Errors: invalid_request/invalid_module with what Wasmtime says.
// Takes as long as Cranelift. Any thread.
Result<void> precompile(const CodeSettings& settings, std::span<const std::byte> wasm,
                        CompileThreads threads, const TakeCode& take);

// The same for machine code that runtimes with these settings on this machine can load, another
// for any other: it covers Wasmtime's version, its compiler's flags and the features of the CPU.
// 64 hexadecimal digits.
Result<std::string> code_fingerprint(const CodeSettings& settings);

}  // namespace realm::sandbox
