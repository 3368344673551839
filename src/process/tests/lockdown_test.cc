#include "process/lockdown.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>

#include "process/tests/child.h"

namespace realm::process {
namespace {

constexpr int kNotApplied = 200;
const std::string kKilled = "signal " + std::to_string(SIGSYS);
const std::string kRefused = "exit " + std::to_string(EPERM);
const std::string kMissing = "exit " + std::to_string(ENOSYS);

using Body = std::function<int()>;

struct Room {
    const char* name;
    Result<void> (*enter)();
};

const Room kServer{.name = "server", .enter = [] { return confine_server_calls(); }};
const Room kCompiler{.name = "compiler", .enter = [] { return lock_down_compiler(); }};
const Room kCompilerAlone{.name = "compiler_without_landlock",
                          .enter = [] { return lock_down_compiler(0); }};

std::string in_room(const Room& room, const Body& body) {
    return in_child([&] { return room.enter() ? body() : kNotApplied; });
}

struct Try {
    std::string_view name;
    Body body;
};

int map(int protection) {
    void* const place = ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return place == MAP_FAILED ? errno : 0;
}

int protect(int protection) {
    void* const place =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(::mprotect(place, 4096, protection));
}

int execute() {
    std::array<char*, 1> nothing{nullptr};
    return outcome(::execve("/bin/true", nothing.data(), nothing.data()));
}

// Without std::thread, whose virtual calls UBSan checks with calls that the room does not have.
int run_thread() {
    pthread_t thread{};
    const int made = ::pthread_create(&thread, nullptr, [](void* same) { return same; }, nullptr);
    return made + (made == 0 ? ::pthread_join(thread, nullptr) : 0);
}

int start_process(unsigned long flags) {
    const long child = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
        ::_exit(0);
    }
    return outcome(child);
}

int change_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return outcome(::setrlimit(RLIMIT_NOFILE, &limit));
}

template <class... Arguments>
Body call(long number, Arguments... arguments) {
    return [=] { return outcome(::syscall(number, arguments...)); };
}

