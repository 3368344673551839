// Modules made with wasm-bindgen on their way in: npm packages become modules that carry what their
// JavaScript says (glue/bindings.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "glue/bindings.h"
#include "glue/package_files.h"
#include "sandbox/module_info.h"

namespace realm::registry {

// Whether bytes are a .tgz file, as npm packs them, and no module.
bool is_tarball(std::string_view bytes);

// Which module of the package, and with it the bindings that its glue gives, if it has any.
// `named`: the module's path in it; empty: the one that package.json leads to. Errors: those of
// glue::open_package(), invalid_module.
struct PackagedModule {
    std::string path;  // within the package
    std::string wasm;  // with its bindings
};
Result<PackagedModule> module_of_files(const glue::PackageFiles& files, std::string_view named);

// The same of a tarball whose module has at most so many bytes. Time and memory are bounded by
// glue::PackageLimits.
Result<PackagedModule> module_of_tarball(std::string_view bytes, std::uint64_t module_bytes);

// What is said of a module's bindings, a line each; empty without any.
std::vector<std::string> bindings_lines(const glue::Bindings* bindings);

}  // namespace realm::registry
