#include "sandbox/module_check.h"

#include <fmt/format.h>

#include <utility>

#include "base/limit_error.h"
#include "sandbox/module_shape.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::string_view kOwnModule = "env";
constexpr std::string_view kOwnPrefix = "realm_";
constexpr std::size_t kMostRefusals = 100;  // that a report lists

const char* kind_name(ExternKind kind) {
    switch (kind) {
        case ExternKind::kFunction:
            return "function";
        case ExternKind::kTable:
            return "table";
        case ExternKind::kMemory:
            return "memory";
        case ExternKind::kGlobal:
            return "global";
        case ExternKind::kTag:
            return "tag";
    }
    return "item";
}

// Looks at one module and collects what speaks against it.
class Check {
public:
    Check(std::string_view program, const RuntimeOptions& options,
          std::span<const HostFunction> functions, const ImportRules& rules,
          const glue::Bindings* bindings, ModuleReport& report)
        : program_(program),
          options_(options),
          functions_(functions),
          rules_(rules),
          bindings_(bindings),
          report_(report) {}

    void run() {
        version();
        for (const ImportInfo& import : report_.info.imports) {
            report_.imports.push_back(check_import(import));
        }
        sizes();
    }

private:
    ImportCheck refused(std::string_view code, std::string why) {
        if (report_.refusals.size() >= kMostRefusals) {
            return {.state = ImportState::kRefused, .reason = {}};
        }
        report_.refusals.push_back(refuse(program_, code, why).error());
        return {.state = ImportState::kRefused, .reason = std::move(why)};
    }

    void above(const LimitReached& reached, std::string_view why) {
        if (report_.refusals.size() < kMostRefusals) {
            report_.refusals.push_back(
                limit_error(reached, fmt::format("program '{}': {}", program_, why)));
        }
    }

    void version();
    ImportCheck check_import(const ImportInfo& import);
    ImportCheck check_item(const ImportInfo& import, const std::string& name);
    void sizes();

    std::string_view program_;
    const RuntimeOptions& options_;
    std::span<const HostFunction> functions_;
    const ImportRules& rules_;
    const glue::Bindings* bindings_;  // null where there are none
    ModuleReport& report_;
};

// A module that was not written for Realm needs no marker; one that has it means it.
void Check::version() {
    constexpr AbiVersion kHost = Runtime::kAbi;
    const ModuleInfo& info = report_.info;
    if (!info.abi) {
        if (info.is_realm_program()) {
            refused("abi_missing",
                    fmt::format("it does not say which version of the program interface it was "
                                "built for: export realm_abi_version, a function () -> i32 that "
                                "returns {} << 16 | {} (the SDK's header defines it)",
                                kHost.major, kHost.minor));
        }
        return;
    }
    const auto [major, minor] = *info.abi;
    if (major != kHost.major) {
        refused("abi_version",
                fmt::format("it was built for version {}.{} of the program interface and this "
                            "server speaks {}.{}: build it with the SDK of this server",
                            major, minor, kHost.major, kHost.minor));
    } else if (minor > kHost.minor) {
        refused("abi_version",
                fmt::format("it was built for version {}.{} of the program interface, newer than "
                            "this server's {}.{}: update the server or build it with an older SDK",
                            major, minor, kHost.major, kHost.minor));
    }
}

ImportCheck Check::check_import(const ImportInfo& import) {
    const std::string name = fmt::format("{}.{}", shown(import.module), shown(import.name));
    if (import.kind != ExternKind::kFunction) {
        return check_item(import, name);
    }
    const HostFunction* const known = find_function(functions_, import.module, import.name);
    if (known == nullptr) {
        if (import.module == kOwnModule && import.name.starts_with(kOwnPrefix)) {
            return refused("unknown_import",
                           fmt::format("it imports '{}', which this server does not know", name));
        }
        const glue::Import* const bound =
            bindings_ == nullptr ? nullptr : bindings_->find_import(import.name);
        if (bound != nullptr && bound->unsupported.empty()) {
            return {};
        }
        if (rules_.strict) {
            return refused("unknown_import",
                           fmt::format("it imports '{}', which this server does not have, and its "
                                       "manifest says strict",
                                       name));
        }
        return {.state = ImportState::kStubbed, .reason = {}};
    }
    if (import.signature != known->signature) {
        return refused("import_type", fmt::format("it imports '{}' with the type {}, which is {}",
                                                  name, import.type, shown(known->signature)));
    }
    if (rules_.granted && !rules_.granted(*known)) {
        return refused("import_not_granted",
                       fmt::format("it imports '{}', whose interface is not among those that its "
                                   "manifest names",
                                   name));
    }
    return {};
}