// What only an attack does; the same in every room.
const std::array kAttacks{
    Try{"execve", execute},
    Try{"fork", [] { return start_process(0); }},
    Try{"vfork", [] { return start_process(CLONE_VM | CLONE_VFORK); }},
    Try{"new namespace", [] { return start_process(CLONE_NEWUSER); }},
    Try{"ptrace", [] { return outcome(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
    Try{"process_vm_readv", call(SYS_process_vm_readv, ::getpid(), nullptr, 0, nullptr, 0, 0)},
    Try{"process_vm_writev", call(SYS_process_vm_writev, ::getpid(), nullptr, 0, nullptr, 0, 0)},
    Try{"mount", call(SYS_mount, "none", "/nowhere", "tmpfs", 0, nullptr)},
    Try{"unshare", call(SYS_unshare, 0)},
    Try{"setns", call(SYS_setns, -1, 0)},
    Try{"keyctl", call(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0)},
    Try{"bpf", call(SYS_bpf, 0, nullptr, 0)},
    Try{"perf_event_open", call(SYS_perf_event_open, nullptr, 0, -1, -1, 0)},
    Try{"userfaultfd", call(SYS_userfaultfd, 0)},
    Try{"kexec_load", call(SYS_kexec_load, 0, 0, nullptr, 0)},
    Try{"init_module", call(SYS_init_module, nullptr, 0, "")},
    Try{"open_by_handle_at", call(SYS_open_by_handle_at, -1, nullptr, 0)},
#ifdef __x86_64__
    Try{"a call for pointers of 32 bits", call(0x40000000 | SYS_getpid)},
#endif
};

// What libraries may try, in every room.
const std::array kProbes{
    Try{"socket", [] { return outcome(::socket(AF_INET, SOCK_STREAM, 0)); }},
    Try{"bind", [] { return outcome(::bind(0, nullptr, 0)); }},
    Try{"connect", [] { return outcome(::connect(0, nullptr, 0)); }},
    Try{"listen", [] { return outcome(::listen(0, 1)); }},
    Try{"kill", [] { return outcome(::kill(::getppid(), 0)); }},
    Try{"tgkill of another process", call(SYS_tgkill, ::getpid(), ::getpid(), 0)},
    Try{"setuid", call(SYS_setuid, 0)},
    Try{"chmod", [] { return outcome(::chmod("/dev/null", 0666)); }},
    Try{"chown", [] { return outcome(::chown("/dev/null", 0, 0)); }},
    Try{"utimensat of a path", [] { return outcome(::utimensat(AT_FDCWD, "/", nullptr, 0)); }},
    Try{"terminal input", [] { return outcome(::ioctl(0, TIOCSTI, "x")); }},
    Try{"prctl", [] { return outcome(::prctl(PR_SET_DUMPABLE, 0)); }},
    Try{"limits", change_limit},
    Try{"io_uring", call(SYS_io_uring_setup, 1, nullptr)},
    Try{"memory to write and run", [] { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }},
    Try{"memory made so", [] { return protect(PROT_WRITE | PROT_EXEC); }},
};

// What both need.
const std::array kWork{
    Try{"memory", [] { return map(PROT_READ | PROT_WRITE); }},
    Try{"code", [] { return protect(PROT_READ | PROT_EXEC); }},
    Try{"sealed memory",
        [] {
            const int file = ::memfd_create("code", MFD_ALLOW_SEALING);
            return outcome(::ftruncate(file, 4096)) + outcome(::write(file, "x", 1)) +
                   outcome(::fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
        }},
    Try{"threads", run_thread},
    Try{"a thread's name", [] { return outcome(::prctl(PR_SET_NAME, "name", 0, 0, 0)); }},
    Try{"its own limits",
        [] {
            rlimit limit{};
            return outcome(::getrlimit(RLIMIT_STACK, &limit));
        }},
    Try{"descriptors that are open", [] { return outcome(::write(STDERR_FILENO, "", 0)); }},
    Try{"random bytes", call(SYS_getrandom, nullptr, 0, 0)},
};

class InEveryRoom : public testing::TestWithParam<Room> {};
INSTANTIATE_TEST_SUITE_P(Rooms, InEveryRoom, testing::Values(kServer, kCompiler, kCompilerAlone),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(InEveryRoom, attacks_end_the_process) {
    for (const Try& attack : kAttacks) {
        EXPECT_EQ(in_room(GetParam(), attack.body), kKilled) << attack.name;
    }
}

TEST_P(InEveryRoom, other_calls_are_refused) {
    for (const Try& probe : kProbes) {
        EXPECT_EQ(in_room(GetParam(), probe.body), kRefused) << probe.name;
    }
}

TEST_P(InEveryRoom, work_goes_on) {
    for (const Try& work : kWork) {
        EXPECT_EQ(in_room(GetParam(), work.body), "exit 0") << work.name;
    }
}

TEST_P(InEveryRoom, newer_calls_are_missing_so_that_libraries_fall_back) {
    EXPECT_EQ(in_room(GetParam(), call(SYS_clone3, nullptr, 0)), kMissing);
    EXPECT_EQ(in_room(GetParam(), call(SYS_set_mempolicy_home_node + 1)), kMissing);
}

TEST_P(InEveryRoom, abort_still_tells_the_cause) {
    EXPECT_EQ(in_room(GetParam(), [] { return ::raise(SIGABRT); }),
              "signal " + std::to_string(SIGABRT));
}

// What the kernel says of the process; the file is opened before the room is closed.
TEST_P(InEveryRoom, no_new_privileges_are_to_be_had) {
    EXPECT_EQ(in_child([] {
                  const int status = ::open("/proc/self/status", O_RDONLY);
                  if (!GetParam().enter()) {
                      return kNotApplied;
                  }
                  std::array<char, 4096> text{};
                  const auto size = ::read(status, text.data(), text.size());
                  const std::string_view lines(text.data(), static_cast<std::size_t>(size));
                  return lines.contains("NoNewPrivs:\t1\n") && lines.contains("Seccomp:\t2\n") ? 0
                                                                                               : 1;
              }),
              "exit 0");
}

TEST(Room, of_the_server_has_files_and_connections) {
    const std::array work{
        Try{"open", [] { return outcome(::open("/dev/null", O_RDWR)); }},
        Try{"files",
            [] {
                const std::string path =
                    testing::TempDir() + "realm-room-" + std::to_string(::getpid());
                const int file = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
                return outcome(file) + outcome(::fsync(file)) +
                       outcome(::rename(path.c_str(), (path + ".new").c_str())) +
                       outcome(::unlink((path + ".new").c_str()));
            }},
        Try{"times of an open file",
            [] { return outcome(::futimens(::memfd_create("file", 0), nullptr)); }},
        Try{"socketpair",
            [] {
                std::array<int, 2> ends{};
                const int made = ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data());
                int yes = 1;
                return outcome(made) + outcome(::send(ends[0], "x", 1, 0)) +
                       outcome(::recv(ends[1], &yes, 1, 0)) +
                       outcome(::ioctl(ends[0], FIONBIO, &yes)) +
                       outcome(::shutdown(ends[0], SHUT_RDWR));
            }},
        Try{"epoll",
            [] {
                const int poll = ::epoll_create1(0);
                epoll_event event{};
                return outcome(::epoll_ctl(poll, EPOLL_CTL_ADD, ::eventfd(1, 0), &event)) +
                       outcome(::epoll_ctl(poll, EPOLL_CTL_ADD,
                                           ::timerfd_create(CLOCK_MONOTONIC, 0), &event)) +
                       outcome(::epoll_wait(poll, &event, 1, 0));
            }},
        Try{"priorities",
            [] {
                const sched_param none{};
                return outcome(::setpriority(PRIO_PROCESS, 0, 19)) +
                       outcome(::sched_setscheduler(0, SCHED_IDLE, &none));
            }},
    };
    for (const Try& one : work) {
        EXPECT_EQ(in_room(kServer, one.body), "exit 0") << one.name;
    }
}

TEST(Room, of_the_compiler_has_neither) {
    const std::array probes{
        Try{"open", [] { return outcome(::open("/dev/null", O_RDONLY)); }},
        Try{"unlink", [] { return outcome(::unlink("/nowhere/file")); }},
        Try{"mkdir", [] { return outcome(::mkdir("/nowhere/folder", 0700)); }},
        Try{"rename", [] { return outcome(::rename("/nowhere/a", "/nowhere/b")); }},
        Try{"accept", [] { return outcome(::accept(0, nullptr, nullptr)); }},
        Try{"socketpair",
            [] {
                std::array<int, 2> ends{};
                return outcome(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()));
            }},
        Try{"priorities", [] { return outcome(::setpriority(PRIO_PROCESS, 0, 0)); }},
    };
    for (const Room& room : {kCompiler, kCompilerAlone}) {
        for (const Try& probe : probes) {
            EXPECT_EQ(in_room(room, probe.body), kRefused) << probe.name;
        }
    }
}

TEST(Room, of_the_compiler_reads_what_was_open) {
    const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(file, 0);
    EXPECT_EQ(in_room(kCompiler,
                      [&] {
                          std::array<char, 4> magic{};
                          const auto count = ::read(file, magic.data(), magic.size());
                          return count == 4 && magic[1] == 'E' ? 0 : 1;
                      }),
              "exit 0");
    ::close(file);
}

TEST(Room, binds_threads_that_run_already) {
    EXPECT_EQ(in_child([] {
                  std::binary_semaphore confined(0);
                  int result = 0;
                  std::jthread before([&] {
                      confined.acquire();
                      result = outcome(::socket(AF_INET, SOCK_STREAM, 0));
                  });
                  if (!confine_server_calls()) {
                      return kNotApplied;
                  }
                  confined.release();
                  before.join();
                  return result;
              }),
              kRefused);
}

TEST(Threads, are_counted) {
    std::counting_semaphore counted(0);
    std::jthread first([&] { counted.acquire(); });
    const std::size_t before = thread_count();
    std::jthread second([&] { counted.acquire(); });
    EXPECT_EQ(thread_count(), before + 1);
    counted.release(2);
}

}  // namespace
}  // namespace realm::process
