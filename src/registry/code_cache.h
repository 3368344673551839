// Machine code that outlives the process: a private directory of authenticated files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/sealed_memory.h"
#include "base/unique_fd.h"
#include "telemetry/log.h"

namespace realm::registry {

struct CodeCacheOptions {
    std::filesystem::path directory;  // ours alone: mode 0700; made where it is missing
    std::uint64_t max_bytes = std::uint64_t{1} << 30;  // limits.code_cache_bytes
    std::string fingerprint;                           // sandbox::code_fingerprint()
};

// One file per module and fingerprint: the code, then its HMAC-SHA256 under a random key that lies
// in the same directory (mode 0600) and that only this process reads. What find() returns was
// verified after it had been copied into memory that nobody can change. Owned by the composition
// root; thread-safe. Several processes may share the directory. No failure of the disk is an
// error: it works as an empty cache, and the log says so once.
class CodeCache {
public:
    struct Counters {
        std::uint64_t hits = 0;
        std::uint64_t misses = 0;
        std::uint64_t damaged = 0;  // entries that were deleted because their HMAC was wrong
        std::uint64_t stored = 0;
        std::uint64_t evicted = 0;
        std::uint64_t failed = 0;  // entries that could not be written
        friend bool operator==(const Counters&, const Counters&) = default;
    };

    CodeCache(CodeCacheOptions options, telemetry::Logger logger);

    // Makes the directory and its parents where they are missing, as the constructor does.
    static Result<void> make_directory(const std::filesystem::path& directory);

    // The machine code for the module with this digest (64 hexadecimal digits).
    std::optional<base::SealedMemory> find(std::string_view module_digest);

    // Keeps it whole or not at all; then deletes the entries that were not used for longest, until
    // the rest fits. Code that alone is too large is not kept.
    void store(std::string_view module_digest, std::span<const std::byte> code);

    // Forgets what turned out to be of no use.
    void remove(std::string_view module_digest);

    [[nodiscard]] Counters counters() const;

private:
    using Key = std::array<std::byte, 32>;

    Result<void> open();
    [[nodiscard]] Result<std::optional<Key>> read_key() const;
    [[nodiscard]] Result<void> create_key() const;
    [[nodiscard]] std::string entry_name(std::string_view module_digest) const;
    [[nodiscard]] std::array<std::byte, 32> sign(std::string_view module_digest,
                                                 std::span<const std::byte> code) const;
    [[nodiscard]] std::optional<base::SealedMemory> verified(std::string_view module_digest,
                                                             const base::UniqueFd& file,
                                                             base::UniqueFd copy) const;
    Result<void> write_entry(const std::string& name, std::span<const std::byte> code,
                             std::span<const std::byte> signature) const;
    void evict();
    void warn_once(const Error& error);

    const CodeCacheOptions options_;
    const telemetry::Logger logger_;
    base::UniqueFd directory_;  // invalid: there is no cache
    Key key_{};
    mutable std::mutex mutex_;
    Counters counters_;  // guarded by mutex_, as is what follows
    bool warned_ = false;
};

}  // namespace realm::registry
