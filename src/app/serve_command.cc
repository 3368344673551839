#include "app/commands.h"
#include "app/server.h"
#include "telemetry/log.h"

namespace realm::app {

int serve_command(const CommonOptions& common) {
    auto settings = settings_from(common);
    if (!settings) {
        return report(common, settings.error());
    }
    const auto logger = telemetry::Logger::to_stderr(
        static_cast<telemetry::Level>(settings->server.log_level),
        static_cast<telemetry::LogFormat>(settings->server.log_format));
    if (auto served = serve(*settings, logger); !served) {
        return report(common, served.error());
    }
    return 0;
}

}  // namespace realm::app
