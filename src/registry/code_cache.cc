#include "registry/code_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "registry/file_util.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSignatureBytes = 32;
constexpr const char* kKeyName = "key";
constexpr std::string_view kEntrySuffix = ".code";
constexpr std::string_view kUnfinished = ".new-";
// An unfinished file this old belongs to a process that died.
constexpr std::int64_t kUnfinishedSeconds = 3600;
constexpr std::size_t kNameDigits = 16;

// HMAC-SHA256 of several parts one after another.
std::array<std::byte, kSignatureBytes> hmac(
    std::span<const std::byte> key, std::initializer_list<std::span<const std::byte>> parts) {
    using Mac = std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)>;
    using Context = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;
    const auto bytes = [](std::span<const std::byte> part) {
        return reinterpret_cast<const unsigned char*>(part.data());
    };
    const Mac mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free);
    const Context context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr, &EVP_MAC_CTX_free);
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0), OSSL_PARAM_construct_end()};
    bool good =
        context && EVP_MAC_init(context.get(), bytes(key), key.size(), parameters.data()) == 1;
    for (const auto& part : parts) {
        good = good && EVP_MAC_update(context.get(), bytes(part), part.size()) == 1;
    }
    std::array<std::byte, kSignatureBytes> result{};
    std::size_t length = 0;
    if (!good || EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(result.data()),
                               &length, result.size()) != 1) {
        throw std::runtime_error("OpenSSL computes no HMAC");
    }
    return result;
}

std::string random_name(std::string_view prefix) {
    std::array<std::byte, 8> random{};
    base::fill_random(random);
    return fmt::format("{}{}", prefix, base::to_hex(random));
}

// Reads exactly as much; false at the end of the file or where it cannot be read.
bool read_fully(int fd, std::span<std::byte> into) {
    while (!into.empty()) {
        const ssize_t count = ::read(fd, into.data(), into.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        into = into.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

bool copy_fully(int from, int to, std::uint64_t bytes) {
    constexpr std::uint64_t kPiece = std::uint64_t{1} << 18;
    std::vector<std::byte> buffer(std::min(bytes, kPiece));
    while (bytes > 0) {
        const auto piece = std::span(buffer).first(std::min<std::uint64_t>(bytes, buffer.size()));
        if (!read_fully(from, piece) || !base::write_fully(to, piece)) {
            return false;
        }
        bytes -= piece.size();
    }
    return true;
}

// A file's content in the directory, whole and on the disk, under a name of its own.
Result<std::string> write_unfinished(int directory, const fs::path& shown,
                                     std::initializer_list<std::span<const std::byte>> parts) {
    std::string name = random_name(kUnfinished);
    const base::UniqueFd file(::openat(directory, name.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid()) {
        return std::unexpected(file_error(errno, "write in", shown));
    }
    bool good = true;
    for (const auto& part : parts) {
        good = good && base::write_fully(file.get(), part);
    }
    if (!good || ::fsync(file.get()) != 0) {
        const int error = errno;
        ::unlinkat(directory, name.c_str(), 0);
        return std::unexpected(file_error(error, "write in", shown));
    }
    return name;
}

struct FoundFile {
    std::string name;
    std::uint64_t bytes = 0;
    timespec used{};
};

// Every regular file of the directory.
std::vector<FoundFile> list_files(int directory) {
    std::vector<FoundFile> files;
    const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(own >= 0 ? ::fdopendir(own) : nullptr,
                                                     &::closedir);
    if (!stream) {
        return files;
    }
    while (const dirent* const entry = ::readdir(stream.get())) {
        struct stat status{};
        if (::fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            files.push_back({.name = entry->d_name,
                             .bytes = static_cast<std::uint64_t>(status.st_size),
                             .used = status.st_mtim});
        }
    }
    return files;
}

}  // namespace

CodeCache::CodeCache(CodeCacheOptions options, telemetry::Logger logger)
    : options_(std::move(options)), logger_(std::move(logger)) {
    if (auto opened = open(); !opened) {
        directory_.reset();
        warn_once(opened.error());
    }
}

Result<void> CodeCache::make_directory(const fs::path& directory) {
    if (auto made = make_directories(directory.parent_path()); !made) {
        return made;
    }
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        return std::unexpected(file_error(errno, "create the directory", directory));
    }
    return {};
}

Result<void> CodeCache::open() {
    const fs::path& path = options_.directory;
    if (auto made = make_directory(path); !made) {
        return made;
    }
    directory_ =
        base::UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!directory_.valid() || ::fstat(directory_.get(), &status) != 0) {
        return std::unexpected(file_error(errno, "open", path));
    }
    if (status.st_uid != ::geteuid()) {
        return fail(ErrorType::kPermissionDenied, "not_ours",
                    fmt::format("'{}' belongs to another user", path.string()));
    }
    if ((status.st_mode & 077) != 0) {
        // Whoever could write here may have left a key of their own.
        ::unlinkat(directory_.get(), kKeyName, 0);
        if (::fchmod(directory_.get(), 0700) != 0) {
            return std::unexpected(file_error(errno, "protect", path));
        }
    }
    // Two servers that start at once may both find none; one of them makes it.
    constexpr int kAttempts = 3;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        auto key = read_key();
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        if (*key) {
            key_ = **key;
            return {};
        }
        if (auto created = create_key(); !created) {
            return created;
        }
    }
    return fail(ErrorType::kUnavailable, "no_key",
                fmt::format("cannot create a key in '{}'", path.string()));
}

