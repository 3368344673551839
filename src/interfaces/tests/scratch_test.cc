#include "interfaces/scratch.h"

#include <gtest/gtest.h>

#include <numeric>

namespace realm::interfaces {
namespace {

using std::errc;

class ScratchTest : public ::testing::Test {
protected:
    static std::vector<std::byte> bytes(std::string_view text) {
        const auto view = std::as_bytes(std::span(text));
        return {view.begin(), view.end()};
    }

    std::string content(const Scratch::Node& file, std::uint64_t offset = 0,
                        std::size_t most = 100) {
        std::string text(most, '?');
        text.resize(scratch_.read(file, offset, std::as_writable_bytes(std::span(text))));
        return text;
    }

    Scratch::Node file(std::string_view path, std::string_view text = "") {
        auto node = scratch_.open(root_, path, {.create = true}).value();
        EXPECT_EQ(scratch_.write(node, 0, bytes(text)), text.size());
        return node;
    }

    // The error of opening `path`; none when it can be opened.
    errc problem(std::string_view path, const Scratch::OpenFlags& flags = {}) {
        const auto node = scratch_.open(root_, path, flags);
        return node ? errc{} : node.error();
    }

    std::vector<std::string> names(const Scratch::Node& directory, std::uint64_t first = 0,
                                   std::size_t most = 100) {
        std::vector<std::string> list;
        for (const auto& entry : scratch_.list(directory, first, most)) {
            list.push_back(entry.name);
        }
        return list;
    }

