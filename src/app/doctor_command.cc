// `realm doctor`.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "app/commands.h"
#include "app/doctor.h"
#include "envelope/envelope.h"

namespace realm::app {
namespace {

struct Mark {
    std::string_view word;
    std::string_view colour;
};

Mark mark_of(Health health) {
    switch (health) {
        case Health::kOk:
            return {"ok", "\x1b[32m"};
        case Health::kWarning:
            return {"warning", "\x1b[33m"};
        case Health::kProblem:
            return {"problem", "\x1b[31m"};
    }
    return {"problem", "\x1b[31m"};
}

void print(const std::vector<Finding>& findings) {
    const bool colour = ::isatty(STDOUT_FILENO) == 1;
    for (const Finding& finding : findings) {
        const Mark mark = mark_of(finding.health);
        std::cout << fmt::format("{}{:<8}{} {:<16} {}\n", colour ? mark.colour : "", mark.word,
                                 colour ? "\x1b[0m" : "", finding.subject, finding.detail);
        if (!finding.advice.empty()) {
            std::cout << fmt::format("{:<26}-> {}\n", "", finding.advice);
        }
    }
}

void print_json(const std::vector<Finding>& findings) {
    envelope::Json list = envelope::Json::array();
    for (const Finding& finding : findings) {
        list.push_back({{"subject", finding.subject},
                        {"health", mark_of(finding.health).word},
                        {"detail", finding.detail},
                        {"advice", finding.advice}});
    }
    std::cout << envelope::dump(list) << '\n';
}

}  // namespace

int doctor_command(const CommonOptions& common) {
    auto settings = settings_from(common);
    if (!settings) {
        return report(common, settings.error());
    }
    const std::vector<Finding> findings = examine(*settings);
    if (common.json) {
        print_json(findings);
    } else {
        print(findings);
    }
    const bool problem = std::ranges::any_of(
        findings, [](const Finding& finding) { return finding.health == Health::kProblem; });
    return problem ? 1 : 0;
}

int settings_command(const CommonOptions& common) {
    envelope::Json list = envelope::Json::array();
    for (const config::SettingDescription& setting : config::setting_descriptions()) {
        if (common.json) {
            list.push_back({{"key", setting.key},
                            {"environment", setting.environment},
                            {"allowed", setting.allowed},
                            {"default", setting.default_value},
                            {"meaning", setting.meaning}});
        } else {
            std::cout << fmt::format("{} = {}\n    {} ({}{}{})\n", setting.key,
                                     setting.default_value.empty() ? "\"\"" : setting.default_value,
                                     setting.meaning, setting.allowed,
                                     setting.environment.empty() ? "" : "; ", setting.environment);
        }
    }
    if (common.json) {
        std::cout << envelope::dump(list) << '\n';
    }
    return 0;
}

}  // namespace realm::app
