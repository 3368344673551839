#include "inference/swap_space.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace realm::inference {
namespace {

using Bytes = std::vector<std::uint8_t>;

class SwapSpaceTest : public testing::Test {
protected:
    void SetUp() override {
        std::string path = (std::filesystem::temp_directory_path() / "swap-XXXXXX").string();
        directory_ = ::mkdtemp(path.data());
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    static Bytes some(std::size_t size, std::uint8_t first) {
        Bytes bytes(size);
        for (std::size_t i = 0; i < size; ++i) {
            bytes[i] = static_cast<std::uint8_t>(first + i);
        }
        return bytes;
    }
    static Bytes read(const std::shared_ptr<const SwapSpace::Saved>& saved) {
        Bytes buffer;
        const auto bytes = SwapSpace::get(*saved, buffer);
        EXPECT_TRUE(bytes) << bytes.error().message;
        return {bytes->begin(), bytes->end()};
    }

    std::filesystem::path directory_;
};

TEST_F(SwapSpaceTest, FillsMemoryThenTheDisk) {
    SwapSpace space({.memory_bytes = 100, .disk_bytes = 100, .directory = directory_});
    const auto first = space.put(some(60, 1));
    const auto second = space.put(some(40, 2));
    EXPECT_EQ(space.memory_used(), 100U);
    EXPECT_EQ(space.disk_used(), 0U);
    const auto third = space.put(some(1, 3));
    EXPECT_EQ(space.memory_used(), 41U);
    EXPECT_EQ(space.disk_used(), 60U);
    EXPECT_EQ(read(first), some(60, 1));
    EXPECT_EQ(read(second), some(40, 2));
    EXPECT_EQ(read(third), some(1, 3));
    EXPECT_EQ(first->size(), 60U);
}

TEST_F(SwapSpaceTest, RefusesWhatFitsNowhere) {
    SwapSpace space({.memory_bytes = 100, .disk_bytes = 50, .directory = directory_});
    EXPECT_TRUE(space.open());
    EXPECT_EQ(space.put(some(101, 1)), nullptr);
    EXPECT_FALSE(space.open());
    auto first = space.put(some(51, 1));
    EXPECT_EQ(space.put(some(50, 1)), nullptr);  // the first is too large for the disk
    EXPECT_EQ(read(first), some(51, 1));
    EXPECT_FALSE(space.open());
    first.reset();
    EXPECT_TRUE(space.open());
    EXPECT_EQ(space.memory_used(), 0U);
    EXPECT_NE(space.put(some(100, 1)), nullptr);
}

TEST_F(SwapSpaceTest, WhatIsLargerThanMemoryGoesToTheDiskAtOnce) {
    SwapSpace space({.memory_bytes = 10, .disk_bytes = 50, .directory = directory_});
    auto saved = space.put(some(50, 7));
    ASSERT_NE(saved, nullptr);
    EXPECT_EQ(space.memory_used(), 0U);
    EXPECT_EQ(space.disk_used(), 50U);
    EXPECT_EQ(read(saved), some(50, 7));
    EXPECT_EQ(space.put(some(11, 1)), nullptr);
    saved.reset();
    EXPECT_EQ(space.disk_used(), 0U);
}

TEST_F(SwapSpaceTest, ItsFilesHaveNoNames) {
    SwapSpace space({.memory_bytes = 0, .disk_bytes = 50, .directory = directory_});
    const auto saved = space.put(some(50, 7));
    ASSERT_NE(saved, nullptr);
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(SwapSpaceTest, ADirectoryThatIsNotThereTakesNothing) {
    SwapSpace space({.memory_bytes = 10, .disk_bytes = 50, .directory = directory_ / "none"});
    EXPECT_EQ(space.put(some(20, 1)), nullptr);
    EXPECT_EQ(space.memory_used(), 0U);
    const auto first = space.put(some(10, 1));
    EXPECT_EQ(space.put(some(1, 1)), nullptr);
    EXPECT_EQ(read(first), some(10, 1));
    EXPECT_EQ(space.memory_used(), 10U);
}

TEST_F(SwapSpaceTest, WithoutRoomAtAllNothingIsTaken) {
    SwapSpace space({});
    EXPECT_FALSE(space.open());
    EXPECT_EQ(space.put(some(1, 1)), nullptr);
}

}  // namespace
}  // namespace realm::inference
