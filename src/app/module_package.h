// A module on disk and what describes it: a .wasm file, or the directory of a package around one.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace realm::app {

struct ModulePackage {
    std::filesystem::path module;
    std::string wasm;
    // Of conventions.json beside the module, where there is one; else an empty object.
    nlohmann::json conventions = nlohmann::json::object();
};

// Of a directory, the only .wasm file in it or below it; of several, the only one that ends in
// _bg.wasm, as wasm-bindgen names it. not_found/module_not_found, invalid_request/invalid_package.
Result<ModulePackage> read_module_package(const std::filesystem::path& path,
                                          std::uint64_t max_bytes);

}  // namespace realm::app
