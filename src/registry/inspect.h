// What a module is, for people and for programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "envelope/envelope.h"
#include "glue/bindings.h"
#include "registry/manifest.h"
#include "sandbox/module_report.h"

namespace realm::registry {

// A way of calling that a module follows, as its imports and exports show.
struct Convention {
    std::string name;    // "wasm-bindgen"
    std::string detail;  // how it was recognised, and in which form
    friend bool operator==(const Convention&, const Convention&) = default;
};

std::vector<Convention> conventions_of(const sandbox::ModuleInfo& info);

// What was looked at. Borrows its parts.
struct Inspected {
    std::string_view digest;
    std::size_t bytes = 0;
    const Manifest& manifest;
    const sandbox::ModuleReport& report;
    const glue::Bindings* bindings = nullptr;  // of a module of wasm-bindgen's
};

envelope::Json inspect_json(const Inspected& inspected);
// Several lines.
std::string inspect_text(const Inspected& inspected);

}  // namespace realm::registry
