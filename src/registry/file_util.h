// Files as the model cache needs them: descriptors with one owner, hashes, durable writes, locks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"

namespace realm::registry {

using base::UniqueFd;

// An Error for a failed system call: "cannot <action> '<path>': <reason>". Codes: file_not_found,
// permission_denied, disk_full (also over quota or the largest size of a file), io_error.
Error file_error(int error_number, std::string_view action, const std::filesystem::path& path);

// open(2) with O_CLOEXEC; new files get mode 0644 less the umask.
Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, std::string_view action);

// Creates a directory and its parents; no error where it is there already.
Result<void> make_directories(const std::filesystem::path& path);

// Called with the bytes done so far; the total is the file's size.
using FileProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// SHA-256 as 64 lower-case hexadecimal digits. Reads the whole file; `stop` ends it with cancelled.
Result<std::string> file_sha256(const std::filesystem::path& path,
                                const FileProgress& progress = nullptr,
                                const std::stop_token& stop = {});

// SHA-256 of a text, in the same form.
std::string text_sha256(std::string_view text);

// Reads a regular file of at most `limit` bytes; a larger one is file_too_large.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit);

// Makes the file, or the entries of the directory, survive a power cut.
Result<void> sync_path(const std::filesystem::path& path);

// Replaces `path` with `text` so that a reader sees the old content or the new one, never a part.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text);

// Renames within one file system and makes the new name durable.
Result<void> publish_file(const std::filesystem::path& from, const std::filesystem::path& to);

// An advisory lock held between processes; the kernel frees it when the holder dies.
class FileLock {
public:
    // Waits until no one else holds the lock; calls `on_wait` once if it must wait. `stop` ends
    // the wait with cancelled.
    static Result<FileLock> acquire(const std::filesystem::path& path,
                                    const std::function<void()>& on_wait,
                                    const std::stop_token& stop);

private:
    explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace realm::registry
