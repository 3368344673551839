#include "inference/page_table.h"

#include <gtest/gtest.h>

#include <set>

namespace realm::inference {
namespace {

constexpr std::uint32_t kPage = PageTable::kPageCells;
constexpr SequenceId kFirst{0};
constexpr SequenceId kSecond{1};

TEST(PageTable, PositionsKeepTheirPlaceInAPage) {
    PageTable table(4);
    ASSERT_TRUE(table.extend(kFirst, 1));
    ASSERT_TRUE(table.extend(kSecond, kPage + 1));
    ASSERT_TRUE(table.extend(kFirst, kPage + 1));
    EXPECT_EQ(table.cell(kFirst, 0), 0U);
    EXPECT_EQ(table.cell(kFirst, kPage - 1), kPage - 1);
    EXPECT_EQ(table.cell(kSecond, 0), kPage);
    EXPECT_EQ(table.cell(kSecond, kPage), 2 * kPage);
    EXPECT_EQ(table.cell(kFirst, kPage), 3 * kPage);
}

TEST(PageTable, NeverGivesALowerPageNextAndChangesNothingThen) {
    PageTable table(3);
    ASSERT_TRUE(table.extend(kFirst, kPage));
    ASSERT_TRUE(table.extend(kSecond, 2 * kPage));
    table.release(kFirst);
    EXPECT_FALSE(table.extend(kSecond, 2 * kPage + 1));
    EXPECT_EQ(table.cell(kSecond, 0), kPage);
    EXPECT_TRUE(table.extend(kSecond, 2 * kPage));
    ASSERT_TRUE(table.relocate(kSecond, 2 * kPage + 1));
    EXPECT_EQ(table.cell(kSecond, 0), 0U);
    EXPECT_EQ(table.cell(kSecond, kPage), kPage);
    EXPECT_EQ(table.cell(kSecond, 2 * kPage), 2 * kPage);
    EXPECT_FALSE(table.extend(kFirst, 1));
}

TEST(PageTable, ExtendThatFailsHalfWayGivesBackWhatItTook) {
    PageTable table(2);
    EXPECT_FALSE(table.extend(kFirst, 2 * kPage + 1));
    ASSERT_TRUE(table.extend(kSecond, 2 * kPage));
    EXPECT_EQ(table.cell(kSecond, 2 * kPage - 1), 2 * kPage - 1);
}

TEST(PageTable, EnoughPagesHoweverTheTokensAreDivided) {
    // 5 sequences of 1 + kPage tokens waste the most that is possible.
    constexpr std::uint32_t kSequences = 5;
    PageTable table(PageTable::pages_for(kSequences * (kPage + 1), kSequences));
    std::set<std::uint32_t> cells;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(kSequences); ++i) {
        ASSERT_TRUE(table.extend({i}, kPage + 1));
        for (std::uint32_t position = 0; position <= kPage; ++position) {
            EXPECT_TRUE(cells.insert(table.cell({i}, position)).second);
        }
    }
}

}  // namespace
}  // namespace realm::inference
