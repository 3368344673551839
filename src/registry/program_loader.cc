#include "registry/program_loader.h"

#include <fmt/format.h>

#include <utility>

namespace realm::registry {

Result<std::shared_ptr<const sandbox::Program>> ProgramLoader::load(
    std::string name, std::span<const std::byte> wasm) {
    auto checked = runtime_->check(std::move(name), wasm);
    if (!checked) {
        return std::unexpected(std::move(checked.error()));
    }
    auto code = compiler_->compile(runtime_->code_settings(), checked->wasm());
    if (!code) {
        code.error().message = fmt::format("program '{}': {}", checked->name, code.error().message);
        return std::unexpected(std::move(code.error()));
    }
    return runtime_->load(std::move(*checked), *code);
}

}  // namespace realm::registry
