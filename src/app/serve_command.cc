#include <malloc.h>

#include "app/commands.h"
#include "app/server.h"
#include "telemetry/log.h"

namespace realm::app {
namespace {

constexpr int kLargeBlock = 256 << 10;  // bytes

// Once a large block has been freed, glibc takes later ones from its arenas, which then keep holes:
// a megabyte of spaces for the tokenizer left 2 MB behind each time. With a fixed bound they go
// back to the kernel.
void give_large_blocks_back() {
    static_cast<void>(mallopt(M_MMAP_THRESHOLD, kLargeBlock));
}

}  // namespace

int serve_command(const CommonOptions& common) {
    auto settings = settings_from(common);
    if (!settings) {
        return report(common, settings.error());
    }
    give_large_blocks_back();
    const auto logger = telemetry::Logger::to_stderr(
        static_cast<telemetry::Level>(settings->server.log_level),
        static_cast<telemetry::LogFormat>(settings->server.log_format));
    if (auto served = serve(*settings, logger); !served) {
        return report(common, served.error());
    }
    return 0;
}

}  // namespace realm::app
