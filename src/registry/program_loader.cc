#include "registry/program_loader.h"

#include <fmt/format.h>

#include <optional>

namespace realm::registry {

Result<std::shared_ptr<const sandbox::Program>> ProgramLoader::load(
    std::string name, std::span<const std::byte> wasm) {
    auto checked = runtime_->check(std::move(name), wasm);
    if (!checked) {
        return std::unexpected(std::move(checked.error()));
    }
    auto code = code_of(*checked);
    if (!code) {
        code.error().message = fmt::format("program '{}': {}", checked->name, code.error().message);
        return std::unexpected(std::move(code.error()));
    }
    const std::string digest = checked->digest;
    auto program = runtime_->load(std::move(*checked), **code);
    if (!program && cache_) {
        cache_->remove(digest);
    }
    return program;
}

ProgramLoader::Code ProgramLoader::code_of(const sandbox::CheckedModule& module) {
    std::promise<Code> mine;
    const auto other = at_work_.with([&](Waiting& waiting) -> std::optional<Waiting::mapped_type> {
        const auto [place, first] = waiting.try_emplace(module.digest);
        if (!first) {
            return place->second;
        }
        place->second = mine.get_future().share();
        return std::nullopt;
    });
    if (other) {
        return other->get();
    }
    const auto leave = [&] {
        at_work_.with([&](Waiting& waiting) { waiting.erase(module.digest); });
    };
    try {
        Code code = find_or_compile(module);
        leave();
        mine.set_value(code);
        return code;
    } catch (...) {
        leave();
        mine.set_exception(std::current_exception());
        throw;
    }
}

ProgramLoader::Code ProgramLoader::find_or_compile(const sandbox::CheckedModule& module) {
    if (cache_) {
        if (auto found = cache_->find(module.digest)) {
            return std::make_shared<const base::SealedMemory>(std::move(*found));
        }
    }
    ++compiled_;
    auto code = compiler_->compile(runtime_->code_settings(), module.wasm());
    if (!code) {
        return std::unexpected(std::move(code.error()));
    }
    if (cache_) {
        cache_->store(module.digest, code->bytes());
    }
    return std::make_shared<const base::SealedMemory>(std::move(*code));
}

}  // namespace realm::registry
