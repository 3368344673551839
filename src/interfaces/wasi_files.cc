#include "interfaces/wasi_files.h"

#include <realm/realm.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace realm::interfaces {

using sandbox::Caller;
using sandbox::HostResult;
using namespace wasi;  // NOLINT(google-build-using-namespace): the names of its ABI

std::uint64_t wall_nanoseconds(const base::TimeSource& time) {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds(time.wall_now().time_since_epoch()).count());
}

WasiFiles::WasiFiles(LogInterface& log, base::TimeSource& time, const ScratchQuota& scratch)
    : time_(time), output_(log, REALM_LOG_INFO), error_(log, REALM_LOG_WARN) {
    constexpr std::uint64_t kStreamRights = kFdFdstatSetFlags | kFdFilestatGet | kPollFdReadwrite;
    descriptors_ = {Descriptor{.stream = Stream::kInput, .rights = kStreamRights | kFdRead},
                    Descriptor{.stream = Stream::kOutput, .rights = kStreamRights | kFdWrite},
                    Descriptor{.stream = Stream::kError, .rights = kStreamRights | kFdWrite}};
    if (scratch.bytes > 0) {
        scratch_.emplace(scratch, [&time] { return wall_nanoseconds(time); });
        descriptors_.emplace_back(Descriptor{.node = scratch_->root(),
                                             .rights = kDirectoryRights,
                                             .inheriting = kDirectoryRights | kFileRights,
                                             .preopened = true});
    }
}

void WasiFiles::flush() {
    output_.flush();
    error_.flush();
}

auto WasiFiles::find(std::uint32_t fd, std::uint64_t right) -> Found<Descriptor*> {
    if (fd >= descriptors_.size() || !descriptors_[fd]) {
        return std::unexpected(kBadf);
    }
    Descriptor& found = *descriptors_[fd];
    if ((found.rights & right) != right) {
        return std::unexpected(kNotcapable);
    }
    return &found;
}

auto WasiFiles::find_file(std::uint32_t fd, std::uint64_t right) -> Found<Descriptor*> {
    const auto found = find(fd);
    if (!found) {
        return found;
    }
    if ((*found)->stream != Stream::kNone) {
        return std::unexpected(kSpipe);
    }
    if ((*found)->node->is_directory()) {
        return std::unexpected(kIsdir);
    }
    return find(fd, right);
}

auto WasiFiles::find_directory(std::uint32_t fd, std::uint64_t right) -> Found<Descriptor*> {
    const auto found = find(fd);
    if (!found) {
        return found;
    }
    if ((*found)->stream != Stream::kNone || !(*found)->node->is_directory()) {
        return std::unexpected(kNotdir);
    }
    return find(fd, right);
}

auto WasiFiles::free_number() -> Found<std::uint32_t> {
    const auto free = std::ranges::find_if(descriptors_, [](const auto& place) { return !place; });
    const auto number = static_cast<std::size_t>(free - descriptors_.begin());
    if (number == kMostDescriptors) {
        return std::unexpected(kMfile);
    }
    if (number == descriptors_.size()) {
        descriptors_.emplace_back();
    }
    return static_cast<std::uint32_t>(number);
}

auto WasiFiles::readiness(std::uint32_t fd, EventType type) const -> Readiness {
    if (fd >= descriptors_.size() || !descriptors_[fd]) {
        return {.error = kBadf};
    }
    const Descriptor& found = *descriptors_[fd];
    const std::uint64_t right = kPollFdReadwrite | (type == kReadEvent ? kFdRead : kFdWrite);
    if ((found.rights & right) != right) {
        return {.error = kNotcapable};
    }
    if (type != kReadEvent) {
        return {};
    }
    const std::uint64_t size = found.node ? found.node->size() : 0;
    const std::uint64_t left = size > found.offset ? size - found.offset : 0;
    return {.error = kSuccess, .bytes = left, .at_end = left == 0};
}

auto WasiFiles::fd_advise(std::uint32_t fd, std::uint64_t /*offset*/, std::uint64_t /*length*/,
                          std::uint32_t advice) -> Status {
    constexpr std::uint32_t kLastAdvice = 5;
    const auto found = find_file(fd, kFdAdvise);
    return !found ? found.error() : advice > kLastAdvice ? kInval : kSuccess;
}

