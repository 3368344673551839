#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace realm::base {
namespace {

TEST(Bytes, writes_and_reads_hexadecimal) {
    const std::array bytes = {std::byte{0x00}, std::byte{0x9f}, std::byte{0xff}};
    EXPECT_EQ(to_hex(bytes), "009fff");
    const auto read = from_hex("009FfF");
    ASSERT_TRUE(read.has_value());
    EXPECT_TRUE(std::ranges::equal(*read, bytes));
    EXPECT_EQ(from_hex("")->size(), 0U);
}

TEST(Bytes, refuses_what_is_no_hexadecimal) {
    EXPECT_FALSE(from_hex("abc"));
    EXPECT_FALSE(from_hex("0g"));
    EXPECT_FALSE(from_hex("g0"));
}

TEST(Bytes, a_byte_is_two_digits) {
    EXPECT_EQ(byte_of_hex("00"), std::byte{0x00});
    EXPECT_EQ(byte_of_hex("fF"), std::byte{0xff});
    for (const char* text : {"", "0", "000", "0g", "g0", "0:", "/0", " 0", "0@", "0`"}) {
        EXPECT_EQ(byte_of_hex(text), std::nullopt) << text;
    }
}

TEST(Bytes, fills_with_random_bytes) {
    std::array<std::byte, 32> first{};
    std::array<std::byte, 32> second{};
    fill_random(first);
    fill_random(second);
    EXPECT_NE(first, second);
}

TEST(Bytes, knows_well_formed_utf8) {
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("abc \xc3\xa9 \xe4\xb8\x96 \xf0\x9f\x8c\x8d"));
    EXPECT_TRUE(is_utf8("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"));
}

TEST(Bytes, knows_malformed_utf8) {
    for (const char* text :
         {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\xf0\x9f\x8c", "\xff"}) {
        EXPECT_FALSE(is_utf8(text)) << to_hex(as_bytes(text));
    }
}

}  // namespace
}  // namespace realm::base
