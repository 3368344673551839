// What makes machine code of a module: in this process, or in one that can be limited and lost.
#pragma once

#include <cstddef>
#include <span>

#include "base/error.h"
#include "base/sealed_memory.h"
#include "sandbox/machine_code.h"

namespace realm::registry {

// Owned by the composition root. Thread-safe: several modules may be compiled at once.
class Compiler {
public:
    Compiler() = default;
    virtual ~Compiler() = default;
    Compiler(const Compiler&) = delete;
    Compiler& operator=(const Compiler&) = delete;

    // Takes as long as Cranelift: call it on a worker. `wasm` is a binary module that passed
    // Runtime::check(). Errors do not name the program: invalid_request/invalid_module with what
    // Wasmtime says, and what an implementation adds.
    virtual Result<base::SealedMemory> compile(const sandbox::CodeSettings& settings,
                                               std::span<const std::byte> wasm) = 0;
};

// In this process, unlimited: for commands that run a file of their own user, and for tests.
class LocalCompiler final : public Compiler {
public:
    Result<base::SealedMemory> compile(const sandbox::CodeSettings& settings,
                                       std::span<const std::byte> wasm) override;
};

}  // namespace realm::registry
