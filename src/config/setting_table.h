// The one table of settings: TOML key, environment variable, range, meaning. Internal to config.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "config/settings.h"

namespace realm::config {

// A value before it is known whether the setting takes it; none for what no setting takes.
using RawValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct IntegerSlot {
    std::int64_t minimum = 0;
    std::int64_t maximum = 0;
    std::int64_t (*get)(const Settings&) = nullptr;
    void (*set)(Settings&, std::int64_t) = nullptr;
};

struct BooleanSlot {
    bool (*get)(const Settings&) = nullptr;
    void (*set)(Settings&, bool) = nullptr;
};

struct TextSlot {
    bool (*accepts)(const std::string&) = nullptr;
    std::string_view allowed;
    const std::string& (*get)(const Settings&) = nullptr;
    void (*set)(Settings&, std::string) = nullptr;
};

// One word of a list; the index into the list is the enumerator's value.
struct ChoiceSlot {
    std::span<const std::string_view> words;
    std::size_t (*get)(const Settings&) = nullptr;
    void (*set)(Settings&, std::size_t) = nullptr;
};

using Slot = std::variant<IntegerSlot, BooleanSlot, TextSlot, ChoiceSlot>;

// kRun: a limit of each run, which tenants and programs may have values of their own for.
enum class SettingScope : std::uint8_t { kServer, kRun };

struct SettingRow {
    std::string_view key;
    std::string_view environment;
    Slot slot;
    std::string_view meaning;
    SettingScope scope = SettingScope::kServer;
};

std::span<const SettingRow> setting_table();

// The row of that key; null when there is none.
const SettingRow* find_setting(std::string_view key);

// The row of a run's limit, by its name without the section; null when there is none.
const SettingRow* find_run_limit(std::string_view name);
std::vector<std::string_view> run_limit_names();

// What the row accepts, in words, and its value in `settings` as text.
std::string allowed_text(const SettingRow& row);
std::string value_text(const SettingRow& row, const Settings& settings);

// `shown` is the value as its author wrote it, for the error.
Result<void> set_value(Settings& settings, const SettingRow& row, const RawValue& value,
                       std::string_view shown, std::string_view origin);
// Reads `text` as the kind of value that the row takes.
Result<void> set_text(Settings& settings, const SettingRow& row, std::string_view text,
                      std::string_view origin);

// `origin: what`, as invalid_request/invalid_config.
std::unexpected<Error> config_error(std::string_view origin, std::string_view what);
// The error for a key that no row has; `known` are the names to suggest from.
std::unexpected<Error> unknown_setting(std::string_view origin, std::string_view key,
                                       std::span<const std::string_view> known);
// The keys of the table and the names of its sections.
std::span<const std::string_view> known_names();

// In quotes, line ends and control characters escaped, cut after 60 characters.
std::string quote_text(std::string_view text);

}  // namespace realm::config