auto WasiFiles::fd_allocate(std::uint32_t fd, std::uint64_t offset, std::uint64_t length)
    -> Status {
    const auto found = find_file(fd, kFdAllocate);
    if (!found) {
        return found.error();
    }
    if (length == 0 || length > std::numeric_limits<std::uint64_t>::max() - offset) {
        return length == 0 ? kInval : kFbig;
    }
    const auto& node = (*found)->node;
    const auto resized = scratch_->resize(node, std::max(node->size(), offset + length));
    return resized ? kSuccess : errno_of(resized.error());
}

auto WasiFiles::fd_close(std::uint32_t fd) -> Status {
    const auto found = find(fd);
    if (!found) {
        return found.error();
    }
    descriptors_[fd].reset();
    return kSuccess;
}

auto WasiFiles::fd_datasync(std::uint32_t fd) -> Status {
    const auto found = find(fd);
    return found ? kSuccess : found.error();
}

auto WasiFiles::fd_sync(std::uint32_t fd) -> Status {
    return fd_datasync(fd);
}

auto WasiFiles::type_of(const Descriptor& descriptor) -> FileType {
    if (descriptor.stream != Stream::kNone) {
        return kCharacterDevice;
    }
    return descriptor.node->is_directory() ? kDirectory : kRegularFile;
}

auto WasiFiles::fd_fdstat_get(std::uint32_t fd, Out<Fdstat> out) -> Status {
    const auto found = find(fd);
    if (!found) {
        return found.error();
    }
    const Descriptor& descriptor = **found;
    out.set({.type = type_of(descriptor),
             .reserved = 0,
             .flags = descriptor.flags,
             .reserved_too = 0,
             .rights = descriptor.rights,
             .inheriting = descriptor.inheriting});
    return kSuccess;
}

auto WasiFiles::fd_fdstat_set_flags(std::uint32_t fd, std::uint32_t flags) -> Status {
    const auto found = find(fd, kFdFdstatSetFlags);
    if (!found) {
        return found.error();
    }
    if ((flags & ~std::uint32_t{kAllFdFlags}) != 0) {
        return kInval;
    }
    (*found)->flags = static_cast<std::uint16_t>(flags);
    return kSuccess;
}

auto WasiFiles::fd_fdstat_set_rights(std::uint32_t fd, std::uint64_t base, std::uint64_t inheriting)
    -> Status {
    const auto found = find(fd);
    if (!found) {
        return found.error();
    }
    Descriptor& descriptor = **found;
    if ((base & ~descriptor.rights) != 0 || (inheriting & ~descriptor.inheriting) != 0) {
        return kNotcapable;
    }
    descriptor.rights = base;
    descriptor.inheriting = inheriting;
    return kSuccess;
}

auto WasiFiles::stat_of(const ScratchNode& node) -> Filestat {
    return {.device = 1,
            .inode = node.id(),
            .type = node.is_directory() ? kDirectory : kRegularFile,
            .links = node.has_name() ? 1U : 0U,
            .size = node.size(),
            .accessed = node.times.accessed,
            .modified = node.times.modified,
            .changed = node.times.changed};
}

auto WasiFiles::fd_filestat_get(std::uint32_t fd, Out<Filestat> out) -> Status {
    const auto found = find(fd, kFdFilestatGet);
    if (!found) {
        return found.error();
    }
    const Descriptor& descriptor = **found;
    Filestat stat{};
    stat.type = kCharacterDevice;
    out.set(descriptor.node ? stat_of(*descriptor.node) : stat);
    return kSuccess;
}

auto WasiFiles::fd_filestat_set_size(std::uint32_t fd, std::uint64_t size) -> Status {
    const auto found = find_file(fd, kFdFilestatSetSize);
    if (!found) {
        return found.error();
    }
    const auto resized = scratch_->resize((*found)->node, size);
    return resized ? kSuccess : errno_of(resized.error());
}

auto WasiFiles::set_times(ScratchNode& node, std::uint64_t accessed, std::uint64_t modified,
                          std::uint32_t flags) const -> Status {
    constexpr std::uint32_t kAll = kAccess | kAccessNow | kModified | kModifiedNow;
    const auto both = [flags](std::uint32_t a, std::uint32_t b) {
        return (flags & a) != 0 && (flags & b) != 0;
    };
    if ((flags & ~kAll) != 0 || both(kAccess, kAccessNow) || both(kModified, kModifiedNow)) {
        return kInval;
    }
    const std::uint64_t now = wall_nanoseconds(time_);
    if ((flags & (kAccess | kAccessNow)) != 0) {
        node.times.accessed = (flags & kAccess) != 0 ? accessed : now;
    }
    if ((flags & (kModified | kModifiedNow)) != 0) {
        node.times.modified = (flags & kModified) != 0 ? modified : now;
    }
    node.times.changed = now;
    return kSuccess;
}

