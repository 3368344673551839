#include "registry/cache_directory.h"

namespace realm::registry {

namespace fs = std::filesystem;

Result<fs::path> cache_directory(const Environment& environment) {
    const auto value = [&](const char* name) {
        auto text = environment(name);
        return text && !text->empty() ? text : std::nullopt;
    };
    if (const auto cache = value("REALM_CACHE_DIR")) {
        return fs::path(*cache);
    }
    if (const auto cache = value("XDG_CACHE_HOME"); cache && fs::path(*cache).is_absolute()) {
        return fs::path(*cache) / "realm";
    }
    if (const auto home = value("HOME")) {
        return fs::path(*home) / ".cache" / "realm";
    }
    return fail(ErrorType::kInvalidRequest, "no_cache_directory",
                "no place for models: set REALM_CACHE_DIR, XDG_CACHE_HOME or HOME");
}

}  // namespace realm::registry
