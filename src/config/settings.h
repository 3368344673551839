// The typed settings of a server and how they come to be: defaults, file, environment, flags.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/limits.h"

namespace realm::config {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };
enum class Lockdown : std::uint8_t { kOff, kAuto, kRequired };

struct ServerSettings {
    std::string address = "127.0.0.1";           // an IP address, or localhost
    std::uint16_t port = 8080;                   // 0: any free one
    std::chrono::milliseconds grace_ms{10'000};  // for running requests when the server stops
    LogLevel log_level = LogLevel::kInfo;
    LogFormat log_format = LogFormat::kText;
    Lockdown lockdown = Lockdown::kAuto;

    friend bool operator==(const ServerSettings&, const ServerSettings&) = default;
};

struct ModelSettings {
    std::string name_or_path;            // a known model's name or a .gguf file; empty: the default
    std::uint32_t context = 32'768;      // KV cells, in tokens, shared by all contexts
    std::uint32_t max_contexts = 64;     // with cells at one time
    std::uint32_t cached_contexts = 64;  // finished ones, kept for their beginnings
    // Where the cells of idle contexts wait while others need the cache; 0: not there.
    std::uint64_t swap_memory_bytes = std::uint64_t{512} << 20;
    std::uint64_t swap_disk_bytes = std::uint64_t{2} << 30;
    std::uint32_t threads = 0;          // 0: one per core that the process may use
    std::uint32_t prefill_chunk = 512;  // tokens of a prompt computed in one step
    bool flash_attention = true;
    bool speculation = true;  // compute guessed tokens where it pays

    friend bool operator==(const ModelSettings&, const ModelSettings&) = default;
};

struct ProgramSettings {
    std::string chat;       // path of the module that answers chats; empty: the built-in one
    std::string directory;  // of what tenants push; empty: realm in the user's data directory

    friend bool operator==(const ProgramSettings&, const ProgramSettings&) = default;
};

struct TenantSettings {
    std::string name;               // 1 to 64 letters, digits, '.', '_', '-'
    std::vector<std::string> keys;  // "sha256:" and 64 lower-case hexadecimal digits, each
    double weight = 1.0;            // share of the model against other tenants; > 0
    LimitValues limits{};           // of its programs' runs, where they are not the server's

    friend bool operator==(const TenantSettings&, const TenantSettings&) = default;
};

// A value; made by load_settings(), then changed by apply_setting() for each flag.
struct Settings {
    ServerSettings server;
    ModelSettings model;
    ProgramSettings program;
    Limits limits;
    std::vector<TenantSettings> tenants;        // none: one local tenant, no keys
    std::optional<std::filesystem::path> file;  // what was read, if any

    friend bool operator==(const Settings&, const Settings&) = default;
};

// Looks up one environment variable. The process's own: see process_environment().
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Reads the environment of the process; call it before other threads change that.
Environment process_environment();

// `settings`, the defaults, then the TOML file (`file`, else $REALM_CONFIG, else realm/realm.toml
// in $XDG_CONFIG_HOME or ~/.config where that exists), then the variables REALM_*. An empty
// variable counts as unset. Errors are invalid_request/invalid_config; the message names the file
// and line (or the variable), the setting, its value and what is allowed.
Result<Settings> load_settings(const std::optional<std::filesystem::path>& file,
                               const Environment& environment, Settings settings = {});

// Sets one setting from text, as a flag gives it. `origin` says in the error where the text came
// from ("--port"). Unknown keys are refused with a suggestion.
Result<void> apply_setting(Settings& settings, std::string_view key, std::string_view text,
                           std::string_view origin);

// For help texts and documentation. `environment` is empty where there is no variable.
struct SettingDescription {
    std::string key;          // "server.port"
    std::string environment;  // "REALM_PORT"
    std::string allowed;      // "an integer from 0 to 65535"
    std::string default_value;
    std::string meaning;
};

// All settings, in the order of the documentation; lives as long as the process. Any thread.
std::span<const SettingDescription> setting_descriptions();

// invalid_request/exposed_without_tenants when the server would answer other machines although
// no tenant has a key.
Result<void> check_exposure(const Settings& settings);

}  // namespace realm::config
