// A module on disk and what describes it: a .wasm file, or the npm package around one.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace realm::app {

struct ModulePackage {
    std::filesystem::path module;  // within the tarball, if it comes from one
    std::string wasm;              // with the bindings that its glue gives, where it has one
    // Of conventions.json beside the module, where there is one; else an empty object.
    nlohmann::json conventions = nlohmann::json::object();
};

// Of a .wasm file, a package's directory or its .tgz. Which module of a package and which
// JavaScript beside it: glue/package.h. Errors: those of reading files, invalid_package,
// invalid_tarball, package_too_large, invalid_module.
Result<ModulePackage> read_module_package(const std::filesystem::path& path,
                                          std::uint64_t max_bytes);

}  // namespace realm::app