// Nothing where there is none that can be relied on.
Result<std::optional<CodeCache::Key>> CodeCache::read_key() const {
    const base::UniqueFd file(
        ::openat(directory_.get(), kKeyName, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.valid() && errno == ENOENT) {
        return std::nullopt;
    }
    struct stat status{};
    if (file.valid() && ::fstat(file.get(), &status) != 0) {
        return std::unexpected(file_error(errno, "read", options_.directory / kKeyName));
    }
    Key key{};
    if (!file.valid() || !S_ISREG(status.st_mode) || status.st_uid != ::geteuid() ||
        (status.st_mode & 077) != 0 || status.st_size != static_cast<off_t>(key.size()) ||
        !read_fully(file.get(), key)) {
        logger_.warn("the key of the machine code cache was replaced: it was not private or whole",
                     {{"directory", options_.directory.string()}});
        if (::unlinkat(directory_.get(), kKeyName, 0) != 0 && errno != ENOENT) {
            return std::unexpected(file_error(errno, "replace", options_.directory / kKeyName));
        }
        return std::nullopt;
    }
    return key;
}

Result<void> CodeCache::create_key() const {
    Key key{};
    base::fill_random(key);
    auto unfinished = write_unfinished(directory_.get(), options_.directory, {key});
    if (!unfinished) {
        return std::unexpected(std::move(unfinished.error()));
    }
    // Unlike rename(2) this never replaces the key of another process.
    const int linked =
        ::linkat(directory_.get(), unfinished->c_str(), directory_.get(), kKeyName, 0);
    const int error = errno;
    ::unlinkat(directory_.get(), unfinished->c_str(), 0);
    if (linked != 0 && error != EEXIST) {
        return std::unexpected(file_error(error, "create", options_.directory / kKeyName));
    }
    return {};
}

std::string CodeCache::entry_name(std::string_view module_digest) const {
    return fmt::format("{}-{}{}", module_digest, options_.fingerprint.substr(0, kNameDigits),
                       kEntrySuffix);
}

std::array<std::byte, 32> CodeCache::sign(std::string_view module_digest,
                                          std::span<const std::byte> code) const {
    const std::string entry =
        fmt::format("realm machine code 1\n{}\n{}\n", options_.fingerprint, module_digest);
    return hmac(key_, {base::as_bytes(entry), code});
}

std::optional<base::SealedMemory> CodeCache::verified(std::string_view module_digest,
                                                      const base::UniqueFd& file,
                                                      base::UniqueFd copy) const {
    struct stat status{};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size < static_cast<off_t>(kSignatureBytes)) {
        return std::nullopt;
    }
    std::array<std::byte, kSignatureBytes> signature{};
    if (!copy_fully(file.get(), copy.get(),
                    static_cast<std::uint64_t>(status.st_size) - kSignatureBytes) ||
        !read_fully(file.get(), signature)) {
        return std::nullopt;
    }
    auto sealed = base::SealedMemory::seal(std::move(copy));
    if (!sealed) {
        return std::nullopt;
    }
    const auto wanted = sign(module_digest, sealed->bytes());
    if (CRYPTO_memcmp(wanted.data(), signature.data(), signature.size()) != 0) {
        return std::nullopt;
    }
    return std::move(*sealed);
}

