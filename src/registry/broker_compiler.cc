#include "registry/broker_compiler.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "registry/spawn.h"

namespace realm::registry {
namespace {

using base::UniqueFd;

// More than the broker needs to end a child and to say so.
constexpr std::chrono::milliseconds kAnswerGrace{10'000};
constexpr int kAttempts = 2;

std::unexpected<Error> gone(std::string_view why) {
    return fail(ErrorType::kUnavailable, "compiler_gone",
                fmt::format("the process that compiles programs is gone ({})", why));
}

std::unexpected<Error> gone() {
    return gone(std::generic_category().message(errno));
}

std::unexpected<Error> over(std::string_view code, std::string_view what, std::int64_t value,
                            std::string_view unit, std::string_view setting) {
    auto error = fail(
        ErrorType::kProgramLimit, code,
        fmt::format("compiling it takes more than {} {}{} (raise {})", value, unit, what, setting));
    error.error().details =
        nlohmann::json{{"limit", code}, {"value", value}, {"setting", setting}}.dump();
    return error;
}

// The secrets of a server's environment are not for the processes that tenants' modules meet.
std::vector<std::string> environment() {
    const auto variable = [](const char* name) {
        const char* const value = std::getenv(name);
        return std::string(value != nullptr ? value : "");
    };
    // The command sets it where it is not set, and machine code depends on it.
    const bool details = variable("WASMTIME_BACKTRACE_DETAILS") == "1";
    std::vector<std::string> kept{fmt::format("WASMTIME_BACKTRACE_DETAILS={}", details ? 1 : 0)};
    if (const std::string path = variable("LD_LIBRARY_PATH"); !path.empty()) {
        kept.push_back("LD_LIBRARY_PATH=" + path);
    }
    return kept;
}

// What the child wrote instead of machine code, as text that can be shown.
std::string message_in(const UniqueFd& file) {
    constexpr std::size_t kShown = 4096;
    std::string text(kShown, '\0');
    const ssize_t count = ::pread(file.get(), text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    while (!base::is_utf8(text)) {
        text.pop_back();
    }
    return text;
}

bool send_job(int socket, const CompileJob& job, const std::array<int, kJobFiles>& files) {
    CompileJob copy = job;
    iovec data{.iov_base = &copy, .iov_len = sizeof copy};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof files)> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof files);
    std::memcpy(CMSG_DATA(part), files.data(), sizeof files);
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == sizeof copy;
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return gone();
    }
    return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

// Gives a place back when the job is over.
class JobPlace {
public:
    explicit JobPlace(std::counting_semaphore<>& free) : free_(free) { free_.acquire(); }
    ~JobPlace() { free_.release(); }
    JobPlace(const JobPlace&) = delete;
    JobPlace& operator=(const JobPlace&) = delete;

private:
    std::counting_semaphore<>& free_;
};

}  // namespace

BrokerCompiler::BrokerCompiler(BrokerOptions options)
    : options_(std::move(options)), free_jobs_(static_cast<std::ptrdiff_t>(options_.limits.jobs)) {}

Result<std::unique_ptr<BrokerCompiler>> BrokerCompiler::start(BrokerOptions options) {
    std::unique_ptr<BrokerCompiler> compiler(new BrokerCompiler(std::move(options)));
    auto broker = compiler->spawn();
    if (!broker) {
        return std::unexpected(std::move(broker.error()));
    }
    compiler->broker_ = std::move(*broker);
    return compiler;
}

BrokerCompiler::~BrokerCompiler() {
    end(broker_);
}

void BrokerCompiler::forbid_restart() {
    const std::lock_guard lock(mutex_);
    restart_forbidden_ = true;
}

pid_t BrokerCompiler::process() const {
    const std::lock_guard lock(mutex_);
    return broker_.process;
}

Result<BrokerCompiler::Broker> BrokerCompiler::spawn() const {
    auto sockets = socket_pair();
    if (!sockets) {
        return std::unexpected(std::move(sockets.error()));
    }
    auto& [ours, theirs] = *sockets;
    FileActions actions;
    SpawnAttributes attributes;
    posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(actions.get(), STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(actions.get(), theirs.get(), kBrokerSocket);
    std::vector<std::string> arguments = options_.arguments;
    std::vector<std::string> variables = environment();
    Broker broker;
    const int error =
        ::posix_spawn(&broker.process, options_.executable.c_str(), actions.get(), attributes.get(),
                      pointers_to(arguments).data(), pointers_to(variables).data());
    if (error != 0) {
        return gone(std::generic_category().message(error));
    }
    broker.socket = std::move(ours);
    return broker;
}

void BrokerCompiler::end(Broker& broker) {
    broker.socket.reset();
    if (broker.process > 0) {
        // Its children die with it. A server in its small room may not kill: there the broker ends
        // because the socket did, and is not waited for.
        const bool killed = ::kill(broker.process, SIGKILL) == 0;
        while (::waitpid(broker.process, nullptr, killed ? 0 : WNOHANG) < 0 && errno == EINTR) {
        }
    }
    broker.process = -1;
}

void BrokerCompiler::lose(pid_t broker) {
    const std::lock_guard lock(mutex_);
    if (broker_.process == broker) {
        end(broker_);
    }
}

Result<BrokerCompiler::Sent> BrokerCompiler::send(const CompileJob& job, int module, int code) {
    auto answer = socket_pair();
    if (!answer) {
        return std::unexpected(std::move(answer.error()));
    }
    const std::array<int, kJobFiles> files{module, code, answer->second.get()};
    const std::lock_guard lock(mutex_);
    if (broker_.process > 0 && send_job(broker_.socket.get(), job, files)) {
        return Sent{.broker = broker_.process, .answer = std::move(answer->first)};
    }
    end(broker_);
    if (restart_forbidden_) {
        return gone("only a new start of the server brings it back");
    }
    auto fresh = spawn();
    if (!fresh) {
        return std::unexpected(std::move(fresh.error()));
    }
    broker_ = std::move(*fresh);
    if (!send_job(broker_.socket.get(), job, files)) {
        return gone();
    }
    return Sent{.broker = broker_.process, .answer = std::move(answer->first)};
}

Result<CompileReply> BrokerCompiler::wait_for_reply(const UniqueFd& answer) const {
    const auto until = std::chrono::steady_clock::now() + options_.limits.wall + kAnswerGrace;
    pollfd readable{.fd = answer.get(), .events = POLLIN, .revents = 0};
    int ready = -1;
    do {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        ready = ::poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        return gone("it does not answer");
    }
    CompileReply reply;
    if (::recv(answer.get(), &reply, sizeof reply, 0) != sizeof reply) {
        return gone("it ended");
    }
    reply.words.back() = '\0';
    return reply;
}

Result<base::SealedMemory> BrokerCompiler::compile(const sandbox::CodeSettings& settings,
                                                   std::span<const std::byte> wasm) {
    const JobPlace place(free_jobs_);
    const CompileLimits& limits = options_.limits;
    const CompileJob job{.settings = settings,
                         .cpu_ms = limits.cpu.count(),
                         .wall_ms = limits.wall.count(),
                         .memory_bytes = limits.memory_bytes,
                         .code_bytes = limits.code_bytes};
    const auto module = base::SealedMemory::copy_of(wasm);
    if (!module) {
        return std::unexpected(module.error());
    }
    Result<CompileReply> reply = gone("it was not asked");
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        auto code = base::SealedMemory::create();
        if (!code) {
            return std::unexpected(std::move(code.error()));
        }
        auto sent = send(job, module->fd(), code->get());
        if (!sent) {
            return std::unexpected(std::move(sent.error()));
        }
        reply = wait_for_reply(sent->answer);
        if (reply) {
            return result_of(*reply, std::move(*code));
        }
        lose(sent->broker);
    }
    return std::unexpected(std::move(reply.error()));
}

Result<base::SealedMemory> BrokerCompiler::result_of(const CompileReply& reply,
                                                     UniqueFd code) const {
    const CompileLimits& limits = options_.limits;
    switch (reply.end) {
        case CompileEnd::kCode:
            return base::SealedMemory::seal(std::move(code));
        case CompileEnd::kRefused:
            return fail(ErrorType::kInvalidRequest, "invalid_module", message_in(code));
        case CompileEnd::kCpuLimit:
            return over("compile_time", " of processor time", limits.cpu.count(), "ms",
                        "limits.compile_cpu_ms");
        case CompileEnd::kWallLimit:
            return over("compile_time", "", limits.wall.count(), "ms", "limits.compile_wall_ms");
        case CompileEnd::kMemoryLimit:
            return over("compile_memory", " of memory",
                        static_cast<std::int64_t>(limits.memory_bytes), "bytes",
                        "limits.compile_memory_bytes");
        case CompileEnd::kCodeLimit: {
            auto error =
                over("code_size", " of machine code", static_cast<std::int64_t>(limits.code_bytes),
                     "bytes", "limits.code_bytes");
            return error;
        }
        case CompileEnd::kNotStarted:
            return gone(std::string_view(reply.words.data()));
        case CompileEnd::kFailed:
            return fail(ErrorType::kInternal, "compiler_failed",
                        fmt::format("the compiler failed: {}", message_in(code)));
        case CompileEnd::kCrashed:
            break;
    }
    const std::string words(reply.words.data());
    return fail(ErrorType::kInternal, "compiler_failed",
                fmt::format("the compiler crashed on it (signal {}): {}", reply.signal,
                            base::is_utf8(words) ? words : ""));
}

}  // namespace realm::registry
