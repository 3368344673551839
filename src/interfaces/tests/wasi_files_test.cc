// WASI's descriptors, called directly with a piece of memory.
#include "interfaces/wasi_files.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/tests/manual_time.h"
#include "interfaces/tests/fakes.h"

namespace realm::interfaces {
namespace {

using namespace wasi;  // NOLINT(google-build-using-namespace): the names of its ABI
using Texts = std::vector<std::string>;

class WasiFilesTest : public ::testing::Test {
protected:
    static constexpr std::uint64_t kAll = ~std::uint64_t{0};

    // A call whose buffers are put into the memory at 64, their iovecs at 0.
    class Memory {
    public:
        explicit Memory(std::size_t size = 4096) : bytes_(size) {}

        sandbox::Caller caller() { return sandbox::Caller(call_.emplace(memory_of(*this))); }
        std::span<const Iovec> iovecs(const std::vector<std::uint32_t>& lengths) {
            std::uint32_t at = 64;
            iovecs_.clear();
            for (const std::uint32_t length : lengths) {
                iovecs_.push_back({.buffer = at, .length = length});
                at += length;
            }
            return iovecs_;
        }
        std::span<const Iovec> texts(const Texts& texts) {
            std::vector<std::uint32_t> lengths;
            std::size_t at = 64;
            for (const std::string& text : texts) {
                std::memcpy(bytes_.data() + at, text.data(), text.size());
                at += text.size();
                lengths.push_back(static_cast<std::uint32_t>(text.size()));
            }
            return iovecs(lengths);
        }
        std::string text(std::size_t length) {
            return {reinterpret_cast<const char*>(bytes_.data()) + 64, length};
        }

    private:
        static sandbox::HostCall memory_of(Memory& self) {
            return {nullptr, "call", sandbox::GuestMemory(self.bytes_), {}, self.clock_};
        }

        std::vector<std::byte> bytes_;
        std::vector<Iovec> iovecs_;
        testing::FakeCpuClock clock_;
        std::optional<sandbox::HostCall> call_;
    };

    std::int32_t open(std::string_view path, std::uint32_t flags = 0, std::uint64_t rights = kAll,
                      std::uint32_t fd_flags = 0) {
        return files_.path_open(3, 0, path, flags, rights, kAll, fd_flags, out(number_));
    }
    // The descriptor of a file that is made if need be.
    std::uint32_t opened(std::string_view path, std::uint64_t rights = kAll,
                         std::uint32_t fd_flags = 0) {
        EXPECT_EQ(open(path, kCreate, rights, fd_flags), kSuccess);
        return number_;
    }
    std::int32_t write(std::uint32_t fd, const Texts& texts) {
        return *files_.fd_write(memory_.caller(), fd, memory_.texts(texts), out(count_));
    }
    // What one read of so many bytes gives.
    std::string read(std::uint32_t fd, std::uint32_t most) {
        EXPECT_EQ(*files_.fd_read(memory_.caller(), fd, memory_.iovecs({most}), out(count_)),
                  kSuccess);
        return memory_.text(count_);
    }
    std::uint64_t seek(std::uint32_t fd, std::int64_t by, std::uint32_t whence) {
        EXPECT_EQ(files_.fd_seek(fd, by, whence, out(place_)), kSuccess);
        return place_;
    }
    Fdstat fdstat(std::uint32_t fd) {
        Fdstat stat{};
        EXPECT_EQ(files_.fd_fdstat_get(fd, out(stat)), kSuccess);
        return stat;
    }
    Filestat filestat(std::string_view path) {
        Filestat stat{};
        EXPECT_EQ(files_.path_filestat_get(3, 0, path, out(stat)), kSuccess);
        return stat;
    }
    template <class T>
    static sandbox::Out<T> out(T& place) {
        return sandbox::Out<T>(&place);
    }

