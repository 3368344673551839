// The functions of WasiFiles that take paths, and those for sockets, which do not exist.
#include <utility>

#include "interfaces/wasi_files.h"

namespace realm::interfaces {

using namespace wasi;  // NOLINT(google-build-using-namespace): the names of its ABI

namespace {

std::int32_t status_of(const Scratch::Result<void>& done) {
    return done ? kSuccess : errno_of(done.error());
}

}  // namespace

auto WasiFiles::find_path(std::uint32_t fd, std::uint64_t right, std::string_view path)
    -> Found<Scratch::Node> {
    const auto base = find_directory(fd, right);
    if (!base) {
        return std::unexpected(base.error());
    }
    auto node = scratch_->find((*base)->node, path);
    if (!node) {
        return std::unexpected(errno_of(node.error()));
    }
    return std::move(*node);
}

auto WasiFiles::path_create_directory(std::uint32_t fd, std::string_view path) -> Status {
    const auto base = find_directory(fd, kPathCreateDirectory);
    return base ? status_of(scratch_->make_directory((*base)->node, path)) : base.error();
}

auto WasiFiles::path_filestat_get(std::uint32_t fd, std::uint32_t /*lookup*/, std::string_view path,
                                  Out<Filestat> out) -> Status {
    const auto node = find_path(fd, kPathFilestatGet, path);
    if (!node) {
        return node.error();
    }
    out.set(stat_of(**node));
    return kSuccess;
}

auto WasiFiles::path_filestat_set_times(std::uint32_t fd, std::uint32_t /*lookup*/,
                                        std::string_view path, std::uint64_t accessed,
                                        std::uint64_t modified, std::uint32_t flags) -> Status {
    const auto node = find_path(fd, kPathFilestatSetTimes, path);
    return node ? set_times(**node, accessed, modified, flags) : node.error();
}

auto WasiFiles::path_link(std::uint32_t fd, std::uint32_t /*lookup*/, std::string_view /*path*/,
                          std::uint32_t to_fd, std::string_view /*to_path*/) -> Status {
    return find(fd) && find(to_fd) ? kNotsup : kBadf;
}

auto WasiFiles::path_symlink(std::string_view /*target*/, std::uint32_t fd,
                             std::string_view /*path*/) -> Status {
    return find(fd) ? kNotsup : kBadf;
}

// Nothing is a link, so what is there is the wrong thing to ask.
auto WasiFiles::path_readlink(std::uint32_t fd, std::string_view path, std::span<char> /*target*/,
                              Out<std::uint32_t> /*used*/) -> Status {
    const auto node = find_path(fd, kPathReadlink, path);
    return node ? kInval : node.error();
}

auto WasiFiles::path_open(std::uint32_t fd, std::uint32_t /*lookup*/, std::string_view path,
                          std::uint32_t open_flags, std::uint64_t rights, std::uint64_t inheriting,
                          std::uint32_t fd_flags, Out<std::uint32_t> opened) -> Status {
    const bool creates = (open_flags & kCreate) != 0;
    const bool truncates = (open_flags & kTruncate) != 0;
    const auto base = find_directory(fd, kPathOpen | (creates ? kPathCreateFile : Right{}) |
                                             (truncates ? kPathFilestatSetSize : Right{}));
    if (!base) {
        return base.error();
    }
    if ((fd_flags & ~std::uint32_t{kAllFdFlags}) != 0) {
        return kInval;
    }
    const Descriptor from = **base;
    const auto number = free_number();
    if (!number) {
        return number.error();
    }
    const auto node = scratch_->open(from.node, path,
                                     {.create = creates,
                                      .exclusive = (open_flags & kExclusive) != 0,
                                      .directory = (open_flags & kOpenDirectory) != 0,
                                      .truncate = truncates});
    if (!node) {
        return errno_of(node.error());
    }
    const bool is_directory = (*node)->is_directory();
    if (is_directory && (rights & kFdWrite) != 0) {
        return kIsdir;
    }
    descriptors_[*number] = Descriptor{
        .node = *node,
        .rights = rights & from.inheriting & (is_directory ? kDirectoryRights : kFileRights),
        .inheriting = is_directory ? inheriting & from.inheriting : 0,
        .flags = static_cast<std::uint16_t>(fd_flags)};
    opened.set(*number);
    return kSuccess;
}

auto WasiFiles::path_remove_directory(std::uint32_t fd, std::string_view path) -> Status {
    const auto base = find_directory(fd, kPathRemoveDirectory);
    return base ? status_of(scratch_->remove_directory((*base)->node, path)) : base.error();
}

auto WasiFiles::path_rename(std::uint32_t fd, std::string_view path, std::uint32_t to_fd,
                            std::string_view to_path) -> Status {
    const auto from = find_directory(fd, kPathRenameSource);
    const auto target = find_directory(to_fd, kPathRenameTarget);
    if (!from || !target) {
        return from ? target.error() : from.error();
    }
    return status_of(scratch_->rename((*from)->node, path, (*target)->node, to_path));
}

auto WasiFiles::path_unlink_file(std::uint32_t fd, std::string_view path) -> Status {
    const auto base = find_directory(fd, kPathUnlinkFile);
    return base ? status_of(scratch_->unlink((*base)->node, path)) : base.error();
}

auto WasiFiles::sock_accept(std::uint32_t /*fd*/, std::uint32_t /*flags*/,
                            Out<std::uint32_t> /*accepted*/) -> Status {
    return kNotsup;
}

auto WasiFiles::sock_recv(std::uint32_t /*fd*/, Iovecs /*into*/, std::uint32_t /*flags*/,
                          Out<std::uint32_t> /*count*/, Out<std::uint16_t> /*out_flags*/)
    -> Status {
    return kNotsup;
}

auto WasiFiles::sock_send(std::uint32_t /*fd*/, Iovecs /*from*/, std::uint32_t /*flags*/,
                          Out<std::uint32_t> /*count*/) -> Status {
    return kNotsup;
}

auto WasiFiles::sock_shutdown(std::uint32_t /*fd*/, std::uint32_t /*how*/) -> Status {
    return kNotsup;
}

}  // namespace realm::interfaces
