#include "base/sealed_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace realm::base {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

std::unexpected<Error> no_file(const std::string& what) {
    return fail(ErrorType::kUnavailable, "no_memory_file",
                "cannot " + what + " a file in memory: " + std::generic_category().message(errno));
}

}  // namespace

Result<UniqueFd> SealedMemory::create() {
    UniqueFd file(::memfd_create("realm", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file.valid()) {
        return no_file("create");
    }
    return file;
}

Result<SealedMemory> SealedMemory::seal(UniqueFd file) {
    if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) {
        return no_file("seal");
    }
    return adopt(std::move(file));
}

Result<SealedMemory> SealedMemory::adopt(UniqueFd file) {
    const int seals = ::fcntl(file.get(), F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals) {
        errno = seals < 0 ? errno : EPERM;
        return no_file("trust");
    }
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) {
        return no_file("read");
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) {
        return SealedMemory(std::move(file), {});
    }
    void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (start == MAP_FAILED) {
        return no_file("map");
    }
    return SealedMemory(std::move(file), {static_cast<const std::byte*>(start), size});
}

Result<SealedMemory> SealedMemory::copy_of(std::span<const std::byte> bytes) {
    auto file = create();
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    if (!write_fully(file->get(), bytes)) {
        return no_file("write");
    }
    return seal(std::move(*file));
}

SealedMemory::~SealedMemory() {
    if (!bytes_.empty()) {
        ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    }
}

SealedMemory::SealedMemory(SealedMemory&& other) noexcept
    : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}

SealedMemory& SealedMemory::operator=(SealedMemory&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

bool write_fully(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace realm::base
