// The one way from a module's bytes to a program that can run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "registry/code_cache.h"
#include "registry/compiler.h"
#include "sandbox/runtime.h"

namespace realm::registry {

// Owned by the composition root. Thread-safe; loading may compile, so call it at start or on a
// worker.
class ProgramLoader {
public:
    // Without a cache (null) every load compiles.
    ProgramLoader(std::shared_ptr<sandbox::Runtime> runtime, std::unique_ptr<Compiler> compiler,
                  std::unique_ptr<CodeCache> cache = nullptr)
        : runtime_(std::move(runtime)), compiler_(std::move(compiler)), cache_(std::move(cache)) {}

    // Checks the module, takes its machine code from the cache or compiles it, links it. The same
    // module at one time is compiled once. Errors name the program: those of Runtime::check() and
    // of the compiler.
    Result<std::shared_ptr<const sandbox::Program>> load(std::string name,
                                                         std::span<const std::byte> wasm);

    [[nodiscard]] const sandbox::Runtime& runtime() const { return *runtime_; }
    // Modules that were compiled; the cache counts the rest.
    [[nodiscard]] std::uint64_t compiled() const { return compiled_; }
    // Null where there is none.
    [[nodiscard]] const CodeCache* cache() const { return cache_.get(); }

private:
    using Code = Result<std::shared_ptr<const base::SealedMemory>>;
    using Waiting = std::map<std::string, std::shared_future<Code>>;

    [[nodiscard]] Code code_of(const sandbox::CheckedModule& module);
    [[nodiscard]] Code find_or_compile(const sandbox::CheckedModule& module);

    std::shared_ptr<sandbox::Runtime> runtime_;
    std::unique_ptr<Compiler> compiler_;
    std::unique_ptr<CodeCache> cache_;
    std::atomic<std::uint64_t> compiled_{0};
    base::Guarded<Waiting> at_work_;  // by digest
};

}  // namespace realm::registry
