// The parts of a Realm process put together: model, sandbox, runs. What `serve` and `run` share.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time_source.h"
#include "base/worker_pool.h"
#include "config/settings.h"
#include "interfaces/model_directory.h"
#include "registry/broker_compiler.h"
#include "registry/model_store.h"
#include "registry/program_catalog.h"
#include "registry/program_loader.h"
#include "registry/program_registry.h"
#include "registry/program_store.h"
#include "sandbox/executor.h"
#include "sandbox/runtime.h"
#include "serving/run_service.h"
#include "telemetry/log.h"

namespace realm::app {

// Owns everything; the members are destroyed in the order in which they depend on each other.
// Made and destroyed on the main thread.
class Stack {
public:
    enum class Models : std::uint8_t { kRequired, kOptional, kNone };

    // `compiler` makes machine code for its programs. Loads the model and starts engine, sandbox
    // and workers. With kOptional a model that is not there is no error: programs then find none;
    // with kNone none is loaded.
    static Result<std::unique_ptr<Stack>> create(const config::Settings& settings, Models models,
                                                 std::unique_ptr<registry::Compiler> compiler,
                                                 const telemetry::Logger& logger);
    ~Stack() = default;
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    [[nodiscard]] const interfaces::ModelDirectory& models() const { return models_; }
    [[nodiscard]] serving::RunService& runs() { return *runs_; }
    // Null where machine code is not kept.
    [[nodiscard]] const registry::CodeCache* code_cache() const { return loader_->cache(); }

    // The module at `path`, under the name of its file, or the built-in chat program when it is
    // empty. Compiles.
    Result<std::shared_ptr<const sandbox::Program>> load_program(const std::string& path);
    // The same of a module that was read from there.
    Result<std::shared_ptr<const sandbox::Program>> load_module(const std::string& path,
                                                                std::string_view wasm);

    // From now on there are catalog() and program_workers().
    void keep_programs(std::unique_ptr<registry::ProgramStore> store,
                       const config::Settings& settings);
    [[nodiscard]] registry::ProgramCatalog& catalog() { return *catalog_; }
    [[nodiscard]] base::WorkerPool& program_workers() { return *program_workers_; }

private:
    Stack() : workers_({.threads = 2, .queue = 256}) {}

    interfaces::ModelDirectory models_;
    interfaces::TextWorkers workers_;
    base::SystemTime time_;
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::unique_ptr<registry::ProgramLoader> loader_;
    std::unique_ptr<registry::ProgramRegistry> programs_;
    std::unique_ptr<registry::ProgramStore> store_;
    std::unique_ptr<registry::ProgramCatalog> catalog_;
    std::optional<base::WorkerPool> program_workers_;
    std::unique_ptr<sandbox::Executor> executor_;
    std::unique_ptr<serving::RunService> runs_;
};

// The name under which clients know the model that `name_or_path` means, and its file. Empty and
// "default" mean the default model.
struct ModelChoice {
    std::string name;
    std::filesystem::path path;
};
Result<ModelChoice> choose_model(const std::string& name_or_path);

// Compiles in processes with the limits of the settings.
Result<std::unique_ptr<registry::BrokerCompiler>> start_compiler(const config::Limits& limits);

// Where machine code is kept; nothing where this user has no cache directory.
std::optional<std::filesystem::path> code_cache_directory();

// Where contexts are swapped to; nothing likewise.
std::optional<std::filesystem::path> swap_directory();

// The sandbox that these settings ask for.
sandbox::RuntimeOptions runtime_options(const config::Settings& settings,
                                        const telemetry::Logger& logger = {});

// What programs may import here, for manifests.
registry::InterfaceList interface_list();

// Where tenants' programs are kept, and what is there; what is damaged is logged.
Result<std::filesystem::path> program_directory(const config::Settings& settings);
Result<std::unique_ptr<registry::ProgramStore>> open_program_store(const config::Settings& settings,
                                                                   const telemetry::Logger& logger);

// The user's model cache; the error says which variable to set.
Result<registry::ModelStore> open_model_store();

}  // namespace realm::app
