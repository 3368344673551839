#include "config/suggestion.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace realm::config {
namespace {

constexpr std::array<std::string_view, 5> kKnown{"server", "server.port", "server.address",
                                                 "limits.cpu_ms", "limits.wall_ms"};

TEST(Suggestion, CountsEdits) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("port", "prot"), 2U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Suggestion, FindsTheNearestName) {
    EXPECT_EQ(suggest("server.prot", kKnown), "server.port");
    EXPECT_EQ(suggest("sevrer", kKnown), "server");
    EXPECT_EQ(suggest("limits.cpu_m", kKnown), "limits.cpu_ms");
}

TEST(Suggestion, FindsTheSameNameInAnotherSection) {
    EXPECT_EQ(suggest("address", kKnown), "server.address");
    EXPECT_EQ(suggest("network.cpu_ms", kKnown), "limits.cpu_ms");
}

TEST(Suggestion, SaysNothingWhenNothingIsNear) {
    EXPECT_EQ(suggest("colour.of_sky", kKnown), std::nullopt);
    EXPECT_EQ(suggest("x", kKnown), std::nullopt);
    EXPECT_EQ(suggest(std::string(1000, 'a'), kKnown), std::nullopt);
}

}  // namespace
}  // namespace realm::config
