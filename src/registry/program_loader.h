// The one way from a module's bytes to a program that can run.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "registry/compiler.h"
#include "sandbox/runtime.h"

namespace realm::registry {

// Owned by the composition root. Thread-safe; loading may compile, so call it at start or on a
// worker.
class ProgramLoader {
public:
    ProgramLoader(std::shared_ptr<sandbox::Runtime> runtime, std::unique_ptr<Compiler> compiler)
        : runtime_(std::move(runtime)), compiler_(std::move(compiler)) {}

    // Checks the module, takes its machine code from the cache or compiles it, links it. Errors
    // name the program: those of Runtime::check() and of the compiler.
    Result<std::shared_ptr<const sandbox::Program>> load(std::string name,
                                                         std::span<const std::byte> wasm);

    [[nodiscard]] const sandbox::Runtime& runtime() const { return *runtime_; }

private:
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::unique_ptr<Compiler> compiler_;
};

}  // namespace realm::registry
