// What can be said of a module before it is compiled: its manifest, and what speaks against it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "config/limits.h"
#include "glue/bindings.h"
#include "registry/manifest.h"
#include "sandbox/module_report.h"
#include "sandbox/runtime.h"

namespace realm::registry {

// What programs may import, by name, and which host function belongs to which.
struct InterfaceList {
    std::span<const std::string_view> names;
    // Empty: for every program, whatever its manifest says.
    std::function<std::string_view(const sandbox::HostFunction&)> of;
};

// A module as it would be kept.
struct CheckedUpload {
    std::string wasm;  // with its manifest
    Manifest manifest;
    sandbox::ModuleReport report;
    // Of a module of wasm-bindgen's: those that it carries, else guessed ones; else null.
    std::shared_ptr<const glue::Bindings> bindings;
};

// Immutable; the runtime outlives it. Any thread; fast, but for copying the module.
class UploadCheck {
public:
    UploadCheck(const sandbox::Runtime& runtime, InterfaceList interfaces,
                std::size_t manifest_bytes)
        : runtime_(runtime), interfaces_(std::move(interfaces)), manifest_bytes_(manifest_bytes) {}

    // `wasm` is a module, or a tarball of npm's around one (registry/bindgen_upload.h). `name` is
    // that of the push; empty: the manifest's. `manifest` is JSON; it replaces the one
    // that the module carries. `limits` are the tenant's. The report lists all that speaks against
    // it; errors are for what cannot be read at all: the name, the module, the manifest.
    [[nodiscard]] Result<CheckedUpload> look(std::string_view name, std::string_view wasm,
                                             std::optional<std::string_view> manifest,
                                             const config::Limits& limits) const;

    // The same, and the report's first refusal is an error.
    [[nodiscard]] Result<CheckedUpload> check(std::string_view name, std::string_view wasm,
                                              std::optional<std::string_view> manifest,
                                              const config::Limits& limits) const;

    // The module's own manifest; the default one where it has none.
    [[nodiscard]] Result<Manifest> manifest_of(std::string_view wasm,
                                               const config::Limits& limits) const;

private:
    [[nodiscard]] Result<Manifest> parse(std::string_view json, const config::Limits& limits) const;
    [[nodiscard]] sandbox::ImportRules rules_of(const Manifest& manifest) const;

    const sandbox::Runtime& runtime_;
    const InterfaceList interfaces_;
    const std::size_t manifest_bytes_;
};

}  // namespace realm::registry
