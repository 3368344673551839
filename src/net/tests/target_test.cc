#include "net/target.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace realm::net {
namespace {

TEST(PercentDecode, DecodesEscapes) {
    EXPECT_EQ(percent_decode(""), "");
    EXPECT_EQ(percent_decode("/plain+text"), "/plain+text");
    EXPECT_EQ(percent_decode("/a%20b%2Fc%2f"), "/a b/c/");
    EXPECT_EQ(percent_decode("%C3%bc"), "\xc3\xbc");
    EXPECT_EQ(percent_decode("%2541"), "%41");
    EXPECT_EQ(percent_decode("%FF"), "\xff");
}

TEST(PercentDecode, RefusesBrokenEscapesAndZeroBytes) {
    for (const char* text : {"%", "%2", "a%", "%g0", "%0g", "%%20", "% 20", "%00", "a%00b"}) {
        EXPECT_EQ(percent_decode(text), std::nullopt) << text;
    }
}

TEST(ParseTarget, SplitsPathAndQuery) {
    EXPECT_EQ(parse_target("/"), (Target{.path = "/", .query = ""}));
    EXPECT_EQ(parse_target("/a/b?x=1&y=%20"), (Target{.path = "/a/b", .query = "x=1&y=%20"}));
    EXPECT_EQ(parse_target("/a?"), (Target{.path = "/a", .query = ""}));
    EXPECT_EQ(parse_target("/a?b?c"), (Target{.path = "/a", .query = "b?c"}));
    EXPECT_EQ(parse_target("/a%3Fb?c"), (Target{.path = "/a?b", .query = "c"}));
    EXPECT_EQ(parse_target("*"), (Target{.path = "*", .query = ""}));
}

TEST(ParseTarget, TakesTheAuthorityOff) {
    EXPECT_EQ(parse_target("http://host:80/a?b"), (Target{.path = "/a", .query = "b"}));
    EXPECT_EQ(parse_target("http://host"), (Target{.path = "/", .query = ""}));
    EXPECT_EQ(parse_target("http://host?q"), (Target{.path = "/", .query = "q"}));
    EXPECT_EQ(parse_target("/a://b"), (Target{.path = "/a://b", .query = ""}));
}

TEST(ParseTarget, RefusesTheRest) {
    for (const char* text : {"", "a", "a/b", "?q", "**", "/a#b", "/a?b#c", "/%zz", "host:80"}) {
        EXPECT_EQ(parse_target(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace realm::net
