#include "process/tests/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace realm::process {

std::string in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(body());
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) {
        return "no child";
    }
    return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "exit " + std::to_string(WEXITSTATUS(status));
}

int outcome(long result) {
    return result < 0 ? errno : 0;
}

}  // namespace realm::process
