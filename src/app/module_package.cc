#include "app/module_package.h"

#include <string_view>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "envelope/envelope.h"
#include "glue/fallback.h"
#include "glue/package.h"
#include "registry/file_util.h"
#include "sandbox/custom_section.h"
#include "sandbox/module_shape.h"

namespace realm::app {
namespace {

constexpr std::uint64_t kMaxConventionsBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxTarballBytes = std::uint64_t{256} << 20;

Result<glue::ModuleShape> shape_of(std::string_view wasm) {
    return sandbox::module_shape(base::as_bytes(wasm));
}

bool is_tarball(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return name.ends_with(".tgz") || name.ends_with(".tar.gz");
}

Result<std::string> with_bindings(std::string wasm, const std::optional<glue::Bindings>& bindings) {
    if (!bindings) {
        return wasm;
    }
    auto bound = sandbox::with_custom_section(base::as_bytes(wasm), glue::kBindingsSection,
                                              base::as_bytes(glue::bindings_text(*bindings)));
    if (!bound) {
        return std::unexpected(std::move(bound.error()));
    }
    return std::string(base::as_text(*bound));
}

Result<ModulePackage> from_files(const std::filesystem::path& folder,
                                 const Result<glue::PackageFiles>& files) {
    if (!files) {
        return std::unexpected(files.error());
    }
    auto opened = glue::open_package(*files, "", shape_of);
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    auto wasm = with_bindings(std::move(opened->wasm), opened->bindings);
    if (!wasm) {
        return std::unexpected(std::move(wasm.error()));
    }
    return ModulePackage{.module = folder / opened->module, .wasm = std::move(*wasm)};
}

// A module by itself: its glue may lie beside it.
Result<ModulePackage> from_module(const std::filesystem::path& path, std::string wasm,
                                  const glue::PackageLimits& limits) {
    const auto shape = shape_of(wasm);
    const auto carried = sandbox::find_custom_section(base::as_bytes(wasm), glue::kBindingsSection);
    if (shape && carried && !*carried && glue::is_bindgen_module(*shape)) {
        std::error_code failed;
        const auto folder = std::filesystem::absolute(path, failed).parent_path();
        if (const auto files =
                glue::PackageFiles::from_directory(folder, limits, glue::Depth::kBeside)) {
            const auto opened = glue::open_package(*files, path.filename().string(), shape_of);
            if (opened && opened->bindings && !opened->bindings->source.glue.empty()) {
                auto bound = with_bindings(std::move(wasm), opened->bindings);
                if (!bound) {
                    return std::unexpected(std::move(bound.error()));
                }
                wasm = std::move(*bound);
            }
        }
    }
    return ModulePackage{.module = path, .wasm = std::move(wasm)};
}

Result<ModulePackage> read_package(const std::filesystem::path& path,
                                   const glue::PackageLimits& limits) {
    std::error_code failed;
    if (std::filesystem::is_directory(path, failed)) {
        return from_files(path, glue::PackageFiles::from_directory(path, limits));
    }
    auto bytes =
        registry::read_file(path, is_tarball(path) ? kMaxTarballBytes : limits.module_bytes);
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    return is_tarball(path) ? from_files({}, glue::PackageFiles::from_tarball(*bytes, limits))
                            : from_module(path, std::move(*bytes), limits);
}

}  // namespace

Result<ModulePackage> read_module_package(const std::filesystem::path& path,
                                          std::uint64_t max_bytes) {
    auto read = read_package(path, {.module_bytes = max_bytes});
    if (!read) {
        return std::unexpected(std::move(read.error()));
    }
    ModulePackage& package = *read;
    const auto beside = package.module.parent_path() / "conventions.json";
    std::error_code failed;
    if (is_tarball(path) || !std::filesystem::exists(beside, failed)) {
        return package;
    }
    auto text = registry::read_file(beside, kMaxConventionsBytes);
    if (!text) {
        return std::unexpected(std::move(text.error()));
    }
    auto json = envelope::parse_json(*text);
    if (!json) {
        json.error().message = beside.string() + ": " + json.error().message;
        return std::unexpected(std::move(json.error()));
    }
    package.conventions = std::move(*json);
    return package;
}

}  // namespace realm::app
