#include "process/call_filter.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>

namespace realm::process {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system call filter does not know this architecture"
#endif

// x86-64 has a second set of calls from here on, for pointers of 32 bits.
constexpr std::uint32_t kForeignCalls = 0x40000000;
// The last call that the lists in call_profiles.cc were made with in view.
constexpr std::uint32_t kNewestCall = SYS_set_mempolicy_home_node;

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t kMask = BPF_ALU | BPF_AND | BPF_K;
constexpr std::uint16_t kIfEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t kIfGreater = BPF_JMP | BPF_JGT | BPF_K;
constexpr std::uint16_t kIfNotLess = BPF_JMP | BPF_JGE | BPF_K;
constexpr std::uint16_t kReturn = BPF_RET | BPF_K;

constexpr sock_filter step(std::uint16_t code, std::uint32_t k, std::size_t if_true = 0,
                           std::size_t if_false = 0) {
    return {.code = code,
            .jt = static_cast<std::uint8_t>(if_true),
            .jf = static_cast<std::uint8_t>(if_false),
            .k = k};
}

sock_filter leave(Verdict verdict) {
    switch (verdict) {
        case Verdict::kAllow:
            return step(kReturn, SECCOMP_RET_ALLOW);
        case Verdict::kRefuse:
            return step(kReturn, SECCOMP_RET_ERRNO | EPERM);
        case Verdict::kMissing:
            return step(kReturn, SECCOMP_RET_ERRNO | ENOSYS);
        case Verdict::kKill:
            break;
    }
    return step(kReturn, SECCOMP_RET_KILL_PROCESS);
}

// Goes to the step after the next `skipped` ones unless one half of the argument is as wanted.
void test_half(std::vector<sock_filter>& steps, std::size_t offset, std::uint64_t mask,
               std::uint64_t value, std::size_t skipped) {
    steps.push_back(step(kLoad, static_cast<std::uint32_t>(offset)));
    steps.push_back(step(kMask, static_cast<std::uint32_t>(mask)));
    steps.push_back(step(kIfEqual, static_cast<std::uint32_t>(value), 0, skipped));
}

// Returns `verdict` when the test holds, else falls through. Both machines are little-endian.
void append_test(std::vector<sock_filter>& steps, const ArgumentTest& test, Verdict verdict) {
    constexpr std::size_t kHalfTest = 3;
    const std::size_t low = offsetof(seccomp_data, args) + test.argument * sizeof(std::uint64_t);
    const bool whole = (test.mask >> 32) != 0;
    test_half(steps, low, test.mask, test.value, whole ? kHalfTest + 1 : 1);
    if (whole) {
        test_half(steps, low + sizeof(std::uint32_t), test.mask >> 32, test.value >> 32, 1);
    }
    steps.push_back(leave(verdict));
}

void append_rule(std::vector<sock_filter>& steps, const CallRule& rule) {
    std::vector<sock_filter> body;
    for (const ArgumentTest& test : rule.tests) {
        append_test(body, test, rule.verdict);
    }
    body.push_back(leave(rule.tests.empty() ? rule.verdict : rule.otherwise));
    steps.push_back(step(kIfEqual, rule.call, 0, body.size()));
    steps.insert(steps.end(), body.begin(), body.end());
}

std::unexpected<Error> failed(std::string_view what) {
    return fail(ErrorType::kInternal, "lockdown_failed",
                fmt::format("seccomp: {}: {}", what, std::generic_category().message(errno)));
}

}  // namespace

void CallFilter::add(Verdict verdict, std::initializer_list<std::uint32_t> calls) {
    for (const std::uint32_t call : calls) {
        add({.call = call, .verdict = verdict, .tests = {}});
    }
}

std::vector<sock_filter> CallFilter::program() const {
    std::vector<sock_filter> steps = {
        step(kLoad, offsetof(seccomp_data, arch)),
        step(kIfEqual, kArchitecture, 1, 0),
        leave(Verdict::kKill),
        step(kLoad, offsetof(seccomp_data, nr)),
        step(kIfNotLess, kForeignCalls, 0, 1),
        leave(Verdict::kKill),
    };
    for (const CallRule& rule : rules_) {
        append_rule(steps, rule);
    }
    steps.push_back(step(kIfGreater, kNewestCall, 0, 1));
    steps.push_back(leave(Verdict::kMissing));
    steps.push_back(leave(Verdict::kRefuse));
    return steps;
}

Result<void> CallFilter::apply() const {
    std::vector<sock_filter> steps = program();
    const sock_fprog filter{.len = static_cast<unsigned short>(steps.size()),
                            .filter = steps.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return failed("cannot give up new privileges");
    }
    const auto result =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    if (result < 0) {
        return failed("cannot filter system calls");
    }
    if (result > 0) {
        return fail(ErrorType::kInternal, "lockdown_failed",
                    fmt::format("seccomp: thread {} has a filter of its own", result));
    }
    return {};
}

bool has_seccomp() {
    const std::uint32_t wanted = SECCOMP_RET_KILL_PROCESS;
    return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &wanted) == 0;
}

}  // namespace realm::process
