#include "registry/compile_child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <exception>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/sealed_memory.h"

namespace realm::registry {
namespace {

constexpr int kModule = 3;
constexpr int kCode = 4;
constexpr int kFirstExitCode = 10;
constexpr std::uint64_t kMessageBytes = std::uint64_t{64} << 10;

int exit_code(CompileEnd end) {
    return end == CompileEnd::kCode ? 0 : kFirstExitCode + static_cast<int>(end);
}

Result<void> cannot(const char* what) {
    return fail(ErrorType::kInternal, "child_setup",
                std::string("cannot ") + what + ": " + std::generic_category().message(errno));
}

// Leaves the child with standard input and output, which are /dev/null, and its own three files.
bool keep_only(const ChildFiles& files) {
    constexpr int kOutOfTheWay = 16;
    std::array<int, 3> moved{};
    const std::array<std::pair<int, int>, 3> wanted{
        {{files.module, kModule}, {files.code, kCode}, {files.errors, STDERR_FILENO}}};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        moved[i] = ::fcntl(wanted[i].first, F_DUPFD, kOutOfTheWay);
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (moved[i] < 0 || ::dup2(moved[i], wanted[i].second) < 0) {
            return false;
        }
    }
    return ::close_range(kCode + 1, std::numeric_limits<unsigned>::max(), 0) == 0;
}

bool limit(decltype(RLIMIT_AS) resource, rlim_t soft, rlim_t hard) {
    const rlimit value{.rlim_cur = soft, .rlim_max = hard};
    return ::setrlimit(resource, &value) == 0;
}

// Bytes of address space in use.
std::uint64_t used_address_space() {
    std::array<char, 64> text{};
    const base::UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
    const ssize_t count = ::read(file.get(), text.data(), text.size());
    std::uint64_t pages = 0;
    if (count > 0) {
        std::from_chars(text.data(), text.data() + count, pages);
    }
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<void> set_limits(const CompileJob& job) {
    ::setpriority(PRIO_PROCESS, 0, 19);
    const std::uint64_t used = used_address_space();
    // RLIMIT_AS and not RLIMIT_DATA: that does not count memory which is shared or only reserved.
    if (used == 0 || !limit(RLIMIT_AS, used + job.memory_bytes, used + job.memory_bytes)) {
        return cannot("limit the memory of the compiler");
    }
    const std::uint64_t file_bytes = std::max(job.code_bytes, kMessageBytes);
    std::signal(SIGXFSZ, SIG_IGN);  // write(2) says so, too
    if (!limit(RLIMIT_FSIZE, file_bytes, file_bytes) || !limit(RLIMIT_CORE, 0, 0)) {
        return cannot("limit the files of the compiler");
    }
    // The timer is exact; the limit counts in seconds and cannot be taken back.
    const auto seconds = static_cast<rlim_t>(job.cpu_ms / 1000 + 2);
    const itimerval timer{
        .it_interval = {},
        .it_value = {.tv_sec = job.cpu_ms / 1000, .tv_usec = job.cpu_ms % 1000 * 1000}};
    if (!limit(RLIMIT_CPU, seconds, seconds + 1) ||
        ::setitimer(ITIMER_PROF, &timer, nullptr) != 0) {
        return cannot("limit the time of the compiler");
    }
    return {};
}

CompileEnd write_code(std::span<const std::byte> code, std::uint64_t limit_bytes) {
    if (code.size() > limit_bytes) {
        return CompileEnd::kCodeLimit;
    }
    return base::write_fully(kCode, code) ? CompileEnd::kCode : CompileEnd::kMemoryLimit;
}

CompileEnd write_message(CompileEnd end, std::string_view message) {
    static_cast<void>(base::write_fully(kCode, base::as_bytes(message.substr(0, kMessageBytes))));
    return end;
}

CompileEnd compile(const CompileJob& job, const ConfineChild& confine) {
    auto ready = set_limits(job);
    if (!ready) {
        return write_message(CompileEnd::kFailed, ready.error().message);
    }
    const auto module = base::SealedMemory::adopt(base::UniqueFd(kModule));
    if (!module) {
        return CompileEnd::kMemoryLimit;
    }
    if (confine) {
        ready = confine();
    }
    if (!ready) {
        return write_message(CompileEnd::kFailed, ready.error().message);
    }
    CompileEnd end = CompileEnd::kFailed;
    const auto take = [&](std::span<const std::byte> code) -> Result<void> {
        end = write_code(code, job.code_bytes);
        return {};
    };
    const auto done =
        sandbox::precompile(job.settings, module->bytes(), sandbox::CompileThreads::kOne, take);
    if (done) {
        return end;
    }
    if (is_out_of_memory(done.error().message)) {
        return CompileEnd::kMemoryLimit;
    }
    const bool refused = done.error().type == ErrorType::kInvalidRequest;
    return write_message(refused ? CompileEnd::kRefused : CompileEnd::kFailed,
                         done.error().message);
}

}  // namespace

void compile_in_child(const CompileJob& job, const ChildFiles& files,
                      const ConfineChild& confine) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != files.broker || !keep_only(files)) {
        ::_exit(exit_code(CompileEnd::kFailed));
    }
    CompileEnd end = CompileEnd::kFailed;
    try {
        end = compile(job, confine);
    } catch (const std::bad_alloc&) {
        end = CompileEnd::kMemoryLimit;
    } catch (const std::exception& exception) {
        end = write_message(CompileEnd::kFailed, exception.what());
    }
    ::_exit(exit_code(end));
}

CompileEnd end_of_exit_code(int code) {
    if (code == 0) {
        return CompileEnd::kCode;
    }
    for (const auto end : {CompileEnd::kRefused, CompileEnd::kFailed, CompileEnd::kCodeLimit,
                           CompileEnd::kMemoryLimit}) {
        if (code == exit_code(end)) {
            return end;
        }
    }
    return CompileEnd::kCrashed;
}

bool is_out_of_memory(std::string_view message) {
    return message.contains("memory allocation of ") || message.contains("out of memory") ||
           message.contains("Cannot allocate memory") || message.contains("os error 12") ||
           message.contains("failed to allocate");
}

}  // namespace realm::registry
