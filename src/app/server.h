// `realm serve`: listens until a signal, then lets running requests finish.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "telemetry/log.h"

namespace realm::app {

// Blocks on the calling thread until SIGINT or SIGTERM; prints "listening on http://ADDRESS:PORT"
// to standard output once requests are taken. A second signal, or the end of the grace period,
// cancels what still runs.
Result<void> serve(const config::Settings& settings, const telemetry::Logger& logger);

}  // namespace realm::app
