#include "sandbox/guest_memory.h"

#include <gtest/gtest.h>

#include <array>

namespace realm::sandbox {
namespace {

class GuestMemoryTest : public ::testing::Test {
protected:
    alignas(8) std::array<std::byte, 64> bytes_{};
    GuestMemory memory_{bytes_};
};

TEST_F(GuestMemoryTest, GivesExactlyTheRange) {
    const auto range = memory_.span<std::uint32_t>(8, 3);
    ASSERT_TRUE(range);
    EXPECT_EQ(range->size(), 3U);
    EXPECT_EQ(reinterpret_cast<std::byte*>(range->data()), bytes_.data() + 8);
}

TEST_F(GuestMemoryTest, TheEndIsExclusive) {
    EXPECT_TRUE(memory_.span<std::byte>(63, 1));
    EXPECT_TRUE(memory_.span<std::byte>(0, 64));
    EXPECT_EQ(memory_.span<std::byte>(64, 1).error().reason,
              "offset 64 with 1 bytes lies outside the guest's memory of 64 bytes");
    EXPECT_EQ(memory_.span<std::byte>(0, 65).error().reason,
              "offset 0 with 65 bytes lies outside the guest's memory of 64 bytes");
}

TEST_F(GuestMemoryTest, AnEmptyRangeIsGoodAnywhere) {
    for (const std::uint32_t offset : {0U, 3U, 64U, 65U, 0xffffffffU}) {
        const auto range = memory_.span<std::uint64_t>(offset, 0);
        ASSERT_TRUE(range);
        EXPECT_TRUE(range->empty());
    }
}

TEST_F(GuestMemoryTest, ProductsDoNotWrapAround) {
    EXPECT_EQ(memory_.span<std::uint64_t>(0, 0x20000000).error().reason,
              "offset 0 with 4294967296 bytes lies outside the guest's memory of 64 bytes");
    EXPECT_EQ(memory_.span<std::uint64_t>(0xffffffff, 0xffffffff).error().reason,
              "offset 4294967295 with 34359738360 bytes lies outside the guest's memory of 64 "
              "bytes");
}

TEST_F(GuestMemoryTest, AlignmentIsThatOfTheType) {
    EXPECT_TRUE(memory_.span<std::uint64_t>(56, 1));
    EXPECT_EQ(memory_.span<std::uint64_t>(4, 1).error().reason, "offset 4 is not a multiple of 8");
    EXPECT_TRUE(memory_.span<char>(5, 1));
}

TEST_F(GuestMemoryTest, NoMemoryHasNoBytes) {
    EXPECT_TRUE(GuestMemory().span<char>(1, 0));
    EXPECT_FALSE(GuestMemory().span<char>(0, 1));
}

}  // namespace
}  // namespace realm::sandbox
