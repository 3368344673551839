#include "app/commands.h"
#include "process/lockdown.h"
#include "registry/compile_broker.h"

namespace realm::app {
namespace {

// What the kernel cannot do is left out, as in a server whose lockdown is `auto`.
Result<void> confine_child() {
    return process::built_with_sanitizer() ? Result<void>() : process::lock_down_compiler();
}

}  // namespace

int compile_broker_command() {
    if (auto served = registry::run_compile_broker(confine_child); !served) {
        return report({}, served.error());
    }
    return 0;
}

}  // namespace realm::app
