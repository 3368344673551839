// Tenants' programs from push to run: checked, compiled, kept, loaded when they are wanted.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "config/limits.h"
#include "registry/manifest.h"
#include "registry/program_loader.h"
#include "registry/program_store.h"
#include "registry/upload_check.h"
#include "sandbox/module_report.h"
#include "sandbox/runtime.h"

namespace realm::registry {

// A version that can run. Immutable.
struct LoadedProgram {
    ProgramVersion version;
    Manifest manifest;
    std::shared_ptr<const sandbox::Program> program;
};

// All that a look at one version finds.
struct ProgramDescription {
    ProgramVersion version;
    Manifest manifest;
    sandbox::ModuleReport report;
    std::shared_ptr<const glue::Bindings> bindings;
};

struct ProgramCatalogOptions {
    std::size_t manifest_bytes = std::size_t{64} << 10;
    std::size_t loaded_programs = 64;  // compiled ones that are kept in memory
};

// Owned by the composition root; store and loader outlive it. Thread-safe. All but loaded() read
// files or compile: call them on a worker.
class ProgramCatalog {
public:
    ProgramCatalog(ProgramStore& store, ProgramLoader& loader, InterfaceList interfaces,
                   const ProgramCatalogOptions& options)
        : store_(store),
          loader_(loader),
          upload_check_(loader.runtime(), std::move(interfaces), options.manifest_bytes),
          options_(options) {}

    // Checks, compiles and keeps it: a module, or a tarball of npm's around one. `manifest` is
    // JSON; it replaces the one that the module carries. `limits` are the tenant's. Errors are
    // those of UploadCheck::check(), ProgramLoader::load() and ProgramStore::put().
    Result<PushedProgram> push(std::string_view tenant, std::string_view name,
                               std::string_view wasm, std::optional<std::string_view> manifest,
                               const config::Limits& limits);

    // Null where it is not in memory; then load() says whether it exists.
    [[nodiscard]] std::shared_ptr<const LoadedProgram> loaded(std::string_view tenant,
                                                              const ProgramRef& ref);
    Result<std::shared_ptr<const LoadedProgram>> load(std::string_view tenant,
                                                      const ProgramRef& ref,
                                                      const config::Limits& limits);

    [[nodiscard]] Result<ProgramDescription> describe(std::string_view tenant,
                                                      const ProgramRef& ref,
                                                      const config::Limits& limits) const;

    [[nodiscard]] ProgramStore& store() { return store_; }

private:
    using Loaded = std::shared_ptr<const LoadedProgram>;
    struct Cache {
        std::list<std::string> recent;  // keys, the newest first
        std::unordered_map<std::string, std::pair<Loaded, std::list<std::string>::iterator>> by_key;
    };

    void keep(std::string_view tenant, Loaded program);

    ProgramStore& store_;
    ProgramLoader& loader_;
    const UploadCheck upload_check_;
    const ProgramCatalogOptions options_;
    base::Guarded<Cache> cache_;
};

}  // namespace realm::registry
