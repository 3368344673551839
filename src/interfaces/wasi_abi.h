// WASI preview 1 as it looks in a guest's memory: error numbers, rights, structs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace realm::interfaces::wasi {

inline constexpr std::string_view kModule = "wasi_snapshot_preview1";

// What the functions return.
enum Errno : std::uint16_t {
    kSuccess = 0,
    kAcces = 2,
    kBadf = 8,
    kExist = 20,
    kFbig = 22,
    kIlseq = 25,
    kInval = 28,
    kIo = 29,
    kIsdir = 31,
    kMfile = 33,
    kNametoolong = 37,
    kNoent = 44,
    kNospc = 51,
    kNotdir = 54,
    kNotempty = 55,
    kNotsup = 58,
    kOverflow = 61,
    kSpipe = 70,
    kNotcapable = 76,
};

inline Errno errno_of(std::errc problem) {
    switch (problem) {
        case std::errc::no_such_file_or_directory:
            return kNoent;
        case std::errc::not_a_directory:
            return kNotdir;
        case std::errc::is_a_directory:
            return kIsdir;
        case std::errc::file_exists:
            return kExist;
        case std::errc::directory_not_empty:
            return kNotempty;
        case std::errc::no_space_on_device:
            return kNospc;
        case std::errc::filename_too_long:
            return kNametoolong;
        case std::errc::illegal_byte_sequence:
            return kIlseq;
        case std::errc::invalid_argument:
            return kInval;
        case std::errc::permission_denied:
            return kNotcapable;
        default:
            return kIo;
    }
}

enum ClockId : std::uint32_t { kRealtime = 0, kMonotonic = 1, kProcessCpu = 2, kThreadCpu = 3 };

enum Right : std::uint64_t {
    kFdDatasync = 1U << 0,
    kFdRead = 1U << 1,
    kFdSeek = 1U << 2,
    kFdFdstatSetFlags = 1U << 3,
    kFdSync = 1U << 4,
    kFdTell = 1U << 5,
    kFdWrite = 1U << 6,
    kFdAdvise = 1U << 7,
    kFdAllocate = 1U << 8,
    kPathCreateDirectory = 1U << 9,
    kPathCreateFile = 1U << 10,
    kPathOpen = 1U << 13,
    kFdReaddir = 1U << 14,
    kPathReadlink = 1U << 15,
    kPathRenameSource = 1U << 16,
    kPathRenameTarget = 1U << 17,
    kPathFilestatGet = 1U << 18,
    kPathFilestatSetSize = 1U << 19,
    kPathFilestatSetTimes = 1U << 20,
    kFdFilestatGet = 1U << 21,
    kFdFilestatSetSize = 1U << 22,
    kFdFilestatSetTimes = 1U << 23,
    kPathRemoveDirectory = 1U << 25,
    kPathUnlinkFile = 1U << 26,
    kPollFdReadwrite = 1U << 27,
};

inline constexpr std::uint64_t kFileRights =
    kFdDatasync | kFdRead | kFdSeek | kFdFdstatSetFlags | kFdSync | kFdTell | kFdWrite | kFdAdvise |
    kFdAllocate | kFdFilestatGet | kFdFilestatSetSize | kFdFilestatSetTimes | kPollFdReadwrite;
inline constexpr std::uint64_t kDirectoryRights =
    kFdDatasync | kFdFdstatSetFlags | kFdSync | kPathCreateDirectory | kPathCreateFile | kPathOpen |
    kFdReaddir | kPathReadlink | kPathRenameSource | kPathRenameTarget | kPathFilestatGet |
    kPathFilestatSetSize | kPathFilestatSetTimes | kFdFilestatGet | kFdFilestatSetTimes |
    kPathRemoveDirectory | kPathUnlinkFile;

enum FileType : std::uint8_t { kCharacterDevice = 2, kDirectory = 3, kRegularFile = 4 };

enum FdFlag : std::uint16_t { kAppend = 1, kAllFdFlags = 31 };
enum OpenFlag : std::uint16_t { kCreate = 1, kOpenDirectory = 2, kExclusive = 4, kTruncate = 8 };
enum TimeFlag : std::uint16_t { kAccess = 1, kAccessNow = 2, kModified = 4, kModifiedNow = 8 };
enum Whence : std::uint32_t { kSet = 0, kCurrent = 1, kEnd = 2 };

struct Iovec {
    std::uint32_t buffer;
    std::uint32_t length;
};

struct Fdstat {
    std::uint8_t type;
    std::uint8_t reserved;
    std::uint16_t flags;
    std::uint32_t reserved_too;
    std::uint64_t rights;
    std::uint64_t inheriting;
};
static_assert(sizeof(Fdstat) == 24 && offsetof(Fdstat, rights) == 8);

struct Filestat {
    std::uint64_t device;
    std::uint64_t inode;
    std::uint64_t type;  // one byte and padding
    std::uint64_t links;
    std::uint64_t size;
    std::uint64_t accessed;
    std::uint64_t modified;
    std::uint64_t changed;
};
static_assert(sizeof(Filestat) == 64);

struct Prestat {
    std::uint32_t type;  // 0: a directory
    std::uint32_t name_length;
};

struct Dirent {
    std::uint64_t next;
    std::uint64_t inode;
    std::uint32_t name_length;
    std::uint32_t type;  // one byte and padding
};
static_assert(sizeof(Dirent) == 24);

enum EventType : std::uint8_t { kClockEvent = 0, kReadEvent = 1, kWriteEvent = 2 };

struct Subscription {
    std::uint64_t userdata;
    std::uint8_t type;
    std::uint8_t reserved[7];
    std::uint32_t id;  // a clock or a descriptor
    std::uint32_t reserved_too;
    std::uint64_t timeout;  // what follows is of clocks alone
    std::uint64_t precision;
    std::uint16_t flags;  // 1: the timeout is a time
    std::uint16_t reserved_three[3];
};
static_assert(sizeof(Subscription) == 48 && offsetof(Subscription, timeout) == 24 &&
              offsetof(Subscription, flags) == 40);

struct Event {
    std::uint64_t userdata;
    std::uint16_t error;
    std::uint8_t type;
    std::uint8_t reserved[5];
    std::uint64_t bytes;
    std::uint16_t flags;  // 1: the other side has hung up
    std::uint16_t reserved_too[3];
};
static_assert(sizeof(Event) == 32 && offsetof(Event, error) == 8 && offsetof(Event, bytes) == 16);

}  // namespace realm::interfaces::wasi
