// `realm serve` goes into its small room: the two steps, and what happens where one is impossible.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "process/landlock.h"
#include "telemetry/log.h"

namespace realm::app {

// The files and the port that a server with these settings needs after confine_files().
process::FileRules server_files(const config::Settings& settings);

// Lives on the main thread while the server starts. What fails is an error where the settings
// require the lockdown, else a warning in the log.
class Lockdown {
public:
    Lockdown(const config::Settings& settings, telemetry::Logger logger);

    [[nodiscard]] bool wanted() const { return wanted_; }

    // While there is one thread, once every process that the server needs has been started.
    Result<void> confine_files();
    // When everything is up, before the first request. Logs what is in force.
    Result<void> confine_calls();

private:
    Result<void> judge(Result<void> outcome);

    const config::Settings& settings_;
    telemetry::Logger logger_;
    bool wanted_;
    int landlock_ = 0;  // the ABI in force
    bool calls_ = false;
};

}  // namespace realm::app
