#include "registry/program_registry.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "registry/file_util.h"
#include "registry/program_store.h"

namespace realm::registry {
namespace {

std::unexpected<Error> exists(std::string_view name) {
    return fail(ErrorType::kConflict, "program_exists",
                fmt::format("there is already a program '{}'", name));
}

}  // namespace

Result<ProgramRegistry::Program> ProgramRegistry::add(std::string_view name,
                                                      std::span<const std::byte> wasm) {
    if (auto good = check_program_name(name); !good) {
        return std::unexpected(good.error());
    }
    // Looked at before and after: loading takes long and runs without the lock.
    if (programs_.with([&](const Programs& programs) { return programs.contains(name); })) {
        return exists(name);
    }
    auto program = loader_.load(std::string(name), wasm);
    if (!program) {
        return program;
    }
    const bool added = programs_.with(
        [&](Programs& programs) { return programs.emplace(std::string(name), *program).second; });
    return added ? std::move(program) : exists(name);
}

Result<ProgramRegistry::Program> ProgramRegistry::add_file(std::string_view name,
                                                           const std::filesystem::path& path) {
    const auto wasm = read_file(path, loader_.runtime().options().max_module_bytes);
    if (!wasm) {
        Error error = wasm.error();
        error.message = fmt::format("program '{}': {}", name, error.message);
        return std::unexpected(std::move(error));
    }
    return add(name, base::as_bytes(*wasm));
}

Result<ProgramRegistry::Program> ProgramRegistry::get(std::string_view name) const {
    return programs_.with([&](const Programs& programs) -> Result<Program> {
        if (const auto found = programs.find(name); found != programs.end()) {
            return found->second;
        }
        std::string known;
        for (const auto& [other, program] : programs) {
            known += fmt::format("{}{}", known.empty() ? "" : ", ", other);
        }
        return fail(ErrorType::kNotFound, "program_not_found",
                    fmt::format("there is no program '{}'; there is: {}", name,
                                known.empty() ? "none" : known));
    });
}

std::vector<std::string> ProgramRegistry::names() const {
    return programs_.with([](const Programs& programs) {
        std::vector<std::string> names;
        for (const auto& [name, program] : programs) {
            names.push_back(name);
        }
        return names;
    });
}

}  // namespace realm::registry
