#include "process/landlock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>

#include "process/lockdown.h"
#include "process/tests/child.h"

namespace realm::process {
namespace {

namespace fs = std::filesystem;

constexpr int kNotApplied = 200;

std::string refused(int error) {
    return "exit " + std::to_string(error);
}

// A directory that may be read, one that may be written, one that is not named.
class Landlock : public testing::Test {
public:
    Landlock() : root_(fs::temp_directory_path() / ("realm-landlock-" + std::to_string(getpid()))) {
        for (const char* name : {"read", "write", "other"}) {
            fs::create_directories(root_ / name);
            std::ofstream(root_ / name / "file") << name;
        }
        rules_ = {
            .read = {root_ / "read", root_ / "missing"}, .write = {root_ / "write"}, .listen = {}};
    }
    ~Landlock() override { fs::remove_all(root_); }

protected:
    // What `body` ends with under the rules.
    std::string under(int abi, const std::function<int()>& body) const {
        return in_child([&] { return confine_files(rules_, abi) ? body() : kNotApplied; });
    }
    std::string opening(int abi, const fs::path& path, int flags) const {
        return under(abi, [&] { return outcome(::open((root_ / path).c_str(), flags, 0600)); });
    }

    fs::path root_;
    FileRules rules_;
};

// A TCP socket bound to any free port of this machine; its address goes to `address`.
int bound_socket(sockaddr_in& address) {
    address = {
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    const int file = ::socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(address);
    if (::bind(file, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(file, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        return -1;
    }
    return file;
}

int bind_outcome() {
    sockaddr_in address{};
    return bound_socket(address) < 0 ? errno : 0;
}

TEST_F(Landlock, says_so_where_the_kernel_has_none) {
    const auto applied = confine_files(rules_, 0);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, "landlock_missing");
    EXPECT_EQ(applied.error().message, "this kernel has no Landlock");
}

TEST_F(Landlock, leaves_the_named_files_at_every_abi) {
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        SCOPED_TRACE(abi);
        EXPECT_EQ(opening(abi, "read/file", O_RDONLY), "exit 0");
        EXPECT_EQ(opening(abi, "read/file", O_RDWR), refused(EACCES));
        EXPECT_EQ(opening(abi, "read/new", O_WRONLY | O_CREAT), refused(EACCES));
        EXPECT_EQ(opening(abi, "write/file", O_RDWR | O_TRUNC), "exit 0");
        EXPECT_EQ(opening(abi, "write/new", O_WRONLY | O_CREAT), "exit 0");
        EXPECT_EQ(opening(abi, "other/file", O_RDONLY), refused(EACCES));
        EXPECT_EQ(opening(abi, "other", O_RDONLY | O_DIRECTORY), refused(EACCES));
        EXPECT_EQ(opening(abi, "new", O_WRONLY | O_CREAT), refused(EACCES));
    }
}

TEST_F(Landlock, lets_written_files_be_renamed_and_removed) {
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        SCOPED_TRACE(abi);
        const fs::path place = root_ / "write";
        EXPECT_EQ(
            under(abi,
                  [&] {
                      std::ofstream(place / "one") << "1";
                      return outcome(::rename((place / "one").c_str(), (place / "two").c_str())) +
                             outcome(::mkdir((place / "made").c_str(), 0700)) +
                             outcome(::rmdir((place / "made").c_str())) +
                             outcome(::unlink((place / "two").c_str()));
                  }),
            "exit 0");
        EXPECT_EQ(under(abi, [&] { return outcome(::unlink((root_ / "read/file").c_str())); }),
                  refused(EACCES));
        EXPECT_EQ(
            under(abi, [&] { return outcome(::symlink("/etc/passwd", (place / "link").c_str())); }),
            refused(EACCES));
    }
}

TEST_F(Landlock, lets_nothing_be_executed) {
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        SCOPED_TRACE(abi);
        rules_.read = {"/"};
        EXPECT_EQ(under(abi,
                        [] {
                            std::array<char*, 1> nothing{nullptr};
                            return outcome(::execve("/bin/sh", nothing.data(), nothing.data()));
                        }),
                  refused(EACCES));
    }
}

TEST_F(Landlock, renames_between_directories_from_abi_2) {
    fs::create_directories(root_ / "write/sub");
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        SCOPED_TRACE(abi);
        std::ofstream(root_ / "write/moved") << "1";
        EXPECT_EQ(under(abi,
                        [&] {
                            return outcome(::rename((root_ / "write/moved").c_str(),
                                                    (root_ / "write/sub/moved").c_str()));
                        }),
                  abi < 2 ? refused(EXDEV) : "exit 0");
    }
}

TEST_F(Landlock, refuses_truncation_from_abi_3) {
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        SCOPED_TRACE(abi);
        EXPECT_EQ(
            under(abi, [&] { return outcome(::truncate((root_ / "other/file").c_str(), 0)); }),
            abi < 3 ? "exit 0" : refused(EACCES));
        EXPECT_EQ(
            under(abi, [&] { return outcome(::truncate((root_ / "write/file").c_str(), 0)); }),
            "exit 0");
    }
}

TEST_F(Landlock, leaves_the_named_ports_from_abi_4) {
    sockaddr_in address{};
    const int listener = bound_socket(address);
    ASSERT_EQ(::listen(listener, 8), 0);
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        SCOPED_TRACE(abi);
        rules_.listen = {};
        EXPECT_EQ(under(abi, bind_outcome), abi < 4 ? "exit 0" : refused(EACCES));
        EXPECT_EQ(
            under(abi,
                  [&] {
                      const int client = ::socket(AF_INET, SOCK_STREAM, 0);
                      return outcome(::connect(client, reinterpret_cast<const sockaddr*>(&address),
                                               sizeof(address)));
                  }),
            abi < 4 ? "exit 0" : refused(EACCES));
        rules_.listen = {0};
        EXPECT_EQ(under(abi, bind_outcome), "exit 0");
    }
    ::close(listener);
}

TEST_F(Landlock, signals_nobody_outside_from_abi_6) {
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        SCOPED_TRACE(abi);
        EXPECT_EQ(under(abi, [] { return outcome(::kill(::getppid(), 0)); }),
                  abi < 6 ? "exit 0" : refused(EPERM));
        EXPECT_EQ(under(abi, [] { return outcome(::kill(::getpid(), 0)); }), "exit 0");
    }
}

TEST_F(Landlock, refuses_directories_to_write_that_are_not_there) {
    rules_.write = {root_ / "missing"};
    for (int abi = 1; abi <= landlock_abi(); ++abi) {
        const auto applied = confine_files(rules_, abi);
        ASSERT_FALSE(applied);
        EXPECT_EQ(applied.error().code, "lockdown_failed");
        EXPECT_EQ(applied.error().message,
                  "Landlock: " + (root_ / "missing").string() + ": No such file or directory");
    }
}

}  // namespace
}  // namespace realm::process
