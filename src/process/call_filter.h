// Which system calls a process may still make: a seccomp filter from a list of rules.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "base/error.h"

namespace realm::process {

enum class Verdict : std::uint8_t {
    kAllow,
    kRefuse,   // EPERM: libraries probe for it, and go on without
    kMissing,  // ENOSYS: glibc then takes the older call
    kKill,     // ends the whole process: only an attack makes it
};

// Holds when (argument & mask) == value.
struct ArgumentTest {
    std::uint8_t argument = 0;
    std::uint64_t mask = ~std::uint64_t{0};
    std::uint64_t value = 0;
};

// `verdict` when one of the tests holds or there are none, else `otherwise`.
struct CallRule {
    std::uint32_t call = 0;
    Verdict verdict = Verdict::kAllow;
    std::vector<ArgumentTest> tests;
    Verdict otherwise = Verdict::kRefuse;
};

// One rule for each call; calls without one are refused, or missing where they are newer than this
// list. Other architectures' calls kill. A value.
class CallFilter {
public:
    void add(CallRule rule) { rules_.push_back(std::move(rule)); }
    void add(Verdict verdict, std::initializer_list<std::uint32_t> calls);

    [[nodiscard]] std::vector<sock_filter> program() const;

    // Binds every thread of the process, now and later, and sets no_new_privileges.
    // internal/lockdown_failed.
    [[nodiscard]] Result<void> apply() const;

private:
    std::vector<CallRule> rules_;
};

// Whether the kernel has all that apply() needs. Any thread.
bool has_seccomp();

}  // namespace realm::process
