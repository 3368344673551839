#include "inference/swap_space.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace realm::inference {
namespace {

base::UniqueFd nameless_file(const std::filesystem::path& directory) {
    std::string path = (directory / "kv-XXXXXX").string();
    base::UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
    if (file.valid()) {
        ::unlink(path.c_str());
    }
    return file;
}

bool write_all(int file, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

SwapSpace::Saved::Saved(SwapSpace& space, std::vector<std::uint8_t> bytes)
    : space_(space), size_(bytes.size()), bytes_(std::move(bytes)) {
    place_ = space_.in_memory_.insert(space_.in_memory_.end(), this);
    space_.memory_used_ += size_;
}

SwapSpace::Saved::~Saved() {
    if (file_.valid()) {
        space_.disk_used_ -= size_;
    } else {
        space_.in_memory_.erase(place_);
        space_.memory_used_ -= size_;
    }
    space_.open_ = true;
}

std::shared_ptr<const SwapSpace::Saved> SwapSpace::put(std::vector<std::uint8_t> bytes) {
    auto saved = std::make_shared<Saved>(*this, std::move(bytes));
    const bool placed = saved->size() > options_.memory_bytes ? move_to_disk(*saved) : shrink();
    if (placed) {
        return saved;
    }
    saved.reset();
    open_ = false;
    return nullptr;
}

bool SwapSpace::shrink() {
    while (memory_used_ > options_.memory_bytes) {
        if (!move_to_disk(*in_memory_.front())) {
            return false;
        }
    }
    return true;
}

bool SwapSpace::move_to_disk(Saved& saved) {
    if (saved.size_ > options_.disk_bytes - disk_used_) {
        return false;
    }
    base::UniqueFd file = nameless_file(options_.directory);
    if (!file.valid() || !write_all(file.get(), saved.bytes_)) {
        return false;
    }
    in_memory_.erase(saved.place_);
    memory_used_ -= saved.size_;
    disk_used_ += saved.size_;
    saved.bytes_ = {};
    saved.file_ = std::move(file);
    return true;
}

Result<std::span<const std::uint8_t>> SwapSpace::get(const Saved& saved,
                                                     std::vector<std::uint8_t>& buffer) {
    if (!saved.file_.valid()) {
        return saved.bytes_;
    }
    buffer.resize(saved.size_);
    std::size_t read = 0;
    while (read < buffer.size()) {
        const ssize_t more = ::pread(saved.file_.get(), buffer.data() + read, buffer.size() - read,
                                     static_cast<off_t>(read));
        if (more < 0 && errno == EINTR) {
            continue;
        }
        if (more <= 0) {
            return fail(ErrorType::kUnavailable, "swap_failed",
                        fmt::format("a context's KV cells could not be read back from the disk: {}",
                                    more < 0 ? std::strerror(errno) : "the file is too short"));
        }
        read += static_cast<std::size_t>(more);
    }
    return buffer;
}

}  // namespace realm::inference
