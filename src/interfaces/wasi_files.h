// WASI's descriptors: the standard streams and, where it was granted, a scratch directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/time_source.h"
#include "interfaces/scratch.h"
#include "interfaces/wasi_abi.h"
#include "interfaces/wasi_lines.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// The functions fd_*, path_* and sock_* of one instance. They return WASI's error numbers. Standard
// input is always at its end; standard output and error go to the run's log, line by line. With a
// quota above 0 descriptor 3 is the scratch directory, "/" for the guest; without one no path can
// be opened. There are no links and no sockets. Used from executor threads, by one call at a time.
class WasiFiles {
public:
    using Status = std::int32_t;
    using Iovecs = std::span<const wasi::Iovec>;
    template <class T>
    using Out = sandbox::Out<T>;

    // Open at one time, the standard streams among them.
    static constexpr std::size_t kMostDescriptors = 128;
    // Moved by one call; what a guest asks for beyond it is a short read or write.
    static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
    static constexpr std::size_t kMostIovecs = 1024;

    // `log` and `time` outlive it.
    WasiFiles(LogInterface& log, base::TimeSource& time, const ScratchQuota& scratch);

    // Logs what the program has printed and not ended with a line end.
    void flush();
    // What poll_oneoff says of a descriptor: nothing when it has no such right or is not open,
    // else how many bytes can be read without a wait.
    struct Readiness {
        wasi::Errno error = wasi::kSuccess;
        std::uint64_t bytes = 0;
        bool at_end = false;
    };
    [[nodiscard]] Readiness readiness(std::uint32_t fd, wasi::EventType type) const;

    Status fd_advise(std::uint32_t fd, std::uint64_t offset, std::uint64_t length,
                     std::uint32_t advice);
    Status fd_allocate(std::uint32_t fd, std::uint64_t offset, std::uint64_t length);
    Status fd_close(std::uint32_t fd);
    Status fd_datasync(std::uint32_t fd);
    Status fd_fdstat_get(std::uint32_t fd, Out<wasi::Fdstat> out);
    Status fd_fdstat_set_flags(std::uint32_t fd, std::uint32_t flags);
    Status fd_fdstat_set_rights(std::uint32_t fd, std::uint64_t base, std::uint64_t inheriting);
    Status fd_filestat_get(std::uint32_t fd, Out<wasi::Filestat> out);
    Status fd_filestat_set_size(std::uint32_t fd, std::uint64_t size);
    Status fd_filestat_set_times(std::uint32_t fd, std::uint64_t accessed, std::uint64_t modified,
                                 std::uint32_t flags);
    sandbox::HostResult<Status> fd_pread(sandbox::Caller caller, std::uint32_t fd, Iovecs into,
                                         std::uint64_t offset, Out<std::uint32_t> count);
    Status fd_prestat_get(std::uint32_t fd, Out<wasi::Prestat> out);
    Status fd_prestat_dir_name(std::uint32_t fd, std::span<char> name);
    sandbox::HostResult<Status> fd_pwrite(sandbox::Caller caller, std::uint32_t fd, Iovecs from,
                                          std::uint64_t offset, Out<std::uint32_t> count);
    sandbox::HostResult<Status> fd_read(sandbox::Caller caller, std::uint32_t fd, Iovecs into,
                                        Out<std::uint32_t> count);
    Status fd_readdir(std::uint32_t fd, std::span<std::byte> into, std::uint64_t cookie,
                      Out<std::uint32_t> used);
    Status fd_renumber(std::uint32_t from, std::uint32_t to);
    Status fd_seek(std::uint32_t fd, std::int64_t offset, std::uint32_t whence,
                   Out<std::uint64_t> place);
    Status fd_sync(std::uint32_t fd);
    Status fd_tell(std::uint32_t fd, Out<std::uint64_t> place);
    sandbox::HostResult<Status> fd_write(sandbox::Caller caller, std::uint32_t fd, Iovecs from,
                                         Out<std::uint32_t> count);

