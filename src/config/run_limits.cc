#include "config/run_limits.h"

#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/setting_table.h"
#include "config/suggestion.h"

namespace realm::config {
namespace {

constexpr std::string_view kSection = "limits.";

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorType::kInvalidRequest, "invalid_limit", std::move(message));
}

std::unexpected<Error> unknown_limit(std::string_view name) {
    std::vector<std::string_view> known;
    for (const SettingRow& row : setting_table()) {
        if (row.scope == SettingScope::kRun) {
            known.push_back(row.key.substr(kSection.size()));
        }
    }
    std::string message = "no limit of a run is called " + quote_text(name);
    if (const auto suggestion = suggest(name, known)) {
        message += "; did you mean \"" + *suggestion + "\"?";
    }
    return refuse(std::move(message));
}

// The row of a run's limit; null when none has that name.
const SettingRow* find_limit(std::string_view name) {
    const SettingRow* const row = find_setting(std::string(kSection).append(name));
    return row != nullptr && row->scope == SettingScope::kRun ? row : nullptr;
}

}  // namespace

Result<Limits> narrowed(const Limits& tenant, const LimitValues& asked) {
    Settings settings;
    settings.limits = tenant;
    for (const auto& [name, value] : asked) {
        const SettingRow* const row = find_limit(name);
        if (row == nullptr) {
            return unknown_limit(name);
        }
        const auto& slot = std::get<IntegerSlot>(row->slot);
        const std::int64_t most = slot.get(settings);
        if (value < slot.minimum || value > slot.maximum) {
            return refuse(std::string(row->key) + " is " + std::to_string(value) + ", allowed is " +
                          allowed_text(*row));
        }
        if (value > most) {
            return refuse(std::string(row->key) + " is " + std::to_string(value) +
                          ", above the tenant's limit of " + std::to_string(most));
        }
        slot.set(settings, value);
    }
    return settings.limits;
}

}  // namespace realm::config
