#include "process/lockdown.h"

#include <filesystem>
#include <iterator>
#include <system_error>

#include "process/call_profiles.h"

namespace realm::process {

Result<void> confine_server_calls() {
    return server_calls().apply();
}

Result<void> lock_down_compiler(int landlock) {
    if (landlock > 0) {
        if (auto confined = confine_files({}, landlock); !confined) {
            return confined;
        }
    }
    return compiler_calls().apply();
}

std::size_t thread_count() {
    std::error_code unreadable;
    const std::filesystem::directory_iterator threads("/proc/self/task", unreadable);
    return static_cast<std::size_t>(std::distance(begin(threads), end(threads)));
}

bool built_with_sanitizer() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

}  // namespace realm::process
