#include "config/toml_source.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "config/setting_table.h"

namespace realm::config {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr double kMaxWeight = 1000.0;
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kHashDigits = 64;
constexpr std::array<std::string_view, 4> kTenantKeys{"name", "keys", "weight", "limits"};

std::string number_text(double value) {
    std::array<char, 40> buffer{};
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    return {buffer.data(), result.ptr};
}

RawValue raw_value(const toml::node& node) {
    if (const auto* text = node.as_string()) {
        return text->get();
    }
    if (const auto* number = node.as_integer()) {
        return number->get();
    }
    if (const auto* number = node.as_floating_point()) {
        return number->get();
    }
    if (const auto* flag = node.as_boolean()) {
        return flag->get();
    }
    return {};
}

std::string shown_value(const toml::node& node) {
    if (const auto* text = node.as_string()) {
        return quote_text(text->get());
    }
    if (const auto* number = node.as_integer()) {
        return std::to_string(number->get());
    }
    if (const auto* number = node.as_floating_point()) {
        return number_text(number->get());
    }
    if (const auto* flag = node.as_boolean()) {
        return flag->get() ? "true" : "false";
    }
    if (node.is_table()) {
        return "a table";
    }
    if (node.is_array()) {
        return "a list";
    }
    return "a date or a time";
}

bool is_tenant_name(std::string_view name) {
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, is_allowed);
}

bool is_key_hash(std::string_view text) {
    if (!text.starts_with(kHashPrefix)) {
        return false;
    }
    text.remove_prefix(kHashPrefix.size());
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() == kHashDigits && std::ranges::all_of(text, is_digit);
}

std::string value_error(std::string_view key, std::string_view shown, std::string_view allowed) {
    return std::string(key).append(" is ").append(shown).append(", allowed is ").append(allowed);
}

// Walks one document. Lives for one call of apply_toml.
class TomlReader {
public:
    TomlReader(Settings& settings, std::string_view file) : settings_(settings), file_(file) {}

    Result<void> read(const toml::table& document) {
        for (const auto& [key, node] : document) {
            if (auto read = read_top(key, node); !read) {
                return read;
            }
        }
        return {};
    }

private:
    [[nodiscard]] std::string origin(const toml::source_region& region) const {
        return std::string(file_) + ":" + std::to_string(region.begin.line);
    }

    Result<void> read_top(const toml::key& key, const toml::node& node) {
        if (key.str() == "tenants") {
            return read_tenants(node);
        }
        const auto is_in_section = [&key](const SettingRow& row) {
            return row.key.substr(0, row.key.find('.')) == key.str();
        };
        if (std::ranges::none_of(setting_table(), is_in_section)) {
            return unknown_setting(origin(key.source()), key.str(), known_names());
        }
        if (!node.is_table()) {
            return config_error(origin(node.source()),
                                value_error(key.str(), shown_value(node),
                                            "a table ([" + std::string(key.str()) + "])"));
        }
        return read_section(key.str(), *node.as_table());
    }

    Result<void> read_section(std::string_view section, const toml::table& table) {
        for (const auto& [key, node] : table) {
            const std::string name = std::string(section) + "." + std::string(key.str());
            const SettingRow* const row = find_setting(name);
            if (row == nullptr) {
                return unknown_setting(origin(key.source()), name, known_names());
            }
            auto set = set_value(settings_, *row, raw_value(node), shown_value(node),
                                 origin(node.source()));
            if (!set) {
                return set;
            }
        }
        return {};
    }

    Result<void> read_tenants(const toml::node& node) {
        const toml::array* const list = node.as_array();
        if (list == nullptr) {
            return config_error(
                origin(node.source()),
                value_error("tenants", shown_value(node), "a list of tables ([[tenants]])"));
        }
        settings_.tenants.clear();
        for (std::size_t i = 0; i < list->size(); ++i) {
            const toml::node& entry = (*list)[i];
            const std::string name = "tenants[" + std::to_string(i) + "]";
            if (!entry.is_table()) {
                return config_error(origin(entry.source()),
                                    value_error(name, shown_value(entry), "a table"));
            }
            if (auto read = read_tenant(name, *entry.as_table()); !read) {
                return read;
            }
        }
        return {};
    }

    Result<void> read_tenant(const std::string& prefix, const toml::table& table) {
        if (auto known = check_tenant_keys(prefix, table); !known) {
            return known;
        }
        TenantSettings tenant;
        if (auto read = read_name(prefix, table, tenant); !read) {
            return read;
        }
        if (auto read = read_weight(prefix, table, tenant); !read) {
            return read;
        }
        if (auto read = read_keys(prefix, table, tenant); !read) {
            return read;
        }
        if (auto read = read_limits(prefix + ".limits", table, tenant); !read) {
            return read;
        }
        settings_.tenants.push_back(std::move(tenant));
        return {};
    }

    Result<void> check_tenant_keys(const std::string& prefix, const toml::table& table) const {
        std::vector<std::string> names;
        for (const std::string_view key : kTenantKeys) {
            names.push_back(prefix + "." + std::string(key));
        }
        const std::vector<std::string_view> known(names.begin(), names.end());
        for (const auto& [key, node] : table) {
            if (std::ranges::find(kTenantKeys, key.str()) == kTenantKeys.end()) {
                return unknown_setting(origin(key.source()), prefix + "." + std::string(key.str()),
                                       known);
            }
        }
        return {};
    }

