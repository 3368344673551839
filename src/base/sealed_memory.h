// Bytes in memory that can be handed to another process or mapped, and that no one can change any
// more: a memfd with all its seals.
#pragma once

#include <cstddef>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"

namespace realm::base {

// Owns the file and a read-only view of it. Immutable, so any thread may read it.
class SealedMemory {
public:
    // An empty memfd to be written and then sealed. Errors: unavailable/no_memory_file.
    static Result<UniqueFd> create();

    // Takes a file of create(), whoever wrote it. Fails with unavailable/no_memory_file while
    // someone has it mapped for writing.
    static Result<SealedMemory> seal(UniqueFd file);

    // Takes a file that is sealed already; unavailable/no_memory_file where it is not.
    static Result<SealedMemory> adopt(UniqueFd file);

    static Result<SealedMemory> copy_of(std::span<const std::byte> bytes);

    ~SealedMemory();
    SealedMemory(SealedMemory&& other) noexcept;
    SealedMemory& operator=(SealedMemory&& other) noexcept;
    SealedMemory(const SealedMemory&) = delete;
    SealedMemory& operator=(const SealedMemory&) = delete;

    [[nodiscard]] int fd() const { return file_.get(); }
    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

private:
    SealedMemory(UniqueFd file, std::span<const std::byte> bytes)
        : file_(std::move(file)), bytes_(bytes) {}

    UniqueFd file_;
    std::span<const std::byte> bytes_;
};

// Writes all of it at the file's position; false, with errno set, where that fails.
bool write_fully(int fd, std::span<const std::byte> bytes);

}  // namespace realm::base