std::optional<base::SealedMemory> CodeCache::find(std::string_view module_digest) {
    if (!directory_.valid()) {
        return std::nullopt;
    }
    const std::string name = entry_name(module_digest);
    const base::UniqueFd file(
        ::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    // A link in its place is foreign; any other failure says nothing about the entry.
    const bool foreign = !file.valid() && errno == ELOOP;
    auto copy = base::SealedMemory::create();
    if ((!file.valid() && !foreign) || !copy) {
        const std::lock_guard lock(mutex_);
        ++counters_.misses;
        return std::nullopt;
    }
    auto code = foreign ? std::nullopt : verified(module_digest, file, std::move(*copy));
    const std::lock_guard lock(mutex_);
    if (!code) {
        ++counters_.damaged;
        logger_.warn("a damaged or foreign entry of the machine code cache was deleted",
                     {{"entry", name}});
        ::unlinkat(directory_.get(), name.c_str(), 0);
        return std::nullopt;
    }
    ++counters_.hits;
    // When it was last used; on a disk that cannot be written the order does not matter.
    static_cast<void>(::futimens(file.get(), nullptr));
    return code;
}

Result<void> CodeCache::write_entry(const std::string& name, std::span<const std::byte> code,
                                    std::span<const std::byte> signature) const {
    auto unfinished = write_unfinished(directory_.get(), options_.directory, {code, signature});
    if (!unfinished) {
        return std::unexpected(std::move(unfinished.error()));
    }
    if (::renameat(directory_.get(), unfinished->c_str(), directory_.get(), name.c_str()) != 0) {
        const int error = errno;
        ::unlinkat(directory_.get(), unfinished->c_str(), 0);
        return std::unexpected(file_error(error, "write in", options_.directory));
    }
    if (::fsync(directory_.get()) != 0) {
        return std::unexpected(file_error(errno, "sync", options_.directory));
    }
    return {};
}

void CodeCache::store(std::string_view module_digest, std::span<const std::byte> code) {
    if (!directory_.valid() || code.size() + kSignatureBytes > options_.max_bytes) {
        return;
    }
    const auto written = write_entry(entry_name(module_digest), code, sign(module_digest, code));
    if (!written) {
        warn_once(written.error());
        const std::lock_guard lock(mutex_);
        ++counters_.failed;
        return;
    }
    const std::lock_guard lock(mutex_);
    ++counters_.stored;
    evict();
}

void CodeCache::remove(std::string_view module_digest) {
    if (directory_.valid()) {
        ::unlinkat(directory_.get(), entry_name(module_digest).c_str(), 0);
    }
}

void CodeCache::evict() {
    std::vector<FoundFile> entries;
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::uint64_t total = 0;
    for (FoundFile& file : list_files(directory_.get())) {
        if (file.name.starts_with(kUnfinished) && now - file.used.tv_sec > kUnfinishedSeconds) {
            ::unlinkat(directory_.get(), file.name.c_str(), 0);
        } else if (file.name.ends_with(kEntrySuffix)) {
            total += file.bytes;
            entries.push_back(std::move(file));
        }
    }
    std::ranges::sort(entries, {}, [](const FoundFile& file) {
        return std::pair(file.used.tv_sec, file.used.tv_nsec);
    });
    for (const FoundFile& entry : entries) {
        if (total <= options_.max_bytes) {
            return;
        }
        ::unlinkat(directory_.get(), entry.name.c_str(), 0);
        total -= entry.bytes;
        ++counters_.evicted;
    }
}

void CodeCache::warn_once(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(warned_, true)) {
        logger_.warn("machine code is not kept: programs are compiled again at each start",
                     {{"reason", error.message}});
    }
}

CodeCache::Counters CodeCache::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

}  // namespace realm::registry
