#include "registry/compile_broker.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/sealed_memory.h"
#include "registry/compile_child.h"
#include "registry/compile_protocol.h"

namespace realm::registry {
namespace {

using base::UniqueFd;

// A child at work.
struct Running {
    pid_t child = -1;
    UniqueFd process;  // readable once it has ended
    UniqueFd errors;   // its standard error
    UniqueFd answer;
    base::SteadyTime deadline;
    bool out_of_time = false;
};

struct Received {
    CompileJob job;
    std::array<UniqueFd, kJobFiles> files;  // module, code, answer
};

enum class ReceiveEnd : std::uint8_t { kNothing, kClosed };

// Takes the descriptors of a message, however many there are, so that none stays open.
std::vector<UniqueFd> take_files(msghdr& message) {
    std::vector<UniqueFd> files;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            files.emplace_back(fd);
        }
    }
    return files;
}

std::expected<Received, ReceiveEnd> receive_job(int socket) {
    Received received;
    iovec data{.iov_base = &received.job, .iov_len = sizeof received.job};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kJobFiles * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
        return std::unexpected(ReceiveEnd::kNothing);
    }
    if (count <= 0) {
        return std::unexpected(ReceiveEnd::kClosed);
    }
    std::vector<UniqueFd> files = take_files(message);
    if (count != sizeof received.job || files.size() != kJobFiles) {
        return std::unexpected(ReceiveEnd::kNothing);
    }
    std::ranges::move(files, received.files.begin());
    return received;
}

// The beginning of what the child wrote to its standard error.
std::string first_words(int errors) {
    std::string text(4096, '\0');
    const ssize_t count = ::pread(errors, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

CompileReply reply_of(const Running& running, int status) {
    const std::string words = first_words(running.errors.get());
    if (WIFEXITED(status)) {
        const CompileEnd end = end_of_exit_code(WEXITSTATUS(status));
        // AddressSanitizer exits where there is no memory.
        const bool starved = end == CompileEnd::kCrashed && is_out_of_memory(words);
        return {.end = starved ? CompileEnd::kMemoryLimit : end};
    }
    const int signal = WTERMSIG(status);
    if (running.out_of_time) {
        return {.end = CompileEnd::kWallLimit};
    }
    if (signal == SIGPROF || signal == SIGXCPU) {
        return {.end = CompileEnd::kCpuLimit};
    }
    CompileReply reply{.end = CompileEnd::kCrashed, .signal = signal};
    if (signal == SIGABRT && is_out_of_memory(words)) {
        reply.end = CompileEnd::kMemoryLimit;
    }
    const std::string_view line = std::string_view(words).substr(0, words.find('\n'));
    line.substr(0, reply.words.size() - 1).copy(reply.words.data(), reply.words.size() - 1);
    return reply;
}

void send_reply(const UniqueFd& answer, const CompileReply& reply) {
    // Whoever asked may be gone.
    static_cast<void>(::send(answer.get(), &reply, sizeof reply, MSG_NOSIGNAL | MSG_DONTWAIT));
}

class Broker {
public:
    Broker(int socket, const ConfineChild& confine) : socket_(socket), confine_(confine) {}
    ~Broker() {
        for (const Running& running : running_) {
            ::kill(running.child, SIGKILL);
            wait_for(running.child);
        }
    }
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    // Until the server closes its end.
    void serve() {
        while (true) {
            std::vector<pollfd> polled{{.fd = socket_, .events = POLLIN, .revents = 0}};
            for (const Running& running : running_) {
                polled.push_back({.fd = running.process.get(), .events = POLLIN, .revents = 0});
            }
            if (::poll(polled.data(), polled.size(), wait_ms()) < 0 && errno != EINTR) {
                return;
            }
            end_children(std::span(polled).subspan(1));
            if (polled.front().revents != 0 && !accept_job()) {
                return;
            }
        }
    }

private:
    [[nodiscard]] int wait_ms() const {
        auto nearest = base::SteadyTime::max();
        for (const Running& running : running_) {
            if (!running.out_of_time) {
                nearest = std::min(nearest, running.deadline);
            }
        }
        if (nearest == base::SteadyTime::max()) {
            return -1;
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(nearest - base::SteadyClock::now());
        return static_cast<int>(
            std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
    }

    static int wait_for(pid_t child) {
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        return status;
    }

    // Answers for those that have ended, ends those that are late.
    void end_children(std::span<const pollfd> polled) {
        const auto now = base::SteadyClock::now();
        for (std::size_t i = polled.size(); i-- > 0;) {
            Running& running = running_[i];
            if (polled[i].revents != 0) {
                const int status = wait_for(running.child);
                send_reply(running.answer, reply_of(running, status));
                running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
            } else if (!running.out_of_time && now >= running.deadline) {
                running.out_of_time = true;
                ::kill(running.child, SIGKILL);
            }
        }
    }

    // False when the server has closed the socket.
    bool accept_job() {
        auto received = receive_job(socket_);
        if (!received) {
            return received.error() != ReceiveEnd::kClosed;
        }
        auto& [module, code, answer] = received->files;
        if (auto running = start(received->job, module, code)) {
            running->answer = std::move(answer);
            running_.push_back(std::move(*running));
        } else {
            CompileReply reply{.end = CompileEnd::kNotStarted};
            const std::string_view why = std::strerror(errno);
            why.copy(reply.words.data(), reply.words.size() - 1);
            send_reply(answer, reply);
        }
        return true;
    }

    // Nothing, with errno set, where there is no room for another process.
    [[nodiscard]] std::optional<Running> start(const CompileJob& job, const UniqueFd& module,
                                               const UniqueFd& code) const {
        Running running;
        auto errors = base::SealedMemory::create();
        if (!errors) {
            return std::nullopt;
        }
        running.errors = std::move(*errors);
        running.deadline = base::SteadyClock::now() + std::chrono::milliseconds(job.wall_ms);
        const pid_t broker = ::getpid();
        running.child = ::fork();
        if (running.child < 0) {
            return std::nullopt;
        }
        if (running.child == 0) {
            compile_in_child(job,
                             {.module = module.get(),
                              .code = code.get(),
                              .errors = running.errors.get(),
                              .broker = broker},
                             confine_);
        }
        running.process = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, running.child, 0)));
        if (!running.process.valid()) {
            const int error = errno;
            ::kill(running.child, SIGKILL);
            wait_for(running.child);
            errno = error;
            return std::nullopt;
        }
        return running;
    }

    int socket_;
    const ConfineChild& confine_;
    std::vector<Running> running_;
};

}  // namespace

Result<void> run_compile_broker(const ConfineChild& confine) {
    int type = 0;
    socklen_t length = sizeof type;
    if (::getsockopt(kBrokerSocket, SOL_SOCKET, SO_TYPE, &type, &length) != 0 ||
        type != SOCK_SEQPACKET) {
        return fail(ErrorType::kInvalidRequest, "no_socket",
                    "this command is for a server's own use: descriptor 3 is no socket of one");
    }
    // It lives as long as its server's end of the socket: what stops the server, such as Ctrl-C,
    // must not stop it first.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        std::signal(signal, SIG_IGN);
    }
    ::close_range(kBrokerSocket + 1, std::numeric_limits<unsigned>::max(), 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    Broker(kBrokerSocket, confine).serve();
    return {};
}

}  // namespace realm::registry
