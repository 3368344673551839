#include "config/setting_table.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "config/suggestion.h"

namespace realm::config {
namespace {

constexpr std::size_t kShownBytes = 60;
constexpr std::string_view kLimits = "limits.";

std::string joined(std::span<const std::string_view> words) {
    std::string list;
    for (const std::string_view word : words) {
        if (!list.empty()) {
            list += ", ";
        }
        list += word;
    }
    return list;
}

struct AllowedText {
    std::string operator()(const IntegerSlot& slot) const {
        return "an integer from " + std::to_string(slot.minimum) + " to " +
               std::to_string(slot.maximum);
    }
    std::string operator()(const BooleanSlot&) const { return "true or false"; }
    std::string operator()(const TextSlot& slot) const { return std::string(slot.allowed); }
    std::string operator()(const ChoiceSlot& slot) const { return "one of " + joined(slot.words); }
};

struct ValueText {
    const Settings& settings;

    std::string operator()(const IntegerSlot& slot) const {
        return std::to_string(slot.get(settings));
    }
    std::string operator()(const BooleanSlot& slot) const {
        return slot.get(settings) ? "true" : "false";
    }
    std::string operator()(const TextSlot& slot) const { return slot.get(settings); }
    std::string operator()(const ChoiceSlot& slot) const {
        return std::string(slot.words[slot.get(settings)]);
    }
};

// True when the slot took the value.
struct Set {
    Settings& settings;
    const RawValue& value;

    bool operator()(const IntegerSlot& slot) const {
        const auto* number = std::get_if<std::int64_t>(&value);
        if (number == nullptr || *number < slot.minimum || *number > slot.maximum) {
            return false;
        }
        slot.set(settings, *number);
        return true;
    }
    bool operator()(const BooleanSlot& slot) const {
        const auto* flag = std::get_if<bool>(&value);
        if (flag == nullptr) {
            return false;
        }
        slot.set(settings, *flag);
        return true;
    }
    bool operator()(const TextSlot& slot) const {
        const auto* words = std::get_if<std::string>(&value);
        if (words == nullptr || !slot.accepts(*words)) {
            return false;
        }
        slot.set(settings, *words);
        return true;
    }
    bool operator()(const ChoiceSlot& slot) const {
        const auto* word = std::get_if<std::string>(&value);
        if (word == nullptr) {
            return false;
        }
        const auto* const found = std::find(
            slot.words.data(), slot.words.data() + slot.words.size(), std::string_view(*word));
        const auto index = static_cast<std::size_t>(found - slot.words.data());
        if (index == slot.words.size()) {
            return false;
        }
        slot.set(settings, index);
        return true;
    }
};

struct FromText {
    std::string_view text;