    Result<void> read_name(const std::string& prefix, const toml::table& table,
                           TenantSettings& tenant) const {
        const std::string key = prefix + ".name";
        const toml::node* const node = table.get("name");
        if (node == nullptr) {
            return config_error(origin(table.source()), key + " is missing");
        }
        const auto* const text = node->as_string();
        if (text == nullptr || !is_tenant_name(text->get())) {
            return config_error(
                origin(node->source()),
                value_error(key, shown_value(*node), "1 to 64 letters, digits, '.', '_', '-'"));
        }
        if (std::ranges::find(settings_.tenants, text->get(), &TenantSettings::name) !=
            settings_.tenants.end()) {
            return config_error(origin(node->source()),
                                key + " is " + quote_text(text->get()) +
                                    ", which an earlier tenant is called already");
        }
        tenant.name = text->get();
        return {};
    }

    Result<void> read_weight(const std::string& prefix, const toml::table& table,
                             TenantSettings& tenant) const {
        const toml::node* const node = table.get("weight");
        if (node == nullptr) {
            return {};
        }
        const auto weight = node->is_number() ? node->value<double>() : std::nullopt;
        // Written so that NaN, which is not above 0, is refused too.
        if (!weight || !(*weight > 0.0) || !(*weight <= kMaxWeight)) {
            return config_error(origin(node->source()),
                                value_error(prefix + ".weight", shown_value(*node),
                                            "a number above 0, at most 1000"));
        }
        tenant.weight = *weight;
        return {};
    }

    Result<void> read_limits(const std::string& prefix, const toml::table& table,
                             TenantSettings& tenant) const {
        const toml::node* const node = table.get("limits");
        if (node == nullptr) {
            return {};
        }
        if (!node->is_table()) {
            return config_error(origin(node->source()), value_error(prefix, shown_value(*node),
                                                                    "a table ([tenants.limits])"));
        }
        for (const auto& [key, value] : *node->as_table()) {
            const std::string name = prefix + "." + std::string(key.str());
            const SettingRow* const row = find_run_limit(key.str());
            if (row == nullptr) {
                return unknown_limit(origin(key.source()), prefix, name);
            }
            // Checked as the server's own value is.
            Settings scratch;
            const RawValue raw = raw_value(value);
            if (!set_value(scratch, *row, raw, "", "")) {
                return config_error(origin(value.source()),
                                    value_error(name, shown_value(value), allowed_text(*row)));
            }
            tenant.limits.emplace(key.str(), std::get<std::int64_t>(raw));
        }
        return {};
    }

    static Result<void> unknown_limit(const std::string& where, const std::string& prefix,
                                      const std::string& name) {
        std::vector<std::string> names;
        for (const std::string_view limit : run_limit_names()) {
            names.push_back(prefix + "." + std::string(limit));
        }
        const std::vector<std::string_view> known(names.begin(), names.end());
        return unknown_setting(where, name, known);
    }

    Result<void> read_keys(const std::string& prefix, const toml::table& table,
                           TenantSettings& tenant) const {
        const std::string key = prefix + ".keys";
        const toml::node* const node = table.get("keys");
        if (node == nullptr) {
            return config_error(origin(table.source()),
                                key + " is missing; `realm key hash` makes the hash of a key");
        }
        const toml::array* const list = node->as_array();
        if (list == nullptr || list->empty()) {
            return config_error(origin(node->source()),
                                value_error(key, list == nullptr ? shown_value(*node) : "empty",
                                            "a list of one or more key hashes"));
        }
        for (std::size_t i = 0; i < list->size(); ++i) {
            const std::string name = key + "[" + std::to_string(i) + "]";
            if (auto read = read_key(name, (*list)[i], tenant); !read) {
                return read;
            }
        }
        return {};
    }

    // The value is never shown: it may be a key that was put here instead of its hash.
    Result<void> read_key(const std::string& name, const toml::node& node,
                          TenantSettings& tenant) const {
        const auto* const text = node.as_string();
        if (text == nullptr || !is_key_hash(text->get())) {
            return config_error(origin(node.source()),
                                name +
                                    " is not the hash of a key; allowed is sha256: and 64 "
                                    "lower-case hexadecimal digits, as `realm key hash` prints");
        }
        const auto has_it = [&text](const TenantSettings& other) {
            return std::ranges::find(other.keys, text->get()) != other.keys.end();
        };
        const auto owner = std::ranges::find_if(settings_.tenants, has_it);
        if (owner != settings_.tenants.end() || has_it(tenant)) {
            const std::string& holder =
                owner == settings_.tenants.end() ? tenant.name : owner->name;
            return config_error(origin(node.source()), name + " is a key that tenant " +
                                                           quote_text(holder) + " has already");
        }
        tenant.keys.push_back(text->get());
        return {};
    }

    Settings& settings_;
    std::string_view file_;
};

}  // namespace

Result<void> apply_toml(Settings& settings, std::string_view text, std::string_view file) {
    try {
        const toml::table document = toml::parse(text, file);
        return TomlReader(settings, file).read(document);
    } catch (const toml::parse_error& error) {
        return config_error(std::string(file) + ":" + std::to_string(error.source().begin.line),
                            "no valid TOML: " + std::string(error.description()));
    }
}

}  // namespace realm::config
