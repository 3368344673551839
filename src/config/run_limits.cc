#include "config/run_limits.h"

#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/setting_table.h"
#include "config/suggestion.h"

namespace realm::config {
namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorType::kInvalidRequest, "invalid_limit", std::move(message));
}

std::unexpected<Error> unknown_limit(std::string_view name) {
    std::string message = "no limit of a run is called " + quote_text(name);
    const auto known = run_limit_names();
    if (const auto suggestion = suggest(name, known)) {
        message += "; did you mean \"" + *suggestion + "\"?";
    }
    return refuse(std::move(message));
}

}  // namespace

Result<Limits> overridden(const Limits& limits, const LimitValues& values) {
    Settings settings;
    settings.limits = limits;
    for (const auto& [name, value] : values) {
        const SettingRow* const row = find_run_limit(name);
        if (row == nullptr) {
            return unknown_limit(name);
        }
        const auto& slot = std::get<IntegerSlot>(row->slot);
        if (value < slot.minimum || value > slot.maximum) {
            return refuse(std::string(row->key) + " is " + std::to_string(value) + ", allowed is " +
                          allowed_text(*row));
        }
        slot.set(settings, value);
    }
    return settings.limits;
}

Result<Limits> narrowed(const Limits& tenant, const LimitValues& asked) {
    auto limits = overridden(tenant, asked);
    if (!limits) {
        return limits;
    }
    Settings settings;
    settings.limits = tenant;
    for (const auto& [name, value] : asked) {
        const SettingRow& row = *find_run_limit(name);
        const std::int64_t most = std::get<IntegerSlot>(row.slot).get(settings);
        if (value > most) {
            return refuse(std::string(row.key) + " is " + std::to_string(value) +
                          ", above the tenant's limit of " + std::to_string(most));
        }
    }
    return limits;
}

}  // namespace realm::config
