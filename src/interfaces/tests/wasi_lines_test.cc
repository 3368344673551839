#include "interfaces/wasi_lines.h"

#include <gtest/gtest.h>
#include <realm/realm.h>

#include "base/tests/manual_time.h"
#include "interfaces/tests/fakes.h"

namespace realm::interfaces {
namespace {

using Texts = std::vector<std::string>;

class WasiLinesTest : public ::testing::Test {
protected:
    std::shared_ptr<testing::FakeLog> port_ = std::make_shared<testing::FakeLog>();
    base::testing::ManualTime time_;
    LogInterface log_{port_, {.bytes = 100'000}, time_};
};

TEST_F(WasiLinesTest, LogsEachLineOnce) {
    WasiLines lines(log_, REALM_LOG_INFO);
    lines.write("one");
    EXPECT_EQ(port_->lines, Texts{});
    lines.write(" line\ntwo\n\nth");
    EXPECT_EQ(port_->lines, (Texts{"one line", "two", ""}));
    lines.write("ree\n");
    EXPECT_EQ(port_->lines.back(), "three");
}

TEST_F(WasiLinesTest, TheLastLineNeedsNoEnd) {
    {
        WasiLines lines(log_, REALM_LOG_INFO);
        lines.write("a\nb");
        lines.flush();
        EXPECT_EQ(port_->lines, (Texts{"a", "b"}));
        lines.write("c");
    }
    EXPECT_EQ(port_->lines, (Texts{"a", "b", "c"}));
}

TEST_F(WasiLinesTest, LongLinesAreLoggedInPieces) {
    WasiLines lines(log_, REALM_LOG_INFO);
    const std::string longest(WasiLines::kLongestLine, 'x');
    lines.write(longest + "\n");
    EXPECT_EQ(port_->lines, Texts{longest});
    lines.write(longest + "y\n");
    EXPECT_EQ(port_->lines, (Texts{longest, longest, "y"}));
}

TEST_F(WasiLinesTest, NoCharacterIsCutInTwo) {
    WasiLines lines(log_, REALM_LOG_INFO);
    const std::string before(WasiLines::kLongestLine - 1, 'x');
    lines.write(before + "\xc3\xa4z\n");
    EXPECT_EQ(port_->lines, (Texts{before, "\xc3\xa4z"}));
    // What is no text is cut anywhere.
    port_->lines.clear();
    lines.write(std::string(WasiLines::kLongestLine + 1, '\x80') + "\n");
    EXPECT_EQ(port_->lines, (Texts{std::string(WasiLines::kLongestLine, '?'), "?"}));
}

TEST_F(WasiLinesTest, TheRunsLimitHolds) {
    LogInterface small(port_, {.bytes = 5}, time_);
    WasiLines lines(small, REALM_LOG_INFO);
    lines.write("12345\n6\n7\n");
    ASSERT_EQ(port_->lines.size(), 2U);
    EXPECT_EQ(port_->lines[0], "12345");
    EXPECT_TRUE(port_->lines[1].starts_with("this run has logged its 5 bytes; "));
}

}  // namespace
}  // namespace realm::interfaces
