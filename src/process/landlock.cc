#include "process/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace realm::process {
namespace {

namespace fs = std::filesystem;

// What Debian's headers do not have yet.
constexpr std::uint64_t kTruncate = 1U << 14;
constexpr std::uint64_t kControlDevice = 1U << 15;
constexpr std::uint64_t kListenTcp = 1U << 0;
constexpr std::uint64_t kConnectTcp = 1U << 1;
constexpr std::uint64_t kScopeAbstractSocket = 1U << 0;
constexpr std::uint64_t kScopeSignal = 1U << 1;
constexpr int kPortRule = 2;
constexpr int kNewestAbi = 6;

struct RulesetAttributes {
    std::uint64_t files = 0;
    std::uint64_t network = 0;
    std::uint64_t scoped = 0;
};

struct PortAttributes {
    std::uint64_t allowed = 0;
    std::uint64_t port = 0;
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadTree = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriteTree =
    kReadTree | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_REFER | kTruncate;

// Kernels of an older ABI know fewer fields and refuse rights that they do not know.
struct Handled {
    RulesetAttributes attributes;
    std::size_t size = 0;
};

Handled handled_by(int abi) {
    // Every right of ABI 1: the thirteen lowest bits.
    Handled handled{.attributes = {.files = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1},
                    .size = sizeof(std::uint64_t)};
    handled.attributes.files |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    handled.attributes.files |= abi >= 3 ? kTruncate : 0;
    if (abi >= 4) {
        handled.attributes.network = kListenTcp | kConnectTcp;
        handled.size = offsetof(RulesetAttributes, scoped);
    }
    handled.attributes.files |= abi >= 5 ? kControlDevice : 0;
    if (abi >= 6) {
        handled.attributes.scoped = kScopeAbstractSocket | kScopeSignal;
        handled.size = sizeof(RulesetAttributes);
    }
    return handled;
}

std::unexpected<Error> failed(std::string_view what) {
    return fail(ErrorType::kInternal, "lockdown_failed",
                fmt::format("Landlock: {}: {}", what, std::generic_category().message(errno)));
}

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return number_; }

private:
    int number_;
};

Result<void> allow_path(int ruleset, const fs::path& path, std::uint64_t rights) {
    const Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status{};
    if (place.get() < 0 || ::fstat(place.get(), &status) != 0) {
        return failed(path.native());
    }
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(status.st_mode) ? rights : rights & kReadFile;
    rule.parent_fd = place.get();
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        return failed(path.native());
    }
    return {};
}

Result<void> add_rules(int ruleset, const FileRules& rules, const RulesetAttributes& handled) {
    for (const fs::path& path : rules.read) {
        std::error_code unreadable;
        if (!fs::exists(path, unreadable)) {
            continue;
        }
        if (auto added = allow_path(ruleset, path, kReadTree); !added) {
            return added;
        }
    }
    for (const fs::path& path : rules.write) {
        if (auto added = allow_path(ruleset, path, kWriteTree & handled.files); !added) {
            return added;
        }
    }
    for (const std::uint16_t port : rules.listen) {
        const PortAttributes rule{.allowed = kListenTcp, .port = port};
        if (handled.network != 0 &&
            ::syscall(SYS_landlock_add_rule, ruleset, kPortRule, &rule, 0) != 0) {
            return failed(fmt::format("port {}", port));
        }
    }
    return {};
}

}  // namespace

int landlock_abi() {
    const auto version =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return static_cast<int>(std::clamp<long>(version, 0, kNewestAbi));
}

Result<void> confine_files(const FileRules& rules, int abi) {
    if (abi <= 0) {
        return fail(ErrorType::kUnavailable, "landlock_missing", "this kernel has no Landlock");
    }
    const Handled handled = handled_by(abi);
    const Descriptor ruleset(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &handled.attributes, handled.size, 0)));
    if (ruleset.get() < 0) {
        return failed("cannot make rules");
    }
    if (auto added = add_rules(ruleset.get(), rules, handled.attributes); !added) {
        return added;
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
        return failed("cannot apply rules");
    }
    return {};
}

}  // namespace realm::process
