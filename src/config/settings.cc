#include "config/settings.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ios>
#include <optional>
#include <string>
#include <system_error>

#include "config/setting_table.h"
#include "config/toml_source.h"

namespace realm::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr const char* kFileVariable = "REALM_CONFIG";

std::optional<std::string> lookup(const Environment& environment, const std::string& name) {
    auto value = environment(name);
    if (value && value->empty()) {
        return std::nullopt;
    }
    return value;
}

// Where the file is looked for when nobody names one.
std::optional<fs::path> default_file(const Environment& environment) {
    fs::path folder;
    if (const auto xdg = lookup(environment, "XDG_CONFIG_HOME")) {
        folder = *xdg;
    }
    if (!folder.is_absolute()) {  // the XDG specification says to ignore such a value
        const auto home = lookup(environment, "HOME");
        if (!home) {
            return std::nullopt;
        }
        folder = fs::path(*home) / ".config";
    }
    fs::path file = folder / "realm" / "realm.toml";
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
        return std::nullopt;
    }
    return file;
}

std::optional<fs::path> choose_file(const std::optional<fs::path>& file,
                                    const Environment& environment) {
    if (file) {
        return file;
    }
    if (const auto named = lookup(environment, kFileVariable)) {
        return fs::path(*named);
    }
    return default_file(environment);
}

Result<std::string> read_file(const fs::path& path) {
    std::error_code failed;
    const fs::file_status status = fs::status(path, failed);
    if (!fs::exists(status)) {
        return config_error(path.string(), "there is no such file");
    }
    if (fs::is_directory(status)) {
        return config_error(path.string(), "this is a folder, no file");
    }
    std::ifstream input(path, std::ios::binary);
    if (!input) {
        const std::string reason = std::strerror(errno);
        return config_error(path.string(), "the file cannot be read: " + reason);
    }
    std::string text(kMaxFileBytes + 1, '\0');
    input.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (input.bad()) {
        return config_error(path.string(), "the file cannot be read");
    }
    text.resize(static_cast<std::size_t>(input.gcount()));
    if (text.size() > kMaxFileBytes) {
        return config_error(path.string(), "the file is larger than 1048576 bytes");
    }
    return text;
}

Result<void> apply_environment(Settings& settings, const Environment& environment) {
    for (const SettingRow& row : setting_table()) {
        const std::string name(row.environment);
        const auto text = lookup(environment, name);
        if (!text) {
            continue;
        }
        if (auto set = set_text(settings, row, *text, name); !set) {
            return set;
        }
    }
    return {};
}

}  // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* const value = std::getenv(name.c_str());
        if (value == nullptr) {
            return std::nullopt;
        }
        return std::string(value);
    };
}

Result<Settings> load_settings(const std::optional<std::filesystem::path>& file,
                               const Environment& environment, Settings settings) {
    settings.file = choose_file(file, environment);
    if (settings.file) {
        const auto text = read_file(*settings.file);
        if (!text) {
            return std::unexpected(text.error());
        }
        auto applied = apply_toml(settings, *text, settings.file->string());
        if (!applied) {
            return std::unexpected(applied.error());
        }
    }
    if (auto applied = apply_environment(settings, environment); !applied) {
        return std::unexpected(applied.error());
    }
    return settings;
}

}  // namespace realm::config