    RawValue operator()(const IntegerSlot&) const {
        std::int64_t number = 0;
        const auto* const end = text.data() + text.size();
        const auto result = std::from_chars(text.data(), end, number);
        if (result.ec != std::errc{} || result.ptr != end) {
            return {};
        }
        return number;
    }
    RawValue operator()(const BooleanSlot&) const {
        if (text == "true" || text == "1") {
            return true;
        }
        if (text == "false" || text == "0") {
            return false;
        }
        return {};
    }
    RawValue operator()(const TextSlot&) const { return std::string(text); }
    RawValue operator()(const ChoiceSlot&) const { return std::string(text); }
};

std::vector<std::string_view> list_names() {
    std::vector<std::string_view> names{"tenants"};
    for (const SettingRow& row : setting_table()) {
        names.push_back(row.key);
        const std::string_view section = row.key.substr(0, row.key.find('.'));
        if (std::ranges::find(names, section) == names.end()) {
            names.push_back(section);
        }
    }
    return names;
}

std::vector<SettingDescription> describe_all() {
    const Settings defaults;
    std::vector<SettingDescription> list;
    for (const SettingRow& row : setting_table()) {
        list.push_back({.key = std::string(row.key),
                        .environment = std::string(row.environment),
                        .allowed = allowed_text(row),
                        .default_value = value_text(row, defaults),
                        .meaning = std::string(row.meaning)});
    }
    list.push_back(
        {.key = "tenants[].name",
         .environment = {},
         .allowed = "1 to 64 letters, digits, '.', '_', '-'",
         .default_value = {},
         .meaning = "name of a tenant; without any, all requests are one local tenant's"});
    list.push_back({.key = "tenants[].keys",
                    .environment = {},
                    .allowed = "one or more texts of sha256: and 64 lower-case hexadecimal digits",
                    .default_value = {},
                    .meaning = "hashes of the tenant's API keys (realm key hash)"});
    list.push_back({.key = "tenants[].weight",
                    .environment = {},
                    .allowed = "a number above 0, at most 1000",
                    .default_value = "1",
                    .meaning = "the tenant's share of the model against other tenants"});
    list.push_back({.key = "tenants[].limits",
                    .environment = {},
                    .allowed = "a table of limits of one run, by their names and in their ranges",
                    .default_value = {},
                    .meaning = "limits of the tenant's runs that are not the server's"});
    return list;
}

}  // namespace

const SettingRow* find_setting(std::string_view key) {
    const std::span<const SettingRow> table = setting_table();
    const auto found = std::ranges::find(table, key, &SettingRow::key);
    return found == table.end() ? nullptr : &*found;
}

const SettingRow* find_run_limit(std::string_view name) {
    const SettingRow* const row = find_setting(std::string(kLimits).append(name));
    return row != nullptr && row->scope == SettingScope::kRun ? row : nullptr;
}

std::vector<std::string_view> run_limit_names() {
    std::vector<std::string_view> names;
    for (const SettingRow& row : setting_table()) {
        if (row.scope == SettingScope::kRun) {
            names.push_back(row.key.substr(kLimits.size()));
        }
    }
    return names;
}

std::string allowed_text(const SettingRow& row) {
    return std::visit(AllowedText{}, row.slot);
}

std::string value_text(const SettingRow& row, const Settings& settings) {
    return std::visit(ValueText{settings}, row.slot);
}

std::unexpected<Error> config_error(std::string_view origin, std::string_view what) {
    std::string message(origin);
    message += ": ";
    message += what;
    return fail(ErrorType::kInvalidRequest, "invalid_config", std::move(message));
}

Result<void> set_value(Settings& settings, const SettingRow& row, const RawValue& value,
                       std::string_view shown, std::string_view origin) {
    if (std::visit(Set{settings, value}, row.slot)) {
        return {};
    }
    std::string what(row.key);
    what += " is ";
    what += shown;
    what += ", allowed is ";
    what += allowed_text(row);
    return config_error(origin, what);
}

Result<void> set_text(Settings& settings, const SettingRow& row, std::string_view text,
                      std::string_view origin) {
    const RawValue value = std::visit(FromText{text}, row.slot);
    const std::string shown = std::holds_alternative<std::int64_t>(value)
                                  ? std::to_string(std::get<std::int64_t>(value))
                                  : quote_text(text);
    return set_value(settings, row, value, shown, origin);
}

std::unexpected<Error> unknown_setting(std::string_view origin, std::string_view key,
                                       std::span<const std::string_view> known) {
    std::string what = "unknown setting " + quote_text(key);
    if (const auto suggestion = suggest(key, known)) {
        what += "; did you mean \"" + *suggestion + "\"?";
    }
    return config_error(origin, what);
}

std::span<const std::string_view> known_names() {
    static const std::vector<std::string_view> kNames = list_names();
    return kNames;
}

std::span<const SettingDescription> setting_descriptions() {
    static const std::vector<SettingDescription> kDescriptions = describe_all();
    return kDescriptions;
}

Result<void> apply_setting(Settings& settings, std::string_view key, std::string_view text,
                           std::string_view origin) {
    const SettingRow* const row = find_setting(key);
    if (row == nullptr) {
        return unknown_setting(origin, key, known_names());
    }
    return set_text(settings, *row, text, origin);
}

std::string quote_text(std::string_view text) {
    std::string_view shown = text.substr(0, kShownBytes);
    if (shown.size() < text.size() && base::is_utf8(text)) {
        while (!base::is_utf8(shown)) {
            shown.remove_suffix(1);  // do not cut a character in two
        }
    }
    std::string out = "\"";
    for (const char byte : shown) {
        const auto code = static_cast<unsigned char>(byte);
        if (code < 0x20 || code == 0x7f) {
            out += "\\x" + base::to_hex(base::as_bytes(std::string_view(&byte, 1)));
        } else {
            out += byte;
        }
    }
    out += shown.size() < text.size() ? "...\"" : "\"";
    return out;
}

}  // namespace realm::config
