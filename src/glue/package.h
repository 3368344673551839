// Finds the module of a package and what describes it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "glue/bindings.h"
#include "glue/glue_reader.h"
#include "glue/package_files.h"

namespace realm::glue {

struct Package {
    std::string module;  // its path
    std::string wasm;
    // Nothing: the module does not look like one of wasm-bindgen.
    std::optional<Bindings> bindings{};
};

// Reads a module's imports and exports; the error is the module's.
using ShapeReader = std::function<Result<ModuleShape>(std::string_view wasm)>;

// `named` is the path of the module wanted; empty: the package's only one, or the one that its
// package.json leads to, that for Node before others. The glue is the file beside the module that
// fills most of its imports; without one the bindings are guessed (fallback.h).
// invalid_request/invalid_package says what is missing or lists what there is to choose from.
Result<Package> open_package(const PackageFiles& files, std::string_view named,
                             const ShapeReader& shape_of);

}  // namespace realm::glue
