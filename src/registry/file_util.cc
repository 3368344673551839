#include "registry/file_util.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "base/bytes.h"
#include "base/sealed_memory.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr auto kLockRetry = std::chrono::milliseconds(100);

class Sha256 {
public:
    Sha256() : context_(EVP_MD_CTX_new()) {
        if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) {
            throw std::runtime_error("OpenSSL offers no SHA-256");
        }
    }

    void update(std::span<const std::byte> bytes) {
        if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) {
            throw std::runtime_error("OpenSSL failed to hash");
        }
    }

    std::string hex() {
        std::array<std::byte, 32> digest{};
        if (EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                               nullptr) != 1) {
            throw std::runtime_error("OpenSSL failed to hash");
        }
        return base::to_hex(digest);
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// read(2) that goes on after a signal.
ssize_t read_some(int fd, std::span<std::byte> into) {
    ssize_t count = -1;
    do {
        count = ::read(fd, into.data(), into.size());
    } while (count < 0 && errno == EINTR);
    return count;
}

Result<std::uint64_t> regular_file_size(const UniqueFd& file, const fs::path& path) {
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) {
        return std::unexpected(file_error(errno, "read", path));
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(ErrorType::kInvalidRequest, "not_a_file",
                    fmt::format("'{}' is no regular file", path.string()));
    }
    return static_cast<std::uint64_t>(status.st_size);
}

std::unexpected<Error> cancelled(std::string message) {
    return fail(ErrorType::kCancelled, "cancelled", std::move(message));
}

}  // namespace

Error file_error(int error_number, std::string_view action, const fs::path& path) {
    ErrorType type = ErrorType::kInternal;
    std::string_view code = "io_error";
    switch (error_number) {
        case ENOENT:
            type = ErrorType::kNotFound;
            code = "file_not_found";
            break;
        case EACCES:
        case EPERM:
        case EROFS:
            type = ErrorType::kPermissionDenied;
            code = "permission_denied";
            break;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            type = ErrorType::kUnavailable;
            code = "disk_full";
            break;
        default:
            break;
    }
    return fail(type, code,
                fmt::format("cannot {} '{}': {}", action, path.string(),
                            std::generic_category().message(error_number)))
        .error();
}

Result<UniqueFd> open_file(const fs::path& path, int flags, std::string_view action) {
    UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC, 0644));
    if (!file.valid()) {
        return std::unexpected(file_error(errno, action, path));
    }
    return file;
}

Result<void> make_directories(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) {
        return std::unexpected(file_error(error.value(), "create the directory", path));
    }
    return {};
}

Result<std::string> file_sha256(const fs::path& path, const FileProgress& progress,
                                const std::stop_token& stop) {
    auto file = open_file(path, O_RDONLY, "read");
    if (!file) {
        return std::unexpected(file.error());
    }
    const auto total = regular_file_size(*file, path);
    if (!total) {
        return std::unexpected(total.error());
    }
    Sha256 hash;
    std::vector<std::byte> buffer(kReadBytes);
    std::uint64_t done = 0;
    while (true) {
        if (stop.stop_requested()) {
            return cancelled(fmt::format("stopped while '{}' was being checked", path.string()));
        }
        const ssize_t count = read_some(file->get(), buffer);
        if (count < 0) {
            return std::unexpected(file_error(errno, "read", path));
        }
        if (count == 0) {
            return hash.hex();
        }
        hash.update(std::span(buffer).first(static_cast<std::size_t>(count)));
        done += static_cast<std::uint64_t>(count);
        if (progress) {
            progress(done, *total);
        }
    }
}

std::string text_sha256(std::string_view text) {
    Sha256 hash;
    hash.update(base::as_bytes(text));
    return hash.hex();
}

Result<std::string> read_file(const fs::path& path, std::uint64_t limit) {
    auto file = open_file(path, O_RDONLY, "read");
    if (!file) {
        return std::unexpected(file.error());
    }
    const auto size = regular_file_size(*file, path);
    if (!size) {
        return std::unexpected(size.error());
    }
    if (*size > limit) {
        return fail(
            ErrorType::kInvalidRequest, "file_too_large",
            fmt::format("'{}' has {} bytes; at most {} are allowed", path.string(), *size, limit));
    }
    std::string text(*size, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count =
            read_some(file->get(), std::as_writable_bytes(std::span(text).subspan(done)));
        if (count < 0) {
            return std::unexpected(file_error(errno, "read", path));
        }
        if (count == 0) {
            text.resize(done);
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    return text;
}

Result<void> sync_path(const fs::path& path) {
    auto file = open_file(path, O_RDONLY, "sync");
    if (!file) {
        return std::unexpected(file.error());
    }
    if (::fsync(file->get()) != 0) {
        return std::unexpected(file_error(errno, "sync", path));
    }
    return {};
}

Result<void> write_file_atomically(const fs::path& path, std::string_view text) {
    fs::path next = path;
    next += ".next";
    const auto write = [&]() -> Result<void> {
        auto file = open_file(next, O_WRONLY | O_CREAT | O_TRUNC, "write");
        if (!file) {
            return std::unexpected(file.error());
        }
        if (!base::write_fully(file->get(), base::as_bytes(text))) {
            return std::unexpected(file_error(errno, "write", next));
        }
        return publish_file(next, path);
    };
    auto written = write();
    if (!written) {
        std::error_code ignored;
        fs::remove(next, ignored);
    }
    return written;
}

Result<void> publish_file(const fs::path& from, const fs::path& to) {
    if (auto synced = sync_path(from); !synced) {
        return synced;
    }
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return std::unexpected(file_error(errno, "create", to));
    }
    return sync_path(to.parent_path());
}

Result<FileLock> FileLock::acquire(const fs::path& path, const std::function<void()>& on_wait,
                                   const std::stop_token& stop) {
    auto file = open_file(path, O_RDWR | O_CREAT, "create the lock file");
    if (!file) {
        return std::unexpected(file.error());
    }
    std::mutex mutex;
    std::condition_variable_any stopped;
    bool told = false;
    while (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return std::unexpected(file_error(errno, "lock", path));
        }
        if (!told && on_wait) {
            on_wait();
        }
        told = true;
        // Asks again from time to time: a blocking flock(2) could not be stopped.
        std::unique_lock lock(mutex);
        stopped.wait_for(lock, stop, kLockRetry, [] { return false; });
        if (stop.stop_requested()) {
            return cancelled(fmt::format("stopped while another process held '{}'", path.string()));
        }
    }
    return FileLock(*std::move(file));
}

}  // namespace realm::registry