    base::testing::ManualTime time_;
    std::shared_ptr<testing::FakeLog> port_ = std::make_shared<testing::FakeLog>();
    LogInterface log_{port_, {.bytes = std::size_t{8} << 20}, time_};
    WasiFiles files_{log_, time_, {.bytes = std::uint64_t{4} << 20, .entries = 200}};
    WasiFiles without_{log_, time_, {}};
    Memory memory_;
    std::uint32_t count_ = 0;
    std::uint32_t number_ = 0;
    std::uint64_t place_ = 0;
};

TEST_F(WasiFilesTest, OutputBecomesLines) {
    EXPECT_EQ(write(1, {"one", " line\nand ", "more"}), kSuccess);
    EXPECT_EQ(count_, 17U);
    EXPECT_EQ(write(2, {"error\n"}), kSuccess);
    EXPECT_EQ(port_->lines, (Texts{"one line", "error"}));
    files_.flush();
    EXPECT_EQ(port_->lines, (Texts{"one line", "error", "and more"}));
    EXPECT_EQ(write(0, {"x"}), kNotcapable);
}

TEST_F(WasiFilesTest, InputIsAtItsEnd) {
    EXPECT_EQ(read(0, 100), "");
    EXPECT_EQ(*files_.fd_read(memory_.caller(), 1, memory_.iovecs({1}), out(count_)), kNotcapable);
}

TEST_F(WasiFilesTest, StreamsAreTerminalsThatCannotSeek) {
    for (const std::uint32_t fd : {0U, 1U, 2U}) {
        EXPECT_EQ(fdstat(fd).type, kCharacterDevice);
        EXPECT_EQ(fdstat(fd).rights & (kFdSeek | kFdTell), 0U);
        EXPECT_EQ(files_.fd_seek(fd, 0, kSet, out(place_)), kSpipe);
        EXPECT_EQ(files_.fd_tell(fd, out(place_)), kSpipe);
        EXPECT_EQ(files_.fd_advise(fd, 0, 0, 0), kSpipe);
        EXPECT_EQ(*files_.fd_pread(memory_.caller(), fd, memory_.iovecs({1}), 0, out(count_)),
                  kSpipe);
        EXPECT_EQ(*files_.fd_pwrite(memory_.caller(), fd, memory_.iovecs({1}), 0, out(count_)),
                  kSpipe);
        EXPECT_EQ(files_.fd_filestat_set_size(fd, 0), kSpipe);
        EXPECT_EQ(files_.fd_filestat_set_times(fd, 0, 0, 0), kNotcapable);
        Filestat stat{};
        EXPECT_EQ(files_.fd_filestat_get(fd, out(stat)), kSuccess);
        EXPECT_EQ(stat.type, kCharacterDevice);
    }
    EXPECT_EQ(files_.fd_fdstat_set_flags(1, kAppend), kSuccess);
    EXPECT_EQ(fdstat(1).flags, kAppend);
    EXPECT_EQ(files_.fd_fdstat_set_flags(1, 32), kInval);
}

TEST_F(WasiFilesTest, WithoutAGrantThereAreNoFiles) {
    Prestat prestat{};
    EXPECT_EQ(without_.fd_prestat_get(3, out(prestat)), kBadf);
    EXPECT_EQ(without_.path_open(3, 0, "a", kCreate, kAll, kAll, 0, out(number_)), kBadf);
    EXPECT_EQ(without_.path_open(1, 0, "a", kCreate, kAll, kAll, 0, out(number_)), kNotdir);
    EXPECT_EQ(without_.fd_close(3), kBadf);
}

TEST_F(WasiFilesTest, TheScratchDirectoryIsTheRoot) {
    Prestat prestat{.type = 9, .name_length = 9};
    EXPECT_EQ(files_.fd_prestat_get(3, out(prestat)), kSuccess);
    EXPECT_EQ(prestat.type, 0U);
    EXPECT_EQ(prestat.name_length, 1U);
    std::array<char, 2> name{'?', '?'};
    EXPECT_EQ(files_.fd_prestat_dir_name(3, name), kSuccess);
    EXPECT_EQ(std::string(name.data(), 2), "/?");
    EXPECT_EQ(files_.fd_prestat_dir_name(3, {}), kNametoolong);
    EXPECT_EQ(files_.fd_prestat_get(1, out(prestat)), kBadf);
    EXPECT_EQ(files_.fd_prestat_get(4, out(prestat)), kBadf);
    EXPECT_EQ(fdstat(3).type, kDirectory);
    EXPECT_EQ(write(3, {"x"}), kNotcapable);
}

TEST_F(WasiFilesTest, FilesKeepAPlace) {
    const auto fd = opened("a");
    EXPECT_EQ(fd, 4U);
    EXPECT_EQ(write(fd, {"hello ", "world"}), kSuccess);
    EXPECT_EQ(count_, 11U);
    EXPECT_EQ(read(fd, 9), "");
    EXPECT_EQ(seek(fd, 4, kSet), 4U);
    EXPECT_EQ(read(fd, 3), "o w");
    EXPECT_EQ(seek(fd, -2, kCurrent), 5U);
    EXPECT_EQ(seek(fd, -5, kEnd), 6U);
    EXPECT_EQ(read(fd, 99), "world");
    EXPECT_EQ(files_.fd_tell(fd, out(place_)), kSuccess);
    EXPECT_EQ(place_, 11U);
    EXPECT_EQ(files_.fd_seek(fd, -12, kEnd, out(place_)), kInval);
    EXPECT_EQ(files_.fd_seek(fd, 0, 3, out(place_)), kInval);
    EXPECT_EQ(seek(fd, std::numeric_limits<std::int64_t>::max(), kSet), ~std::uint64_t{0} >> 1U);
    EXPECT_EQ(files_.fd_seek(fd, 1, kCurrent, out(place_)), kOverflow);
    EXPECT_EQ(write(fd, {"x"}), kNospc);
    EXPECT_EQ(read(fd, 1), "");
    EXPECT_EQ(*files_.fd_pread(memory_.caller(), fd, memory_.iovecs({3, 2}), 3, out(count_)),
              kSuccess);
    EXPECT_EQ(memory_.text(5), "lo wo");
    EXPECT_EQ(*files_.fd_pread(memory_.caller(), fd, memory_.iovecs({1}), kAll, out(count_)),
              kSuccess);
    EXPECT_EQ(count_, 0U);
    EXPECT_EQ(*files_.fd_pwrite(memory_.caller(), fd, memory_.texts({"HE", "L"}), 0, out(count_)),
              kSuccess);
    EXPECT_EQ(seek(fd, 0, kSet), 0U);
    EXPECT_EQ(read(fd, 5), "HELlo");
    EXPECT_EQ(files_.fd_sync(fd), kSuccess);
    EXPECT_EQ(files_.fd_datasync(99), kBadf);
}

TEST_F(WasiFilesTest, AppendedBytesGoToTheEnd) {
    const auto first = opened("a");
    const auto second = opened("a", kAll, kAppend);
    write(second, {"one"});
    write(first, {"TWO!"});
    write(second, {"three"});
    EXPECT_EQ(seek(first, 0, kSet), 0U);
    EXPECT_EQ(read(first, 99), "TWO!three");
}

TEST_F(WasiFilesTest, ACallMovesAtMostItsLimit) {
    Memory large(std::size_t{3} << 20);
    constexpr auto kMost = static_cast<std::uint32_t>(WasiFiles::kMostBytes);
    const auto fd = opened("a");
    EXPECT_EQ(*files_.fd_write(large.caller(), fd, large.iovecs({kMost - 1, 1}), out(count_)),
              kSuccess);
    EXPECT_EQ(count_, kMost);
    EXPECT_EQ(*files_.fd_write(large.caller(), fd, large.iovecs({kMost - 1, 3}), out(count_)),
              kSuccess);
    EXPECT_EQ(count_, kMost);
    seek(fd, 0, kSet);
    EXPECT_EQ(*files_.fd_read(large.caller(), fd, large.iovecs({1, kMost}), out(count_)), kSuccess);
    EXPECT_EQ(count_, kMost);
}

TEST_F(WasiFilesTest, TooManyBuffersAreRefused) {
    std::vector<std::uint32_t> lengths(WasiFiles::kMostIovecs, 1);
    EXPECT_EQ(*files_.fd_write(memory_.caller(), 1, memory_.iovecs(lengths), out(count_)),
              kSuccess);
    EXPECT_EQ(count_, WasiFiles::kMostIovecs);
    lengths.push_back(1);
    EXPECT_EQ(*files_.fd_write(memory_.caller(), 1, memory_.iovecs(lengths), out(count_)), kInval);
    EXPECT_EQ(*files_.fd_read(memory_.caller(), 0, memory_.iovecs(lengths), out(count_)), kInval);
    const auto fd = opened("a");
    EXPECT_EQ(*files_.fd_pwrite(memory_.caller(), fd, memory_.iovecs(lengths), 0, out(count_)),
              kInval);
    EXPECT_EQ(*files_.fd_pread(memory_.caller(), fd, memory_.iovecs(lengths), 0, out(count_)),
              kInval);
}

TEST_F(WasiFilesTest, ABadBufferIsAnErrorOfTheGuest) {
    const std::array<Iovec, 2> iovecs{{{.buffer = 64, .length = 1}, {.buffer = 4095, .length = 2}}};
    const auto written = files_.fd_write(memory_.caller(), 1, iovecs, out(count_));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, "bad_pointer");
    EXPECT_EQ(written.error().message,
              "call: buffer 2: offset 4095 with 2 bytes lies outside the guest's memory of 4096 "
              "bytes");
    files_.flush();
    EXPECT_EQ(port_->lines, Texts{});
}

TEST_F(WasiFilesTest, DescriptorsAreBoundedAndUsedAgain) {
    for (std::size_t i = 4; i < WasiFiles::kMostDescriptors; ++i) {
        EXPECT_EQ(opened("a"), i);
    }
    EXPECT_EQ(open("b", kCreate), kMfile);
    EXPECT_EQ(open("b"), kMfile);
    EXPECT_EQ(files_.fd_close(7), kSuccess);
    EXPECT_EQ(files_.fd_close(7), kBadf);
    EXPECT_EQ(open("b"), kNoent);
    EXPECT_EQ(opened("b"), 7U);
}

TEST_F(WasiFilesTest, DescriptorsAreRenumbered) {
    const auto file = opened("a");
    EXPECT_EQ(write(file, {"text"}), kSuccess);
    EXPECT_EQ(files_.fd_renumber(file, 1), kSuccess);
    EXPECT_EQ(files_.fd_close(file), kBadf);
    EXPECT_EQ(seek(1, 0, kSet), 0U);
    EXPECT_EQ(read(1, 9), "text");
    EXPECT_EQ(files_.fd_renumber(1, 9), kBadf);
    EXPECT_EQ(files_.fd_renumber(9, 1), kBadf);
    EXPECT_EQ(files_.fd_renumber(1, 1), kSuccess);
}

TEST_F(WasiFilesTest, RightsAreThoseAskedForAndOnlyShrink) {
    const auto reader = opened("a", kFdRead);
    EXPECT_EQ(write(reader, {"x"}), kNotcapable);
    EXPECT_EQ(files_.fd_seek(reader, 0, kSet, out(place_)), kNotcapable);
    EXPECT_EQ(fdstat(reader).rights, kFdRead);
    const auto file = opened("a");
    EXPECT_EQ(fdstat(file).rights, kFileRights);
    EXPECT_EQ(fdstat(file).type, kRegularFile);
    EXPECT_EQ(files_.fd_fdstat_set_rights(file, kFdRead, 0), kSuccess);
    EXPECT_EQ(files_.fd_fdstat_set_rights(file, kFdRead | kFdWrite, 0), kNotcapable);
    EXPECT_EQ(write(file, {"x"}), kNotcapable);
    EXPECT_EQ(files_.fd_fdstat_set_rights(3, kPathOpen, kFdRead), kSuccess);
    EXPECT_EQ(open("b", kCreate), kNotcapable);
    EXPECT_EQ(open("a", kTruncate), kNotcapable);
    EXPECT_EQ(open("a"), kSuccess);
    EXPECT_EQ(fdstat(number_).rights, kFdRead);
    EXPECT_EQ(files_.path_unlink_file(3, "a"), kNotcapable);
}

TEST_F(WasiFilesTest, PathsWorkBelowOpenDirectories) {
    EXPECT_EQ(files_.path_create_directory(3, "d"), kSuccess);
    EXPECT_EQ(files_.path_create_directory(3, "d"), kExist);
    EXPECT_EQ(open("d", 0, kFdRead | kFdWrite), kIsdir);
    EXPECT_EQ(open("d", kOpenDirectory, kAll & ~std::uint64_t{kFdWrite}), kSuccess);
    const std::uint32_t directory = number_;
    EXPECT_EQ(fdstat(directory).type, kDirectory);
    EXPECT_EQ(files_.path_open(directory, 0, "a", kCreate, kAll, 0, 0, out(number_)), kSuccess);
    write(number_, {"12345"});
    EXPECT_EQ(files_.path_open(directory, 0, "../d/a", 0, kAll, 0, 0, out(number_)), kNotcapable);
    EXPECT_EQ(files_.path_open(number_, 0, "a", 0, kAll, 0, 0, out(number_)), kNotdir);
    EXPECT_EQ(filestat("d/a").size, 5U);
    EXPECT_EQ(filestat("d/a").type, kRegularFile);
    EXPECT_EQ(filestat("d").type, kDirectory);
    EXPECT_EQ(filestat("d/a").links, 1U);
    EXPECT_NE(filestat("d/a").inode, filestat("d").inode);
    EXPECT_EQ(files_.path_rename(directory, "a", 3, "b"), kSuccess);
    EXPECT_EQ(files_.path_rename(directory, "a", 3, "b"), kNoent);
    EXPECT_EQ(files_.path_rename(1, "a", 3, "b"), kNotdir);
    EXPECT_EQ(files_.path_remove_directory(3, "d"), kSuccess);
    EXPECT_EQ(files_.path_unlink_file(3, "b"), kSuccess);
    EXPECT_EQ(files_.path_unlink_file(3, "b"), kNoent);
    EXPECT_EQ(open("b", 0, kAll, 32), kInval);
}

TEST_F(WasiFilesTest, ThereAreNoLinks) {
    opened("a");
    EXPECT_EQ(files_.path_link(3, 0, "a", 3, "b"), kNotsup);
    EXPECT_EQ(files_.path_link(9, 0, "a", 3, "b"), kBadf);
    EXPECT_EQ(files_.path_symlink("a", 3, "b"), kNotsup);
    EXPECT_EQ(files_.path_symlink("a", 9, "b"), kBadf);
    EXPECT_EQ(files_.path_readlink(3, "a", {}, out(count_)), kInval);
    EXPECT_EQ(files_.path_readlink(3, "b", {}, out(count_)), kNoent);
}

TEST_F(WasiFilesTest, SizesAreSetWithinTheQuota) {
    const auto fd = opened("a");
    write(fd, {"12345"});
    EXPECT_EQ(files_.fd_filestat_set_size(fd, 2), kSuccess);
    EXPECT_EQ(filestat("a").size, 2U);
    EXPECT_EQ(files_.fd_filestat_set_size(fd, std::uint64_t{4} << 20), kSuccess);
    EXPECT_EQ(files_.fd_filestat_set_size(fd, (std::uint64_t{4} << 20) + 1), kNospc);
    EXPECT_EQ(files_.fd_filestat_set_size(fd, 0), kSuccess);
    EXPECT_EQ(files_.fd_allocate(fd, 10, 10), kSuccess);
    EXPECT_EQ(files_.fd_allocate(fd, 0, 1), kSuccess);
    EXPECT_EQ(filestat("a").size, 20U);
    EXPECT_EQ(files_.fd_allocate(fd, 0, 0), kInval);
    EXPECT_EQ(files_.fd_allocate(fd, 1, kAll), kFbig);
    EXPECT_EQ(files_.fd_allocate(fd, 0, kAll), kNospc);
    EXPECT_EQ(files_.fd_allocate(3, 0, 1), kIsdir);
    EXPECT_EQ(files_.fd_advise(fd, 0, 0, 5), kSuccess);
    EXPECT_EQ(files_.fd_advise(fd, 0, 0, 6), kInval);
}

TEST_F(WasiFilesTest, TimesAreSetAsAsked) {
    const auto fd = opened("a");
    constexpr std::uint64_t kNow = 1'000'000'000'000'000;
    EXPECT_EQ(filestat("a").modified, kNow);
    EXPECT_EQ(files_.path_filestat_set_times(3, 0, "a", 5, 6, kAccess | kModified), kSuccess);
    EXPECT_EQ(filestat("a").accessed, 5U);
    EXPECT_EQ(filestat("a").modified, 6U);
    EXPECT_EQ(files_.fd_filestat_set_times(fd, 7, 8, kModifiedNow), kSuccess);
    EXPECT_EQ(filestat("a").accessed, 5U);
    EXPECT_EQ(filestat("a").modified, kNow);
    EXPECT_EQ(files_.fd_filestat_set_times(fd, 7, 8, kModified | kModifiedNow), kInval);
    EXPECT_EQ(files_.fd_filestat_set_times(fd, 7, 8, kAccess | kAccessNow), kInval);
    EXPECT_EQ(files_.fd_filestat_set_times(fd, 7, 8, 16), kInval);
    EXPECT_EQ(files_.path_filestat_set_times(3, 0, "b", 7, 8, 0), kNoent);
}

// The entries that a buffer of `size` holds whole, with the cookie behind the last.
std::pair<Texts, std::uint64_t> entries_of(std::span<const std::byte> buffer) {
    std::pair<Texts, std::uint64_t> found;
    while (buffer.size() >= sizeof(Dirent)) {
        Dirent head{};
        std::memcpy(&head, buffer.data(), sizeof(head));
        if (buffer.size() < sizeof(head) + head.name_length) {
            break;
        }
        found.first.emplace_back(base::as_text(buffer.subspan(sizeof(head), head.name_length)));
        found.second = head.next;
        buffer = buffer.subspan(sizeof(head) + head.name_length);
    }
    return found;
}

TEST_F(WasiFilesTest, DirectoriesAreReadPieceByPiece) {
    opened("first");
    EXPECT_EQ(files_.path_create_directory(3, "second"), kSuccess);
    std::vector<std::byte> buffer(1000);
    EXPECT_EQ(files_.fd_readdir(3, buffer, 0, out(count_)), kSuccess);
    EXPECT_EQ(count_, 4 * sizeof(Dirent) + 14);
    EXPECT_EQ(entries_of(std::span(buffer).first(count_)).first,
              (Texts{".", "..", "first", "second"}));
    // Two entries and a part of the third: a full buffer says that there is more.
    buffer.resize(60);
    EXPECT_EQ(files_.fd_readdir(3, buffer, 0, out(count_)), kSuccess);
    EXPECT_EQ(count_, 60U);
    const auto [names, next] = entries_of(buffer);
    EXPECT_EQ(names, (Texts{".", ".."}));
    EXPECT_EQ(files_.fd_readdir(3, buffer, next, out(count_)), kSuccess);
    EXPECT_EQ(entries_of(buffer).first, (Texts{"first", "second"}));
    EXPECT_EQ(files_.fd_readdir(3, buffer, kAll, out(count_)), kSuccess);
    EXPECT_EQ(count_, 0U);
    EXPECT_EQ(files_.fd_readdir(1, buffer, 0, out(count_)), kNotdir);
}

TEST_F(WasiFilesTest, SocketsAreNotThere) {
    std::uint16_t flags = 0;
    EXPECT_EQ(files_.sock_accept(3, 0, out(number_)), kNotsup);
    EXPECT_EQ(files_.sock_recv(3, {}, 0, out(count_), out(flags)), kNotsup);
    EXPECT_EQ(files_.sock_send(3, {}, 0, out(count_)), kNotsup);
    EXPECT_EQ(files_.sock_shutdown(3, 0), kNotsup);
}

}  // namespace
}  // namespace realm::interfaces
