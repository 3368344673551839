// The one place that knows the modules which are linked into the server.
#include "embedded_programs.h"
#include "registry/program_registry.h"

namespace realm::registry {

Result<ProgramRegistry::Program> ProgramRegistry::add_chat(
    const std::optional<std::filesystem::path>& path) {
    return path ? add_file(kChatProgram, *path) : add(kChatProgram, programs::chat_module());
}

}  // namespace realm::registry
