#include "registry/file_util.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

#include "registry/child_process.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

using test::content_of;
using test::TemporaryDirectory;
using test::write_content;

TEST(FileUtil, HashesFiles) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "x";
    write_content(path, "abc");
    EXPECT_EQ(file_sha256(path),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(text_sha256("abc"), *file_sha256(path));
    write_content(path, "");
    EXPECT_EQ(file_sha256(path),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const std::string large(3'000'000, 'x');
    write_content(path, large);
    std::uint64_t last = 0;
    EXPECT_EQ(file_sha256(path,
                          [&](std::uint64_t done, std::uint64_t total) {
                              EXPECT_EQ(total, large.size());
                              last = done;
                          }),
              text_sha256(large));
    EXPECT_EQ(last, large.size());
}

TEST(FileUtil, TellsWhatCannotBeHashed) {
    const TemporaryDirectory directory;
    const auto missing = file_sha256(directory.path() / "x");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, "file_not_found");
    EXPECT_EQ(missing.error().message, fmt::format("cannot read '{}': No such file or directory",
                                                   (directory.path() / "x").string()));
    const auto folder = file_sha256(directory.path());
    ASSERT_FALSE(folder.has_value());
    EXPECT_EQ(folder.error().code, "not_a_file");
    write_content(directory.path() / "y", "abc");
    std::stop_source stop;
    stop.request_stop();
    const auto stopped = file_sha256(directory.path() / "y", nullptr, stop.get_token());
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().type, ErrorType::kCancelled);
}

TEST(FileUtil, SortsSystemErrors) {
    EXPECT_EQ(file_error(EACCES, "read", "x").type, ErrorType::kPermissionDenied);
    EXPECT_EQ(file_error(EROFS, "read", "x").code, "permission_denied");
    EXPECT_EQ(file_error(ENOSPC, "write", "x").code, "disk_full");
    EXPECT_EQ(file_error(EDQUOT, "write", "x").type, ErrorType::kUnavailable);
    EXPECT_EQ(file_error(EIO, "write", "x").type, ErrorType::kInternal);
    EXPECT_EQ(file_error(EIO, "write", "x").message, "cannot write 'x': Input/output error");
}

TEST(FileUtil, ReadsUpToTheLimit) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "x";
    write_content(path, "12345");
    EXPECT_EQ(read_file(path, 5), "12345");
    const auto large = read_file(path, 4);
    ASSERT_FALSE(large.has_value());
    EXPECT_EQ(large.error().code, "file_too_large");
    EXPECT_EQ(large.error().message,
              fmt::format("'{}' has 5 bytes; at most 4 are allowed", path.string()));
}

TEST(FileUtil, WritesWholeFilesOrNone) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "x";
    ASSERT_TRUE(write_file_atomically(path, "one"));
    ASSERT_TRUE(write_file_atomically(path, "two"));
    EXPECT_EQ(content_of(path), "two");
    EXPECT_EQ(test::files_below(directory.path()), std::vector<std::string>{"x"});
    std::filesystem::create_directory(directory.path() / "taken");
    const auto taken = write_file_atomically(directory.path() / "taken", "three");
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().code, "io_error");
    EXPECT_EQ(test::files_below(directory.path()), std::vector<std::string>{"x"});
}

TEST(FileUtil, LocksExcludeEachOther) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "lock";
    auto first = FileLock::acquire(path, nullptr, {});
    ASSERT_TRUE(first.has_value());
    std::stop_source stop;
    int waits = 0;
    const auto second = FileLock::acquire(
        path,
        [&] {
            ++waits;
            stop.request_stop();
        },
        stop.get_token());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().type, ErrorType::kCancelled);
    EXPECT_EQ(waits, 1);
    // Freed while another waits.
    const auto third =
        FileLock::acquire(path, [&] { first = fail(ErrorType::kInternal, "freed", ""); }, {});
    EXPECT_TRUE(third.has_value());
}

TEST(ChildProcess, KeepsStandardErrorAndTheExitCode) {
    const TemporaryDirectory directory;
    const auto result =
        run_child({.arguments = {"sh", "-c", "pwd >&2; echo $X$0 >&2; exit 7", "; a"},
                   .directory = directory.path(),
                   .environment = {{"X", "y"}},
                   .stop = {}});
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->exit_code, 7);
    EXPECT_EQ(result->error_text, directory.path().string() + "\ny; a\n");
}

TEST(ChildProcess, KeepsTheEndOfALongText) {
    const auto result = run_child({.arguments = {"sh", "-c",
                                                 "i=0; while [ $i -lt 3000 ]; do echo "
                                                 "0123456789012345678901234567890123456789 >&2; "
                                                 "i=$((i+1)); done; printf end >&2"},
                                   .directory = "/",
                                   .environment = {},
                                   .stop = {}});
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->exit_code, 0);
    EXPECT_EQ(result->error_text.size(), std::size_t{64} << 10);
    EXPECT_TRUE(result->error_text.ends_with("6789\nend"));
}

TEST(ChildProcess, TellsSignalsAndMissingPrograms) {
    const auto killed = run_child(
        {.arguments = {"sh", "-c", "kill -9 $$"}, .directory = "/", .environment = {}, .stop = {}});
    ASSERT_TRUE(killed.has_value());
    EXPECT_EQ(killed->exit_code, 128 + 9);
    const auto missing = run_child(
        {.arguments = {"realm-no-such-program"}, .directory = "/", .environment = {}, .stop = {}});
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, "program_missing");
    EXPECT_EQ(missing.error().message,
              "'realm-no-such-program' is not installed (not found in PATH)");
}

TEST(ChildProcess, EndsTheChildWhenStopped) {
    std::stop_source stop;
    stop.request_stop();
    // Would run for ever.
    const auto result = run_child({.arguments = {"sh", "-c", "exec tail -f /dev/null"},
                                   .directory = "/",
                                   .environment = {},
                                   .stop = stop.get_token()});
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().type, ErrorType::kCancelled);
    EXPECT_EQ(result.error().message, "'sh' was stopped");
}

}  // namespace
}  // namespace realm::registry
