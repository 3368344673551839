// Where the KV cells of idle contexts wait: in this process's memory, then in files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace realm::inference {

// Owned by the engine; its thread only, which waits for the disk. A file has no name once it is
// open, so nobody else finds it and nothing is left when the process dies.
class SwapSpace {
public:
    struct Options {
        std::uint64_t memory_bytes = 0;  // 0: none
        std::uint64_t disk_bytes = 0;    // 0: none
        std::filesystem::path directory = {};
    };

    // What was put; several contexts may hold it, and its room is free when the last one lets go.
    // Must not outlive the space.
    class Saved;

    explicit SwapSpace(Options options)
        : options_(std::move(options)),
          open_(options_.memory_bytes > 0 || options_.disk_bytes > 0) {}
    ~SwapSpace() = default;
    SwapSpace(const SwapSpace&) = delete;
    SwapSpace& operator=(const SwapSpace&) = delete;

    // Null when there is no room, or the disk does not take it. What lay in memory longest goes to
    // the disk first.
    std::shared_ptr<const Saved> put(std::vector<std::uint8_t> bytes);
    // What was put, read into `buffer` if it is on the disk. unavailable/swap_failed when that does
    // not give it back.
    static Result<std::span<const std::uint8_t>> get(const Saved& saved,
                                                     std::vector<std::uint8_t>& buffer);

    // Whether trying is worth while: there is some room, and since put() last failed something was
    // given back.
    [[nodiscard]] bool open() const { return open_; }
    [[nodiscard]] std::uint64_t memory_used() const { return memory_used_; }
    [[nodiscard]] std::uint64_t disk_used() const { return disk_used_; }

private:
    // Moves to the disk what is too much for the memory.
    bool shrink();
    bool move_to_disk(Saved& saved);

    const Options options_;
    bool open_;
    std::list<Saved*> in_memory_;  // the oldest first
    std::uint64_t memory_used_ = 0;
    std::uint64_t disk_used_ = 0;
};

class SwapSpace::Saved {
public:
    Saved(SwapSpace& space, std::vector<std::uint8_t> bytes);
    ~Saved();
    Saved(const Saved&) = delete;
    Saved& operator=(const Saved&) = delete;

    [[nodiscard]] std::size_t size() const { return size_; }

private:
    friend class SwapSpace;

    SwapSpace& space_;
    const std::size_t size_;
    std::vector<std::uint8_t> bytes_;  // empty once they are in the file
    base::UniqueFd file_;
    std::list<Saved*>::iterator place_;  // while in memory
};

}  // namespace realm::inference
