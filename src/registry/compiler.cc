#include "registry/compiler.h"

#include <optional>
#include <utility>

namespace realm::registry {

Result<base::SealedMemory> LocalCompiler::compile(const sandbox::CodeSettings& settings,
                                                  std::span<const std::byte> wasm) {
    std::optional<base::SealedMemory> memory;
    const auto take = [&](std::span<const std::byte> code) -> Result<void> {
        auto copy = base::SealedMemory::copy_of(code);
        if (!copy) {
            return std::unexpected(std::move(copy.error()));
        }
        memory = std::move(*copy);
        return {};
    };
    if (auto done = sandbox::precompile(settings, wasm, sandbox::CompileThreads::kAll, take);
        !done) {
        return std::unexpected(std::move(done.error()));
    }
    return std::move(*memory);
}

}  // namespace realm::registry
