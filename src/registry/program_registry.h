// The programs that this server can run, by name; each is loaded once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "registry/program_loader.h"
#include "sandbox/runtime.h"

namespace realm::registry {

// The program behind chat completions.
inline constexpr std::string_view kChatProgram = "chat";

// Owned by the composition root. Thread-safe; adding may compile, so do that at start or on a
// worker.
class ProgramRegistry {
public:
    using Program = std::shared_ptr<const sandbox::Program>;

    // The loader must outlive it.
    explicit ProgramRegistry(ProgramLoader& loader) : loader_(loader) {}

    // Loads a module and keeps it under the name. Errors: invalid_program_name, program_exists,
    // and those of ProgramLoader::load().
    Result<Program> add(std::string_view name, std::span<const std::byte> wasm);

    // The same for a .wasm file. Errors that name program and path: file_not_found,
    // permission_denied, not_a_file, file_too_large, io_error.
    Result<Program> add_file(std::string_view name, const std::filesystem::path& path);

    // The chat program: the file if there is one, else the module that is built in.
    Result<Program> add_chat(const std::optional<std::filesystem::path>& path);

    // not_found with code program_not_found and the names that there are.
    [[nodiscard]] Result<Program> get(std::string_view name) const;

    // Sorted.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    using Programs = std::map<std::string, Program, std::less<>>;

    ProgramLoader& loader_;
    base::Guarded<Programs> programs_;
};

}  // namespace realm::registry
