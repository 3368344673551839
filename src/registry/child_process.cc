#include "registry/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <system_error>

#include "registry/file_util.h"
#include "registry/spawn.h"

namespace realm::registry {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{64} << 10;
constexpr int kStopCheckMs = 100;
// How often a stopped child is looked at before it is killed: 5 s.
constexpr int kGraceChecks = 50;

std::vector<std::string> merged_environment(const ChildRequest& request) {
    std::vector<std::string> merged;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string_view name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& [added, value] : request.environment) {
            replaced = replaced || added == name;
        }
        if (!replaced) {
            merged.emplace_back(text);
        }
    }
    for (const auto& [name, value] : request.environment) {
        merged.push_back(fmt::format("{}={}", name, value));
    }
    return merged;
}

std::unexpected<Error> start_error(const std::string& program, int error_number) {
    if (error_number == ENOENT) {
        return fail(ErrorType::kUnavailable, "program_missing",
                    fmt::format("'{}' is not installed (not found in PATH)", program));
    }
    return fail(ErrorType::kInternal, "child_failed",
                fmt::format("cannot start '{}': {}", program,
                            std::generic_category().message(error_number)));
}

Result<pid_t> spawn(const ChildRequest& request, int error_pipe) {
    FileActions actions;
    SpawnAttributes attributes;
    posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (request.output == ChildOutput::kToStderr) {
        posix_spawn_file_actions_adddup2(actions.get(), STDERR_FILENO, STDOUT_FILENO);
    } else {
        posix_spawn_file_actions_addopen(actions.get(), STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_adddup2(actions.get(), error_pipe, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(actions.get(), request.directory.c_str());

    std::vector<std::string> arguments = request.arguments;
    std::vector<std::string> environment = merged_environment(request);
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    const std::vector<char*> environment_pointers = pointers_to(environment);
    pid_t child = -1;
    const int error_number =
        ::posix_spawnp(&child, arguments.front().c_str(), actions.get(), attributes.get(),
                       argument_pointers.data(), environment_pointers.data());
    if (error_number != 0) {
        return start_error(arguments.front(), error_number);
    }
    return child;
}

// Reads what is there now; false at the end of the stream.
bool read_available(int fd, std::string& text) {
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kKeptBytes) {
        text.erase(0, text.size() - kKeptBytes);
    }
    return count > 0;
}

// Collects standard error until the child closes it or, once stopped, until it had time to end.
std::string collect(pid_t child, int fd, const std::stop_token& stop) {
    std::string text;
    int checks_left = kGraceChecks;
    bool told = false;
    while (true) {
        pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&readable, 1, kStopCheckMs);
        if (ready > 0 && !read_available(fd, text)) {
            return text;
        }
        if (!stop.stop_requested()) {
            continue;
        }
        if (!told) {
            ::kill(child, SIGTERM);
            told = true;
        }
        if (--checks_left == 0) {
            ::kill(child, SIGKILL);
            return text;
        }
    }
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<ChildResult> run_child(const ChildRequest& request) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return start_error(request.arguments.front(), errno);
    }
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    const auto child = spawn(request, write_end.get());
    write_end.reset();
    if (!child) {
        return std::unexpected(child.error());
    }
    ChildResult result;
    result.error_text = collect(*child, read_end.get(), request.stop);
    result.exit_code = wait_for(*child);
    if (request.stop.stop_requested()) {
        return fail(ErrorType::kCancelled, "cancelled",
                    fmt::format("'{}' was stopped", request.arguments.front()));
    }
    return result;
}

}  // namespace realm::registry