    std::uint64_t now_ = 1000;
    Scratch scratch_{{.bytes = 200'000, .entries = 4}, [this] { return now_; }};
    Scratch::Node root_ = scratch_.root();
};

TEST_F(ScratchTest, KeepsWhatIsWritten) {
    const auto node = file("a", "hello");
    EXPECT_EQ(content(node), "hello");
    EXPECT_EQ(content(node, 3), "lo");
    EXPECT_EQ(content(node, 5), "");
    EXPECT_EQ(content(node, ~std::uint64_t{0}), "");
    EXPECT_EQ(scratch_.write(node, 4, bytes("OO")), 2U);
    EXPECT_EQ(content(node), "hellOO");
    EXPECT_EQ(scratch_.find(root_, "a"), node);
    EXPECT_EQ(node->size(), 6U);
}

TEST_F(ScratchTest, HolesReadAsZeros) {
    const auto node = file("a", "x");
    EXPECT_EQ(scratch_.write(node, 3, bytes("y")), 1U);
    EXPECT_EQ(content(node), std::string("x\0\0y", 4));
    ASSERT_TRUE(scratch_.resize(node, 6));
    EXPECT_EQ(content(node), std::string("x\0\0y\0\0", 6));
    // What was cut off does not come back.
    ASSERT_TRUE(scratch_.resize(node, 1));
    ASSERT_TRUE(scratch_.resize(node, 4));
    EXPECT_EQ(content(node), std::string("x\0\0\0", 4));
}

TEST_F(ScratchTest, BytesAreTheSameAcrossBlocks) {
    constexpr std::size_t kBlock = std::size_t{64} << 10;
    const auto node = file("a");
    std::vector<std::byte> pattern(2 * kBlock + 10);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        pattern[i] = static_cast<std::byte>(i * 7 % 251);
    }
    EXPECT_EQ(scratch_.write(node, kBlock / 2, pattern), pattern.size());
    std::vector<std::byte> back(pattern.size() + kBlock);
    EXPECT_EQ(scratch_.read(node, 0, back), pattern.size() + kBlock / 2);
    EXPECT_TRUE(std::equal(pattern.begin(), pattern.end(), back.begin() + kBlock / 2));
    EXPECT_EQ(back[kBlock / 2 - 1], std::byte{0});
    ASSERT_TRUE(scratch_.resize(node, kBlock));
    EXPECT_EQ(scratch_.read(node, kBlock - 1, back), 1U);
    EXPECT_EQ(back[0], pattern[kBlock / 2 - 1]);
}

TEST_F(ScratchTest, TheQuotaOfBytesIsExact) {
    const auto first = file("a");
    const auto second = file("b");
    const std::vector<std::byte> half(100'000);
    EXPECT_EQ(scratch_.write(first, 0, half), 100'000U);
    EXPECT_EQ(scratch_.write(second, 0, half), 100'000U);
    EXPECT_EQ(scratch_.left().bytes, 0U);
    EXPECT_EQ(scratch_.write(second, 100'000, bytes("x")).error(), errc::no_space_on_device);
    EXPECT_EQ(scratch_.resize(second, 100'001).error(), errc::no_space_on_device);
    EXPECT_EQ(scratch_.write(second, 99'999, bytes("x")), 1U);
    // A write is cut where the quota ends.
    ASSERT_TRUE(scratch_.resize(first, 99'998));
    EXPECT_EQ(scratch_.write(second, 100'000, bytes("xyz")), 2U);
    EXPECT_EQ(scratch_.write(second, ~std::uint64_t{0} - 1, bytes("x")).error(),
              errc::no_space_on_device);
}

TEST_F(ScratchTest, TheQuotaOfEntriesIsExact) {
    file("a");
    file("b");
    file("c");
    EXPECT_TRUE(scratch_.make_directory(root_, "d"));
    EXPECT_EQ(problem("e", {.create = true}), errc::no_space_on_device);
    EXPECT_EQ(scratch_.make_directory(root_, "e").error(), errc::no_space_on_device);
    EXPECT_TRUE(scratch_.remove_directory(root_, "d"));
    EXPECT_TRUE(scratch_.make_directory(root_, "e"));
}

TEST_F(ScratchTest, AnUnlinkedFileCountsWhileItIsHeld) {
    auto node = file("a", "12345");
    EXPECT_TRUE(scratch_.unlink(root_, "a"));
    EXPECT_FALSE(node->has_name());
    EXPECT_EQ(content(node), "12345");
    EXPECT_EQ(scratch_.left().bytes, 199'995U);
    EXPECT_EQ(scratch_.left().entries, 3U);
    node.reset();
    EXPECT_EQ(scratch_.left().bytes, 200'000U);
    EXPECT_EQ(scratch_.left().entries, 4U);
}

TEST_F(ScratchTest, PathsStayBelowTheirDirectory) {
    ASSERT_TRUE(scratch_.make_directory(root_, "d"));
    file("d/a");
    for (const char* good : {"d/a", "./d//a", "d/../d/./a", "d/a"}) {
        EXPECT_EQ(problem(good), errc{}) << good;
    }
    for (const char* bad : {"..", "../d", "d/../..", "d/../../d/a", "/", "/d/a"}) {
        EXPECT_EQ(problem(bad), errc::permission_denied) << bad;
    }
    const auto below = scratch_.find(root_, "d").value();
    EXPECT_EQ(scratch_.find(below, "..").error(), errc::permission_denied);
    EXPECT_EQ(scratch_.find(below, "../d/a").error(), errc::permission_denied);
    EXPECT_EQ(scratch_.find(root_, "d/..").value(), root_);
    // Going up needs something to go up from.
    EXPECT_EQ(problem("none/../d/a"), errc::no_such_file_or_directory);
    EXPECT_EQ(problem("d/a/../a"), errc::not_a_directory);
}

TEST_F(ScratchTest, OddPathsAreRefused) {
    EXPECT_EQ(problem("", {.create = true}), errc::no_such_file_or_directory);
    EXPECT_EQ(problem(std::string_view("a\0b", 3), {.create = true}), errc::illegal_byte_sequence);
    EXPECT_EQ(problem("a\xff", {.create = true}), errc::illegal_byte_sequence);
    EXPECT_EQ(problem(std::string(255, 'n'), {.create = true}), errc{});
    EXPECT_EQ(problem(std::string(256, 'n'), {.create = true}), errc::filename_too_long);
    EXPECT_EQ(problem(std::string(4095, '/').replace(0, 1, "m"), {.create = true}),
              errc::invalid_argument);
    EXPECT_EQ(problem("m" + std::string(4096, '/'), {.create = true}), errc::filename_too_long);
    EXPECT_EQ(scratch_.left().entries, 3U);
}

TEST_F(ScratchTest, OpenDoesWhatItsFlagsSay) {
    EXPECT_EQ(problem("a"), errc::no_such_file_or_directory);
    file("a", "text");
    EXPECT_EQ(problem("a", {.create = true, .exclusive = true}), errc::file_exists);
    EXPECT_EQ(problem("a", {.directory = true}), errc::not_a_directory);
    EXPECT_EQ(problem("a/"), errc::not_a_directory);
    EXPECT_EQ(problem(".", {.directory = true}), errc{});
    EXPECT_EQ(problem(".", {.truncate = true}), errc::is_a_directory);
    EXPECT_EQ(problem("b", {.create = true, .directory = true}), errc::invalid_argument);
    EXPECT_EQ(problem("b/", {.create = true}), errc::invalid_argument);
    EXPECT_EQ(scratch_.open(root_, "a", {.truncate = true}).value()->size(), 0U);
    EXPECT_EQ(scratch_.left().bytes, 200'000U);
}

TEST_F(ScratchTest, DirectoriesAreMadeAndRemoved) {
    ASSERT_TRUE(scratch_.make_directory(root_, "d/"));
    EXPECT_EQ(scratch_.make_directory(root_, "d").error(), errc::file_exists);
    EXPECT_EQ(scratch_.make_directory(root_, "x/y").error(), errc::no_such_file_or_directory);
    file("d/a");
    EXPECT_EQ(scratch_.remove_directory(root_, "d").error(), errc::directory_not_empty);
    EXPECT_EQ(scratch_.remove_directory(root_, "d/a").error(), errc::not_a_directory);
    EXPECT_EQ(scratch_.unlink(root_, "d").error(), errc::is_a_directory);
    EXPECT_EQ(scratch_.unlink(root_, "d/a/").error(), errc::not_a_directory);
    EXPECT_EQ(scratch_.unlink(root_, "d/b").error(), errc::no_such_file_or_directory);
    EXPECT_EQ(scratch_.remove_directory(root_, ".").error(), errc::invalid_argument);
    EXPECT_TRUE(scratch_.unlink(root_, "d/a"));
    const auto removed = scratch_.find(root_, "d").value();
    EXPECT_TRUE(scratch_.remove_directory(root_, "d"));
    EXPECT_EQ(scratch_.open(removed, "a", {.create = true}).error(),
              errc::no_such_file_or_directory);
    EXPECT_EQ(scratch_.rename(root_, "none", root_, "b").error(), errc::no_such_file_or_directory);
}

TEST_F(ScratchTest, RenamesReplaceWhatIsAlike) {
    const auto a = file("a", "A");
    file("b", "B");
    EXPECT_TRUE(scratch_.rename(root_, "a", root_, "b"));
    EXPECT_EQ(scratch_.find(root_, "b"), a);
    EXPECT_EQ(problem("a"), errc::no_such_file_or_directory);
    EXPECT_EQ(scratch_.left().entries, 3U);
    EXPECT_TRUE(scratch_.rename(root_, "b", root_, "b"));
    ASSERT_TRUE(scratch_.make_directory(root_, "d"));
    ASSERT_TRUE(scratch_.make_directory(root_, "d/e"));
    EXPECT_EQ(scratch_.rename(root_, "b", root_, "d").error(), errc::is_a_directory);
    EXPECT_EQ(scratch_.rename(root_, "d", root_, "b").error(), errc::not_a_directory);
    EXPECT_EQ(scratch_.rename(root_, "d", root_, "d/e/f").error(), errc::invalid_argument);
    EXPECT_EQ(scratch_.rename(root_, "d", root_, "d/f").error(), errc::invalid_argument);
    EXPECT_EQ(scratch_.rename(root_, "d/e", root_, ".").error(), errc::invalid_argument);
    EXPECT_EQ(scratch_.rename(root_, "b/", root_, "c").error(), errc::not_a_directory);
    EXPECT_EQ(scratch_.rename(root_, "b", root_, "../c").error(), errc::permission_denied);
    ASSERT_TRUE(scratch_.make_directory(root_, "g"));
    EXPECT_EQ(scratch_.rename(root_, "g", root_, "d").error(), errc::directory_not_empty);
    EXPECT_TRUE(scratch_.rename(root_, "g", root_, "d/e"));
    // ".." of what was moved is where it is now.
    EXPECT_TRUE(scratch_.rename(root_, "d/e", root_, "e"));
    EXPECT_EQ(scratch_.find(root_, "e/../b"), a);
}

TEST_F(ScratchTest, ListsGoOnWhereTheyEnded) {
    file("b");
    file("a");
    ASSERT_TRUE(scratch_.make_directory(root_, "c"));
    EXPECT_EQ(names(root_), (std::vector<std::string>{".", "..", "b", "a", "c"}));
    const auto first = scratch_.list(root_, 0, 3);
    ASSERT_EQ(first.size(), 3U);
    // What goes meanwhile leaves no gap, what comes is at the end.
    EXPECT_TRUE(scratch_.unlink(root_, "b"));
    file("b");
    EXPECT_EQ(names(root_, first.back().number + 1), (std::vector<std::string>{"a", "c", "b"}));
    EXPECT_EQ(names(root_, first.back().number + 1, 1), (std::vector<std::string>{"a"}));
    EXPECT_EQ(names(root_, ~std::uint64_t{0}), std::vector<std::string>{});
    EXPECT_EQ(scratch_.list(scratch_.find(root_, "c").value(), 1, 1)[0].node, root_);
}

TEST_F(ScratchTest, TimesFollowReadsAndWrites) {
    const auto node = file("a", "x");
    now_ = 2000;
    content(node);
    EXPECT_EQ(node->times.accessed, 2000U);
    EXPECT_EQ(node->times.modified, 1000U);
    now_ = 3000;
    ASSERT_TRUE(scratch_.resize(node, 0));
    EXPECT_EQ(node->times.modified, 3000U);
    EXPECT_EQ(root_->times.modified, 1000U);
    file("b");
    EXPECT_EQ(root_->times.modified, 3000U);
}

TEST(Scratch, DeepDirectoriesAreTornDownWithoutRecursion) {
    constexpr std::uint32_t kDeep = 200'000;
    Scratch scratch({.bytes = 1, .entries = kDeep}, [] { return std::uint64_t{0}; });
    auto directory = scratch.root();
    for (std::uint32_t i = 0; i < kDeep; ++i) {
        ASSERT_TRUE(scratch.make_directory(directory, "d"));
        directory = scratch.find(directory, "d").value();
    }
    EXPECT_EQ(scratch.make_directory(directory, "d").error(), errc::no_space_on_device);
}

}  // namespace
}  // namespace realm::interfaces
