#include "process/call_profiles.h"

#include <asm/ioctls.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace realm::process {
namespace {

constexpr std::uint64_t kWholeInt = 0xffffffff;
// What glibc starts a thread with, and nothing else.
constexpr std::uint64_t kThreadFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                                       CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                                       CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

// No program of ours makes these, so whoever does is not one.
void add_attacks(CallFilter& filter) {
    filter.add(Verdict::kKill, {SYS_execve,
                                SYS_execveat,
                                SYS_ptrace,
                                SYS_process_vm_readv,
                                SYS_process_vm_writev,
                                SYS_kcmp,
                                SYS_pidfd_getfd,
                                SYS_mount,
                                SYS_umount2,
                                SYS_pivot_root,
                                SYS_chroot,
                                SYS_move_mount,
                                SYS_open_tree,
                                SYS_fsopen,
                                SYS_fsmount,
                                SYS_mount_setattr,
                                SYS_setns,
                                SYS_unshare,
                                SYS_add_key,
                                SYS_request_key,
                                SYS_keyctl,
                                SYS_bpf,
                                SYS_perf_event_open,
                                SYS_userfaultfd,
                                SYS_kexec_load,
                                SYS_init_module,
                                SYS_finit_module,
                                SYS_delete_module,
                                SYS_open_by_handle_at,
                                SYS_reboot,
                                SYS_swapon,
                                SYS_swapoff});
#ifdef __x86_64__
    filter.add(Verdict::kKill, {SYS_kexec_file_load, SYS_fork, SYS_vfork});
#endif
}

// Memory that is written and run at once is what an exploit wants; compilers make code in two
// steps.
void add_code_memory(CallFilter& filter, std::uint32_t call) {
    filter.add({.call = call,
                .tests = {{.argument = 2, .mask = PROT_WRITE, .value = 0},
                          {.argument = 2, .mask = PROT_EXEC, .value = 0}}});
}

void add_memory(CallFilter& filter) {
    filter.add(Verdict::kAllow, {SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_mincore,
                                 SYS_membarrier, SYS_memfd_create});
    add_code_memory(filter, SYS_mmap);
    add_code_memory(filter, SYS_mprotect);
}

void add_threads(CallFilter& filter) {
    filter.add({.call = SYS_clone,
                .tests = {{.argument = 0, .mask = kWholeInt, .value = kThreadFlags}},
                .otherwise = Verdict::kKill});
    // Its flags lie in memory, where a filter cannot look.
    filter.add(Verdict::kMissing, {SYS_clone3});
    filter.add(Verdict::kAllow,
               {SYS_futex, SYS_set_robust_list, SYS_rseq, SYS_gettid, SYS_getpid, SYS_exit,
                SYS_exit_group, SYS_sched_yield, SYS_sched_getaffinity, SYS_restart_syscall});
    filter.add({.call = SYS_prctl,
                .tests = {{.argument = 0, .mask = kWholeInt, .value = PR_SET_NAME},
                          {.argument = 0, .mask = kWholeInt, .value = PR_GET_NAME}}});
    const auto self = static_cast<std::uint64_t>(::getpid());
    filter.add({.call = SYS_tgkill, .tests = {{.argument = 0, .mask = kWholeInt, .value = self}}});
    filter.add({.call = SYS_prlimit64,  // of its own, and only to read
                .tests = {{.argument = 2, .value = 0}}});
}

void add_time_and_signals(CallFilter& filter) {
    filter.add(Verdict::kAllow,
               {SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep,
                SYS_gettimeofday, SYS_getrandom, SYS_getrusage, SYS_times, SYS_uname, SYS_sysinfo,
                SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack});
}

void add_open_descriptors(CallFilter& filter) {
    filter.add(Verdict::kAllow, {SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64,
                                 SYS_pwrite64, SYS_lseek, SYS_close, SYS_fstat, SYS_newfstatat,
                                 SYS_fcntl, SYS_ftruncate, SYS_recvmsg, SYS_sendmsg, SYS_ppoll});
#ifdef __x86_64__
    filter.add(Verdict::kAllow, {SYS_poll});
#endif
}

void add_connections(CallFilter& filter) {
    filter.add(Verdict::kAllow,
               {SYS_accept,          SYS_accept4,         SYS_recvfrom,    SYS_sendto,
                SYS_shutdown,        SYS_getsockname,     SYS_getpeername, SYS_getsockopt,
                SYS_setsockopt,      SYS_socketpair,      SYS_pipe2,       SYS_eventfd2,
                SYS_epoll_create1,   SYS_epoll_ctl,       SYS_epoll_pwait, SYS_timerfd_create,
                SYS_timerfd_settime, SYS_timerfd_gettime, SYS_dup,         SYS_dup3});
    filter.add({.call = SYS_ioctl,
                .tests = {{.argument = 1, .mask = kWholeInt, .value = FIONBIO},
                          {.argument = 1, .mask = kWholeInt, .value = FIONREAD},
                          {.argument = 1, .mask = kWholeInt, .value = TCGETS}}});
#ifdef __x86_64__
    filter.add(Verdict::kAllow, {SYS_epoll_wait});
#endif
}

// Landlock decides which files these reach; what it does not look at (owner, mode, attributes and
// times of a path) is missing here.
void add_files(CallFilter& filter) {
    filter.add(Verdict::kAllow,
               {SYS_openat,     SYS_statx,      SYS_statfs,    SYS_fstatfs,    SYS_faccessat,
                SYS_faccessat2, SYS_readlinkat, SYS_getcwd,    SYS_getdents64, SYS_fsync,
                SYS_fdatasync,  SYS_fallocate,  SYS_fadvise64, SYS_flock,      SYS_copy_file_range,
                SYS_sendfile,   SYS_fchmod,     SYS_mkdirat,   SYS_unlinkat,   SYS_renameat,
                SYS_renameat2,  SYS_umask});
    filter.add({.call = SYS_utimensat,  // of an open file
                .tests = {{.argument = 1, .value = 0}}});
#ifdef __x86_64__
    filter.add(Verdict::kAllow, {SYS_open, SYS_access, SYS_stat, SYS_lstat, SYS_readlink, SYS_mkdir,
                                 SYS_rmdir, SYS_unlink, SYS_rename});
#endif
}

void add_common(CallFilter& filter) {
    add_memory(filter);
    add_threads(filter);
    add_time_and_signals(filter);
    add_open_descriptors(filter);
    add_attacks(filter);
}

}  // namespace

CallFilter server_calls() {
    CallFilter filter;
    add_common(filter);
    add_connections(filter);
    add_files(filter);
    // Threads of the background class lower their own priority; compute threads choose a processor;
    // children are waited for.
    filter.add(Verdict::kAllow,
               {SYS_getpriority, SYS_setpriority, SYS_sched_setscheduler, SYS_sched_setaffinity,
                SYS_waitid, SYS_wait4, SYS_geteuid, SYS_getuid});
    return filter;
}

CallFilter compiler_calls() {
    CallFilter filter;
    add_common(filter);
    return filter;
}

}  // namespace realm::process