// Each instance gets its own tables and memories, so only plain ones can be made for it.
ImportCheck Check::check_item(const ImportInfo& import, const std::string& name) {
    const bool plain =
        import.kind == ExternKind::kTable
            ? import.type.ends_with(" funcref") || import.type.ends_with(" externref")
            : import.kind == ExternKind::kMemory && import.type.ends_with(" pages");
    if (plain) {
        return {};
    }
    if (import.kind == ExternKind::kTag) {
        return refused("unsupported_import",
                       fmt::format("it imports the tag '{}', through which it would catch errors "
                                   "of JavaScript's (WebAssembly.JSTag); this server gives them "
                                   "to functions only: build it without exception handling",
                                   name));
    }
    return refused("unsupported_import",
                   fmt::format("it imports the {} '{}'; programs can import functions, tables of "
                               "funcref or externref, and plain memories only",
                               kind_name(import.kind), name));
}

void Check::sizes() {
    const ModuleInfo& info = report_.info;
    if (info.memories.size() > options_.max_memories_per_module) {
        above({.limit = "memories",
               .setting = "limits.memories",
               .value = options_.max_memories_per_module,
               .asked = info.memories.size()},
              fmt::format("it has {} memories; {} are allowed", info.memories.size(),
                          options_.max_memories_per_module));
    }
    for (const MemoryInfo& memory : info.memories) {
        if (memory.shared) {
            refused("shared_memory",
                    "it has a shared memory; threads of a program's own are not allowed");
        }
        // In pages, since a product with bytes could overflow.
        if (memory.pages.minimum > options_.max_memory_bytes / memory.page_bytes) {
            above({.limit = "memory",
                   .setting = "limits.memory_bytes",
                   .value = options_.max_memory_bytes},
                  fmt::format("it has a memory that begins with {} pages of {} bytes; at most {} "
                              "bytes are allowed",
                              memory.pages.minimum, memory.page_bytes, options_.max_memory_bytes));
        }
    }
    if (info.tables.size() > options_.max_tables_per_module) {
        above({.limit = "tables",
               .setting = "limits.tables",
               .value = options_.max_tables_per_module,
               .asked = info.tables.size()},
              fmt::format("it has {} tables; {} are allowed", info.tables.size(),
                          options_.max_tables_per_module));
    }
    for (const TableInfo& table : info.tables) {
        if (table.elements.minimum > options_.max_table_elements) {
            above({.limit = "table",
                   .setting = "limits.table_elements",
                   .value = options_.max_table_elements,
                   .asked = table.elements.minimum},
                  fmt::format("it has a table that begins with {} elements; at most {} are allowed",
                              table.elements.minimum, options_.max_table_elements));
        }
    }
}

}  // namespace

std::unexpected<Error> refuse(std::string_view program, std::string_view code,
                              std::string_view why) {
    return fail(ErrorType::kInvalidRequest, code, fmt::format("program '{}': {}", program, why));
}

Result<void> check_size(std::string_view program, std::size_t bytes,
                        const RuntimeOptions& options) {
    if (bytes > options.max_module_bytes) {
        return std::unexpected(
            limit_error({.limit = "module_bytes",
                         .setting = "limits.module_bytes",
                         .value = options.max_module_bytes,
                         .asked = bytes},
                        fmt::format("program '{}': its {} bytes are more than the limit of {}",
                                    program, bytes, options.max_module_bytes)));
    }
    return {};
}

Result<ModuleReport> inspect_module(std::string_view program, std::span<const std::byte> wasm,
                                    const RuntimeOptions& options,
                                    std::span<const HostFunction> functions,
                                    const ImportRules& rules) {
    if (auto fits = check_size(program, wasm.size(), options); !fits) {
        return std::unexpected(std::move(fits.error()));
    }
    auto info = read_module(wasm);
    if (!info) {
        return refuse(program, info.error().code, info.error().message);
    }
    ModuleReport report{.info = std::move(*info), .imports = {}, .refusals = {}};
    auto bindings = module_bindings(report.info, wasm);
    if (!bindings) {
        return refuse(program, bindings.error().code, bindings.error().message);
    }
    Check(program, options, functions, rules, bindings->get(), report).run();
    return report;
}

Result<ModuleInfo> check_module(std::string_view program, std::span<const std::byte> wasm,
                                const RuntimeOptions& options,
                                std::span<const HostFunction> functions, const ImportRules& rules) {
    auto report = inspect_module(program, wasm, options, functions, rules);
    if (!report) {
        return std::unexpected(std::move(report.error()));
    }
    if (!report->refusals.empty()) {
        return std::unexpected(std::move(report->refusals.front()));
    }
    return std::move(report->info);
}

}  // namespace realm::sandbox
