// What the commands share: settings from all sources, errors to people or programs.

#include <unistd.h>

#include <iostream>
#include <utility>

#include "app/commands.h"
#include "envelope/envelope.h"
#include "envelope/error_table.h"

namespace realm::app {

Result<config::Settings> settings_from(const CommonOptions& common, config::Settings defaults) {
    std::optional<std::filesystem::path> file;
    if (common.config_file) {
        file = *common.config_file;
    }
    auto settings = config::load_settings(file, config::process_environment(), std::move(defaults));
    if (!settings) {
        return settings;
    }
    for (const CommonOptions::Override& change : common.overrides) {
        auto applied = config::apply_setting(*settings, change.key, change.text, change.flag);
        if (!applied) {
            return std::unexpected(std::move(applied.error()));
        }
    }
    return settings;
}

int report(const CommonOptions& common, const Error& error) {
    if (common.json) {
        const envelope::Json json = {{"error", envelope::to_json(error)}};
        std::cerr << envelope::dump(json) << '\n';
    } else {
        const bool colour = ::isatty(STDERR_FILENO) == 1;
        std::cerr << (colour ? "\x1b[31mrealm:\x1b[0m " : "realm: ") << error.message << '\n';
        for (const std::string& around : error.context) {
            std::cerr << "  in " << around << '\n';
        }
    }
    return envelope::error_row(error.type).exit_code;
}

}  // namespace realm::app
