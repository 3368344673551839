#include "app/stack.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "config/run_limits.h"
#include "inference/engine.h"
#include "interfaces/grants.h"
#include "interfaces/run_host.h"
#include "registry/cache_directory.h"
#include "registry/code_cache.h"

namespace realm::app {
namespace {

// They compile, read and write what tenants push.
constexpr std::size_t kProgramWorkers = 2;
constexpr std::size_t kProgramQueue = 64;

inference::EngineOptions engine_options(const config::Settings& settings) {
    inference::SwapSpace::Options swap{.memory_bytes = settings.model.swap_memory_bytes};
    const auto directory = swap_directory();
    if (directory && registry::CodeCache::make_directory(*directory)) {
        swap.disk_bytes = settings.model.swap_disk_bytes;
        swap.directory = *directory;
    }
    return {.kv_tokens = settings.model.context,
            .max_contexts = settings.model.max_contexts,
            .cached_contexts = settings.model.cached_contexts,
            .swap = std::move(swap),
            .prefill_chunk = settings.model.prefill_chunk,
            .queue_limit = settings.limits.queue,
            .threads = settings.model.threads,
            .flash_attention = settings.model.flash_attention,
            .speculation = settings.model.speculation ? inference::SpeculationMode::kWhereItPays
                                                      : inference::SpeculationMode::kNever};
}

Result<std::unique_ptr<inference::Engine>> start_engine(const config::Settings& settings) {
    auto choice = choose_model(settings.model.name_or_path);
    if (!choice) {
        return std::unexpected(std::move(choice.error()));
    }
    auto model = inference::Model::load(choice->path, choice->name);
    if (!model) {
        return std::unexpected(std::move(model.error()));
    }
    return inference::Engine::start(std::move(*model), engine_options(settings));
}

// Null where this user has no cache directory.
Result<std::unique_ptr<registry::CodeCache>> open_code_cache(const config::Limits& limits,
                                                             const sandbox::Runtime& runtime,
                                                             const telemetry::Logger& logger) {
    auto directory = code_cache_directory();
    if (!directory) {
        return nullptr;
    }
    auto fingerprint = sandbox::code_fingerprint(runtime.code_settings());
    if (!fingerprint) {
        return std::unexpected(std::move(fingerprint.error()));
    }
    return std::make_unique<registry::CodeCache>(
        registry::CodeCacheOptions{.directory = std::move(*directory),
                                   .max_bytes = limits.code_cache_bytes,
                                   .fingerprint = std::move(*fingerprint)},
        logger);
}

// A file's stem as a program name: what such a name may not hold becomes '-'.
std::string program_name(const std::filesystem::path& path) {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    std::string name = registry::lower_case(path.stem().string()).substr(0, 64);
    std::ranges::replace_if(name, [&](char c) { return !kAllowed.contains(c); }, '-');
    return name;
}

}  // namespace

Result<std::unique_ptr<registry::BrokerCompiler>> start_compiler(const config::Limits& limits) {
    registry::BrokerOptions options;
    options.limits = {.cpu = limits.compile_cpu_ms,
                      .wall = limits.compile_wall_ms,
                      .memory_bytes = limits.compile_memory_bytes,
                      .code_bytes = limits.code_bytes,
                      .jobs = limits.compile_jobs};
    return registry::BrokerCompiler::start(std::move(options));
}

std::optional<std::filesystem::path> code_cache_directory() {
    const auto root = registry::cache_directory(config::process_environment());
    return root ? std::optional(*root / "programs" / "code") : std::nullopt;
}

std::optional<std::filesystem::path> swap_directory() {
    const auto root = registry::cache_directory(config::process_environment());
    return root ? std::optional(*root / "swap") : std::nullopt;
}

Result<registry::ModelStore> open_model_store() {
    auto root = registry::ModelStore::default_root(config::process_environment());
    if (!root) {
        return std::unexpected(std::move(root.error()));
    }
    return registry::ModelStore(*root);
}

Result<ModelChoice> choose_model(const std::string& name_or_path) {
    const bool default_model = name_or_path.empty() || name_or_path == "default";
    const std::string wanted = default_model ? std::string(registry::kDefaultModel) : name_or_path;
    auto store = open_model_store();
    if (!store) {
        return std::unexpected(std::move(store.error()));
    }
    auto path = store->resolve(wanted);
    if (!path) {
        return std::unexpected(std::move(path.error()));
    }
    return ModelChoice{.name = registry::lower_case(path->stem().string()), .path = *path};
}

Result<std::unique_ptr<Stack>> Stack::create(const config::Settings& settings, Models models,
                                             std::unique_ptr<registry::Compiler> compiler,
                                             const telemetry::Logger& logger) {
    std::unique_ptr<Stack> stack(new Stack);
    if (models != Models::kNone) {
        auto engine = start_engine(settings);
        if (engine) {
            stack->models_.add(std::move(*engine));
        } else if (models == Models::kRequired || engine.error().code != "model_not_found") {
            return std::unexpected(std::move(engine.error()));
        }
    }
    auto runtime =
        sandbox::Runtime::create(runtime_options(settings, logger), interfaces::host_functions());
    if (!runtime) {
        return std::unexpected(std::move(runtime.error()));
    }
    stack->runtime_ = std::move(*runtime);
    auto cache = open_code_cache(settings.limits, *stack->runtime_, logger);
    if (!cache) {
        return std::unexpected(std::move(cache.error()));
    }
    stack->loader_ = std::make_unique<registry::ProgramLoader>(stack->runtime_, std::move(compiler),
                                                               std::move(*cache));
    stack->programs_ = std::make_unique<registry::ProgramRegistry>(*stack->loader_);
    stack->executor_ =
        std::make_unique<sandbox::Executor>(stack->runtime_, sandbox::ExecutorOptions{});
    stack->runs_ = std::make_unique<serving::RunService>(
        *stack->executor_,
        interfaces::SharedServices{
            .models = stack->models_, .workers = stack->workers_, .time = stack->time_},
        serving::RunServiceOptions{.max_runs = settings.limits.runs,
                                   .max_sessions = settings.limits.sessions,
                                   .limits = serving::run_limits(settings.limits)},
        logger);
    return stack;
}

// Instances have room for what any tenant may use.
sandbox::RuntimeOptions runtime_options(const config::Settings& settings,
                                        const telemetry::Logger& logger) {
    sandbox::RuntimeOptions options;
    options.max_instances = settings.limits.instances;
    const auto make_room = [&options](const config::Limits& limits) {
        options.max_memory_bytes = std::max(options.max_memory_bytes, limits.memory_bytes);
        options.max_table_elements = std::max(options.max_table_elements, limits.table_elements);
    };
    make_room(settings.limits);
    for (const config::TenantSettings& tenant : settings.tenants) {
        make_room(config::overridden(settings.limits, tenant.limits).value_or(settings.limits));
    }
    options.max_module_bytes = settings.limits.module_bytes;
    options.max_memories_per_module = settings.limits.memories;
    options.max_tables_per_module = settings.limits.tables;
    options.guest_stack_bytes = settings.limits.stack_bytes;
    options.console = &interfaces::write_console;
    options.logger = logger;
    return options;
}

registry::InterfaceList interface_list() {
    return {.names = interfaces::interface_names(), .of = &interfaces::interface_of};
}

Result<std::filesystem::path> program_directory(const config::Settings& settings) {
    if (!settings.program.directory.empty()) {
        return settings.program.directory;
    }
    return registry::ProgramStore::default_directory(config::process_environment());
}

Result<std::unique_ptr<registry::ProgramStore>> open_program_store(
    const config::Settings& settings, const telemetry::Logger& logger) {
    auto directory = program_directory(settings);
    if (!directory) {
        return std::unexpected(std::move(directory.error()));
    }
    auto store = registry::ProgramStore::open({.directory = std::move(*directory),
                                               .max_programs = settings.limits.programs,
                                               .max_versions = settings.limits.program_versions});
    if (store) {
        for (const std::string& damage : (*store)->damaged()) {
            logger.warn("a stored program is left out", {{"reason", damage}});
        }
    }
    return store;
}

void Stack::keep_programs(std::unique_ptr<registry::ProgramStore> store,
                          const config::Settings& settings) {
    store_ = std::move(store);
    catalog_ = std::make_unique<registry::ProgramCatalog>(
        *store_, *loader_, interface_list(),
        registry::ProgramCatalogOptions{.manifest_bytes = settings.limits.manifest_bytes,
                                        .loaded_programs = settings.limits.programs_loaded});
    program_workers_.emplace("programs", kProgramWorkers, kProgramQueue);
}

Result<std::shared_ptr<const sandbox::Program>> Stack::load_program(const std::string& path) {
    if (path.empty()) {
        return programs_->add_chat(std::nullopt);
    }
    return programs_->add_file(program_name(path), path);
}

Result<std::shared_ptr<const sandbox::Program>> Stack::load_module(const std::string& path,
                                                                   std::string_view wasm) {
    return programs_->add(program_name(path), base::as_bytes(wasm));
}

}  // namespace realm::app
