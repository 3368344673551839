#include "inference/utf8_holdback.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace realm::inference {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string all_at_once(std::string_view bytes) {
    Utf8Holdback holdback;
    std::string out = holdback.push(bytes);
    return out + holdback.finish();
}

TEST(Utf8Holdback, HoldsACharacterUntilItIsWhole) {
    Utf8Holdback holdback;
    EXPECT_EQ(holdback.push("a\xF0\x9F"), "a");
    EXPECT_EQ(holdback.push("\x98"), "");
    EXPECT_EQ(holdback.push("\x80z"), "\xF0\x9F\x98\x80z");
    EXPECT_EQ(holdback.finish(), "");
}

TEST(Utf8Holdback, UnfinishedCharacterBecomesOneReplacement) {
    Utf8Holdback holdback;
    EXPECT_EQ(holdback.push("\xE2\x82"), "");
    EXPECT_EQ(holdback.finish(), kReplacement);
    EXPECT_EQ(holdback.finish(), "");
}

TEST(Utf8Holdback, BrokenBytesAreReplacedPrefixByPrefix) {
    const std::string r(kReplacement);
    EXPECT_EQ(all_at_once("\xE2\x82"
                          "A"),
              r + "A");
    EXPECT_EQ(all_at_once("\x80\xBF"), r + r);
    EXPECT_EQ(all_at_once("\xC0\xAF"), r + r);
    EXPECT_EQ(all_at_once("\xED\xA0\x80"), r + r + r);          // a surrogate
    EXPECT_EQ(all_at_once("\xF4\x90\x80\x80"), r + r + r + r);  // above U+10FFFF
    EXPECT_EQ(all_at_once("\xF0\x9F\x98"
                          "x"),
              r + "x");
    EXPECT_EQ(all_at_once("\xFF"), r);
}

TEST(Utf8Holdback, EveryCutGivesTheSameText) {
    constexpr auto kText = "A\u00e9\u20ac\U0001F600\xE2\x82z\x80\xC3"sv;
    const std::string whole = all_at_once(kText);
    EXPECT_TRUE(base::is_utf8(whole));
    for (std::size_t first = 0; first <= kText.size(); ++first) {
        for (std::size_t second = first; second <= kText.size(); ++second) {
            Utf8Holdback holdback;
            std::string out = holdback.push(kText.substr(0, first));
            EXPECT_TRUE(base::is_utf8(out));
            out += holdback.push(kText.substr(first, second - first));
            EXPECT_TRUE(base::is_utf8(out));
            out += holdback.push(kText.substr(second));
            EXPECT_EQ(out + holdback.finish(), whole);
        }
    }
}

}  // namespace
}  // namespace realm::inference