    Status path_create_directory(std::uint32_t fd, std::string_view path);
    Status path_filestat_get(std::uint32_t fd, std::uint32_t lookup, std::string_view path,
                             Out<wasi::Filestat> out);
    Status path_filestat_set_times(std::uint32_t fd, std::uint32_t lookup, std::string_view path,
                                   std::uint64_t accessed, std::uint64_t modified,
                                   std::uint32_t flags);
    Status path_link(std::uint32_t fd, std::uint32_t lookup, std::string_view path,
                     std::uint32_t to_fd, std::string_view to_path);
    Status path_open(std::uint32_t fd, std::uint32_t lookup, std::string_view path,
                     std::uint32_t open_flags, std::uint64_t rights, std::uint64_t inheriting,
                     std::uint32_t fd_flags, Out<std::uint32_t> opened);
    Status path_readlink(std::uint32_t fd, std::string_view path, std::span<char> target,
                         Out<std::uint32_t> used);
    Status path_remove_directory(std::uint32_t fd, std::string_view path);
    Status path_rename(std::uint32_t fd, std::string_view path, std::uint32_t to_fd,
                       std::string_view to_path);
    Status path_symlink(std::string_view target, std::uint32_t fd, std::string_view path);
    Status path_unlink_file(std::uint32_t fd, std::string_view path);

    Status sock_accept(std::uint32_t fd, std::uint32_t flags, Out<std::uint32_t> accepted);
    Status sock_recv(std::uint32_t fd, Iovecs into, std::uint32_t flags, Out<std::uint32_t> count,
                     Out<std::uint16_t> out_flags);
    Status sock_send(std::uint32_t fd, Iovecs from, std::uint32_t flags, Out<std::uint32_t> count);
    Status sock_shutdown(std::uint32_t fd, std::uint32_t how);

private:
    enum class Stream : std::uint8_t { kNone, kInput, kOutput, kError };

    struct Descriptor {
        Stream stream = Stream::kNone;
        Scratch::Node node{};  // of what is no stream
        std::uint64_t rights = 0;
        std::uint64_t inheriting = 0;
        std::uint64_t offset = 0;
        std::uint16_t flags = 0;
        bool preopened = false;
    };
    template <class T>
    using Found = std::expected<T, wasi::Errno>;
    using Buffers = std::vector<std::span<std::byte>>;

    // kBadf when it is not open, kNotcapable without the right.
    Found<Descriptor*> find(std::uint32_t fd, std::uint64_t right = 0);
    // One with a file behind it: kSpipe for a stream, kIsdir for a directory.
    Found<Descriptor*> find_file(std::uint32_t fd, std::uint64_t right = 0);
    Found<Descriptor*> find_directory(std::uint32_t fd, std::uint64_t right);
    Found<Scratch::Node> find_path(std::uint32_t fd, std::uint64_t right, std::string_view path);
    // The lowest number that is free; kMfile when none is.
    Found<std::uint32_t> free_number();

    // The guest's buffers, cut to kMostBytes together.
    static sandbox::HostResult<Buffers> buffers_of(const sandbox::Caller& caller, Iovecs iovecs);
    Found<std::uint64_t> read_file(const Scratch::Node& node, std::uint64_t offset,
                                   const Buffers& into);
    Found<std::uint64_t> write_file(const Scratch::Node& node, std::uint64_t offset,
                                    const Buffers& from);
    Found<std::uint64_t> write_stream(Stream stream, const Buffers& from);
    Status set_times(ScratchNode& node, std::uint64_t accessed, std::uint64_t modified,
                     std::uint32_t flags) const;
    static wasi::Filestat stat_of(const ScratchNode& node);
    static wasi::FileType type_of(const Descriptor& descriptor);

    base::TimeSource& time_;
    WasiLines output_;
    WasiLines error_;
    std::optional<Scratch> scratch_;
    std::vector<std::optional<Descriptor>> descriptors_;
};

// Nanoseconds since the Unix epoch.
std::uint64_t wall_nanoseconds(const base::TimeSource& time);

}  // namespace realm::interfaces
