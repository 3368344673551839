#include "interfaces/wasi_lines.h"

#include <gtest/gtest.h>
#include <realm/realm.h>

#include "interfaces/tests/fakes.h"

namespace realm::interfaces {
namespace {

using Texts = std::vector<std::string>;

class WasiLinesTest : public ::testing::Test {
protected:
    std::shared_ptr<testing::FakeLog> port_ = std::make_shared<testing::FakeLog>();
    LogInterface log_{port_, 100'000};
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
    LogInterface small(port_, 5);
    WasiLines lines(small, REALM_LOG_INFO);
    lines.write("12345\n6\n7\n");
    EXPECT_EQ(port_->lines,
              (Texts{"12345", "log limit of this run reached; further lines are dropped"}));
}

}  // namespace
}  // namespace realm::interfaces
