#include "registry/upload_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/limit_error.h"
#include "registry/bindgen_upload.h"
#include "registry/program_store.h"
#include "sandbox/custom_section.h"
#include "sandbox/module_shape.h"

namespace realm::registry {
namespace {

// The name in messages about a module that has none yet.
constexpr std::string_view kUnnamed = "module";

// The exports that the manifest's operations name must be there.
void check_operations(const Manifest& manifest, sandbox::ModuleReport& report) {
    for (const auto& [name, function] : manifest.operations) {
        const sandbox::ExportInfo* const found = report.info.find_export(function);
        if (found == nullptr || found->kind != sandbox::ExternKind::kFunction) {
            report.refusals.push_back(
                invalid_manifest(fmt::format("'operations.{}.export' is '{}', and the module "
                                             "exports no function of that name",
                                             name, function))
                    .error());
        }
    }
}

// A program that cannot start within its limits is told so when it is pushed.
void check_memory(std::string_view name, const Manifest& manifest, const config::Limits& limits,
                  sandbox::ModuleReport& report) {
    const auto& memories = report.info.memories;
    const auto own = config::narrowed(limits, manifest.limits);
    if (!own || memories.empty()) {
        return;
    }
    const std::uint64_t share = own->memory_bytes / memories.size();
    for (const sandbox::MemoryInfo& memory : memories) {
        if (memory.pages.minimum > share / memory.page_bytes) {
            report.refusals.push_back(limit_error(
                {.limit = "memory", .setting = "limits.memory_bytes", .value = share},
                fmt::format("program '{}': it has a memory that begins with {} pages of {} bytes; "
                            "its limit is {} bytes{}",
                            name, memory.pages.minimum, memory.page_bytes, share,
                            memories.size() > 1 ? " for each of its memories" : "")));
        }
    }
}

}  // namespace

Result<Manifest> UploadCheck::parse(std::string_view json, const config::Limits& limits) const {
    return parse_manifest(
        json, {.max_bytes = manifest_bytes_, .interfaces = interfaces_.names, .limits = limits});
}

Result<Manifest> UploadCheck::manifest_of(std::string_view wasm,
                                          const config::Limits& limits) const {
    const auto section = sandbox::find_custom_section(base::as_bytes(wasm), kManifestSection);
    if (!section) {
        return std::unexpected(section.error());
    }
    return *section ? parse(base::as_text(**section), limits) : Manifest{};
}

sandbox::ImportRules UploadCheck::rules_of(const Manifest& manifest) const {
    sandbox::ImportRules rules{.strict = manifest.strict, .granted = {}};
    if (manifest.interfaces) {
        rules.granted = [of = interfaces_.of,
                         granted = *manifest.interfaces](const sandbox::HostFunction& function) {
            const std::string_view interface = of(function);
            return interface.empty() || std::ranges::find(granted, interface) != granted.end();
        };
    }
    return rules;
}

Result<CheckedUpload> UploadCheck::look(std::string_view given_name, std::string_view wasm,
                                        std::optional<std::string_view> manifest,
                                        const config::Limits& limits) const {
    std::string name(given_name.empty() ? kUnnamed : given_name);
    if (auto good = check_program_name(name); !good) {
        return std::unexpected(std::move(good.error()));
    }
    PackagedModule packaged;
    if (is_tarball(wasm)) {
        auto module = module_of_tarball(wasm, limits.module_bytes);
        if (!module) {
            return std::unexpected(std::move(module.error()));
        }
        packaged = std::move(*module);
        wasm = packaged.wasm;
    }
    // Before its sections are looked at: a header, a size, and sections that can be told apart.
    if (auto readable = runtime_.inspect(name, base::as_bytes(wasm), {}); !readable) {
        return std::unexpected(std::move(readable.error()));
    }
    CheckedUpload upload{.wasm = std::string(wasm), .manifest = {}, .report = {}, .bindings = {}};
    auto parsed = manifest ? parse(*manifest, limits) : manifest_of(wasm, limits);
    if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
    }
    upload.manifest = std::move(*parsed);
    if (given_name.empty() && !upload.manifest.name.empty()) {
        name = upload.manifest.name;
        if (auto good = check_program_name(name); !good) {
            return std::unexpected(std::move(good.error()));
        }
    } else if (!upload.manifest.name.empty() && upload.manifest.name != name) {
        return invalid_manifest(fmt::format("'name' is '{}', but the program is pushed as '{}'",
                                            upload.manifest.name, name));
    }
    if (manifest) {
        const auto embedded = sandbox::with_custom_section(
            base::as_bytes(wasm), kManifestSection, base::as_bytes(manifest_json(upload.manifest)));
        if (!embedded) {
            return std::unexpected(embedded.error());
        }
        upload.wasm = base::as_text(*embedded);
    }
    auto report = runtime_.inspect(name, base::as_bytes(upload.wasm), rules_of(upload.manifest));
    if (!report) {
        return std::unexpected(std::move(report.error()));
    }
    upload.report = std::move(*report);
    auto bindings = sandbox::module_bindings(upload.report.info, base::as_bytes(upload.wasm));
    if (!bindings) {
        return std::unexpected(std::move(bindings.error()));
    }
    upload.bindings = std::move(*bindings);
    check_operations(upload.manifest, upload.report);
    check_memory(name, upload.manifest, limits, upload.report);
    return upload;
}

Result<CheckedUpload> UploadCheck::check(std::string_view name, std::string_view wasm,
                                         std::optional<std::string_view> manifest,
                                         const config::Limits& limits) const {
    auto looked = look(name, wasm, manifest, limits);
    if (looked && !looked->report.refusals.empty()) {
        return std::unexpected(std::move(looked->report.refusals.front()));
    }
    return looked;
}

}  // namespace realm::registry