auto WasiFiles::fd_filestat_set_times(std::uint32_t fd, std::uint64_t accessed,
                                      std::uint64_t modified, std::uint32_t flags) -> Status {
    const auto found = find(fd, kFdFilestatSetTimes);
    return found ? set_times(*(*found)->node, accessed, modified, flags) : found.error();
}

auto WasiFiles::fd_prestat_get(std::uint32_t fd, Out<Prestat> out) -> Status {
    const auto found = find(fd);
    if (!found || !(*found)->preopened) {
        return kBadf;
    }
    out.set({.type = 0, .name_length = 1});
    return kSuccess;
}

auto WasiFiles::fd_prestat_dir_name(std::uint32_t fd, std::span<char> name) -> Status {
    const auto found = find(fd);
    if (!found || !(*found)->preopened) {
        return kBadf;
    }
    if (name.empty()) {
        return kNametoolong;
    }
    name.front() = '/';
    return kSuccess;
}

auto WasiFiles::fd_renumber(std::uint32_t from, std::uint32_t to) -> Status {
    const auto source = find(from);
    const auto target = find(to);
    if (!source || !target) {
        return kBadf;
    }
    if (from != to) {
        descriptors_[to] = std::exchange(descriptors_[from], std::nullopt);
    }
    return kSuccess;
}

auto WasiFiles::buffers_of(const Caller& caller, Iovecs iovecs) -> HostResult<Buffers> {
    Buffers buffers;
    std::size_t left = kMostBytes;
    for (std::size_t i = 0; i < iovecs.size(); ++i) {
        const auto buffer = caller.memory().span<std::byte>(iovecs[i].buffer, iovecs[i].length);
        if (!buffer) {
            return std::unexpected(
                caller.bad_pointer("buffer " + std::to_string(i + 1), buffer.error()));
        }
        buffers.push_back(buffer->first(std::min(left, buffer->size())));
        left -= buffers.back().size();
    }
    return buffers;
}

namespace {

// What a read or a write came to, for the guest.
std::int32_t moved(const std::expected<std::uint64_t, Errno>& bytes,
                   sandbox::Out<std::uint32_t>& count) {
    if (!bytes) {
        return bytes.error();
    }
    count.set(static_cast<std::uint32_t>(*bytes));
    return kSuccess;
}

}  // namespace

auto WasiFiles::read_file(const Scratch::Node& node, std::uint64_t offset, const Buffers& into)
    -> Found<std::uint64_t> {
    std::uint64_t done = 0;
    for (const auto& buffer : into) {
        if (done > std::numeric_limits<std::uint64_t>::max() - offset) {
            break;
        }
        const std::size_t count = scratch_->read(node, offset + done, buffer);
        done += count;
        if (count < buffer.size()) {
            break;
        }
    }
    return done;
}

auto WasiFiles::write_file(const Scratch::Node& node, std::uint64_t offset, const Buffers& from)
    -> Found<std::uint64_t> {
    std::uint64_t done = 0;
    for (const auto& buffer : from) {
        const auto count = scratch_->write(node, offset + done, buffer);
        if (!count) {
            return done > 0 ? Found<std::uint64_t>(done) : std::unexpected(errno_of(count.error()));
        }
        done += *count;
        if (*count < buffer.size()) {
            break;
        }
    }
    return done;
}

auto WasiFiles::write_stream(Stream stream, const Buffers& from) -> Found<std::uint64_t> {
    WasiLines& lines = stream == Stream::kError ? error_ : output_;
    std::uint64_t done = 0;
    for (const auto& buffer : from) {
        lines.write({reinterpret_cast<const char*>(buffer.data()), buffer.size()});
        done += buffer.size();
    }
    return done;
}

auto WasiFiles::fd_pread(Caller caller, std::uint32_t fd, Iovecs into, std::uint64_t offset,
                         Out<std::uint32_t> count) -> HostResult<Status> {
    const auto found = find_file(fd, kFdRead | kFdSeek);
    if (!found || into.size() > kMostIovecs) {
        return found ? kInval : found.error();
    }
    const auto buffers = buffers_of(caller, into);
    if (!buffers) {
        return std::unexpected(buffers.error());
    }
    return moved(read_file((*found)->node, offset, *buffers), count);
}

