#include "base/ids.h"

#include <gtest/gtest.h>

#include <chrono>

namespace realm::base {
namespace {

TEST(Uuid, is_version_7_in_the_usual_form) {
    const std::string text = Uuid::generate().to_string();
    ASSERT_EQ(text.size(), 36U);
    EXPECT_EQ(text[8], '-');
    EXPECT_EQ(text[13], '-');
    EXPECT_EQ(text[14], '7');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
    EXPECT_EQ(text[23], '-');
}

TEST(Uuid, begins_with_the_time) {
    const auto milliseconds = [] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    };
    const auto before = milliseconds();
    std::string text = Uuid::generate().to_string();
    const auto after = milliseconds();
    const auto stamp = std::stoll(text.substr(0, 8) + text.substr(9, 4), nullptr, 16);
    EXPECT_LE(before, stamp);
    EXPECT_LE(stamp, after);
}

TEST(Uuid, reads_what_it_writes) {
    const Uuid id = Uuid::generate();
    EXPECT_EQ(Uuid::parse(id.to_string()), id);
    EXPECT_NE(Uuid::generate(), id);
    const auto other = Uuid::parse("00112233-4455-4677-8899-AABBCCDDEEFF");
    ASSERT_TRUE(other.has_value());
    EXPECT_EQ(other->to_string(), "00112233-4455-4677-8899-aabbccddeeff");
    EXPECT_EQ(other->version(), 4);
}

TEST(Uuid, refuses_other_text) {
    EXPECT_FALSE(Uuid::parse(""));
    EXPECT_FALSE(Uuid::parse("00112233-4455-4677-8899-aabbccddeef"));
    EXPECT_FALSE(Uuid::parse("00112233-4455-4677-8899-aabbccddeeff0"));
    EXPECT_FALSE(Uuid::parse("00112233-4455-4677-8899+aabbccddeeff"));
    EXPECT_FALSE(Uuid::parse("0011223304455-4677-8899-aabbccddeeff"));
    EXPECT_FALSE(Uuid::parse("0011223g-4455-4677-8899-aabbccddeeff"));
}

}  // namespace
}  // namespace realm::base
