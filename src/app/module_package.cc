#include "app/module_package.h"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "envelope/envelope.h"
#include "registry/file_util.h"

namespace realm::app {
namespace {

constexpr std::uint64_t kMaxConventionsBytes = std::uint64_t{16} << 20;

std::vector<std::filesystem::path> modules_below(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> found;
    std::error_code failed;
    using std::filesystem::directory_options;
    for (auto it = std::filesystem::recursive_directory_iterator(
             directory, directory_options::skip_permission_denied, failed);
         !failed && it != std::filesystem::recursive_directory_iterator(); it.increment(failed)) {
        if (it->path().filename() == "node_modules") {
            it.disable_recursion_pending();
        } else if (it->path().extension() == ".wasm") {
            found.push_back(it->path());
        }
    }
    std::ranges::sort(found);
    return found;
}

Result<std::filesystem::path> find_module(const std::filesystem::path& path) {
    std::error_code failed;
    if (!std::filesystem::is_directory(path, failed)) {
        return path;
    }
    auto found = modules_below(path);
    if (found.size() > 1) {
        std::erase_if(found, [](const auto& module) {
            return !module.filename().string().ends_with("_bg.wasm");
        });
    }
    if (found.size() == 1) {
        return found.front();
    }
    return fail(ErrorType::kInvalidRequest, "invalid_package",
                "the directory '" + path.string() + "' holds " +
                    (found.empty() ? "no module, or several of which none ends in _bg.wasm"
                                   : "several modules that end in _bg.wasm") +
                    "; name the .wasm file itself");
}

}  // namespace

Result<ModulePackage> read_module_package(const std::filesystem::path& path,
                                          std::uint64_t max_bytes) {
    auto module = find_module(path);
    if (!module) {
        return std::unexpected(std::move(module.error()));
    }
    auto wasm = registry::read_file(*module, max_bytes);
    if (!wasm) {
        return std::unexpected(std::move(wasm.error()));
    }
    ModulePackage package{.module = std::move(*module), .wasm = std::move(*wasm)};
    const auto beside = package.module.parent_path() / "conventions.json";
    std::error_code failed;
    if (!std::filesystem::exists(beside, failed)) {
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