auto WasiFiles::fd_read(Caller caller, std::uint32_t fd, Iovecs into, Out<std::uint32_t> count)
    -> HostResult<Status> {
    const auto found = find(fd, kFdRead);
    if (!found || into.size() > kMostIovecs) {
        return found ? kInval : found.error();
    }
    const auto buffers = buffers_of(caller, into);
    if (!buffers) {
        return std::unexpected(buffers.error());
    }
    Descriptor& descriptor = **found;
    if (!descriptor.node) {
        return moved(0, count);
    }
    const auto bytes = read_file(descriptor.node, descriptor.offset, *buffers);
    descriptor.offset += bytes.value_or(0);
    return moved(bytes, count);
}

auto WasiFiles::fd_pwrite(Caller caller, std::uint32_t fd, Iovecs from, std::uint64_t offset,
                          Out<std::uint32_t> count) -> HostResult<Status> {
    const auto found = find_file(fd, kFdWrite | kFdSeek);
    if (!found || from.size() > kMostIovecs) {
        return found ? kInval : found.error();
    }
    const auto buffers = buffers_of(caller, from);
    if (!buffers) {
        return std::unexpected(buffers.error());
    }
    return moved(write_file((*found)->node, offset, *buffers), count);
}

auto WasiFiles::fd_write(Caller caller, std::uint32_t fd, Iovecs from, Out<std::uint32_t> count)
    -> HostResult<Status> {
    const auto found = find(fd, kFdWrite);
    if (!found || from.size() > kMostIovecs) {
        return found ? kInval : found.error();
    }
    const auto buffers = buffers_of(caller, from);
    if (!buffers) {
        return std::unexpected(buffers.error());
    }
    Descriptor& descriptor = **found;
    if (!descriptor.node) {
        return moved(write_stream(descriptor.stream, *buffers), count);
    }
    if ((descriptor.flags & kAppend) != 0) {
        descriptor.offset = descriptor.node->size();
    }
    const auto bytes = write_file(descriptor.node, descriptor.offset, *buffers);
    descriptor.offset += bytes.value_or(0);
    return moved(bytes, count);
}

auto WasiFiles::fd_readdir(std::uint32_t fd, std::span<std::byte> into, std::uint64_t cookie,
                           Out<std::uint32_t> used) -> Status {
    const auto found = find_directory(fd, kFdReaddir);
    if (!found) {
        return found.error();
    }
    // A full buffer tells the guest that there is more; the last entry may be cut.
    std::span<std::byte> left = into;
    const auto put = [&left](std::span<const std::byte> data) {
        const std::size_t part = std::min(data.size(), left.size());
        std::ranges::copy(data.first(part), left.begin());
        left = left.subspan(part);
    };
    const std::size_t most = into.size() / sizeof(Dirent) + 1;
    for (const Scratch::Entry& entry : scratch_->list((*found)->node, cookie, most)) {
        const Dirent head{.next = entry.number + 1,
                          .inode = entry.node->id(),
                          .name_length = static_cast<std::uint32_t>(entry.name.size()),
                          .type = entry.node->is_directory() ? kDirectory : kRegularFile};
        put(std::as_bytes(std::span(&head, 1)));
        put(std::as_bytes(std::span(entry.name)));
    }
    used.set(static_cast<std::uint32_t>(into.size() - left.size()));
    return kSuccess;
}

auto WasiFiles::fd_seek(std::uint32_t fd, std::int64_t offset, std::uint32_t whence,
                        Out<std::uint64_t> place) -> Status {
    const auto found = find_file(fd, kFdSeek);
    if (!found) {
        return found.error();
    }
    Descriptor& descriptor = **found;
    std::uint64_t from = 0;
    if (whence == kCurrent) {
        from = descriptor.offset;
    } else if (whence == kEnd) {
        from = descriptor.node->size();
    } else if (whence != kSet) {
        return kInval;
    }
    // Offsets stay below 2^63, as those of other systems do.
    std::int64_t target = 0;
    if (__builtin_add_overflow(static_cast<std::int64_t>(from), offset, &target)) {
        return kOverflow;
    }
    if (target < 0) {
        return kInval;
    }
    descriptor.offset = static_cast<std::uint64_t>(target);
    place.set(descriptor.offset);
    return kSuccess;
}

auto WasiFiles::fd_tell(std::uint32_t fd, Out<std::uint64_t> place) -> Status {
    const auto found = find_file(fd, kFdTell);
    if (!found) {
        return found.error();
    }
    place.set((*found)->offset);
    return kSuccess;
}

}  // namespace realm::interfaces
