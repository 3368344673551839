#include "interfaces/log.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace realm::interfaces {
namespace {

class FakeLog final : public LogPort {
public:
    void line(std::int32_t level, std::string_view text) override {
        lines.emplace_back(level, text);
    }
    std::vector<std::pair<std::int32_t, std::string>> lines;
};

using Lines = std::vector<std::pair<std::int32_t, std::string>>;

TEST(LogInterface, passes_lines_on) {
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, 100);
    interface.write(0, "debug");
    interface.write(3, "h\xc3\xa9");
    EXPECT_EQ(log->lines, (Lines{{0, "debug"}, {3, "h\xc3\xa9"}}));
}

TEST(LogInterface, bounds_levels) {
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, 100);
    interface.write(-5, "a");
    interface.write(99, "b");
    EXPECT_EQ(log->lines, (Lines{{0, "a"}, {3, "b"}}));
}

TEST(LogInterface, cannot_be_made_to_forge_lines) {
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, 100);
    interface.write(1, "a\nERROR b\r\x1b[2J\x7f");
    interface.write(1, "bad \xff utf8");
    EXPECT_EQ(log->lines, (Lines{{1, "a ERROR b  [2J "}, {1, "bad ? utf8"}}));
}

TEST(LogInterface, drops_what_exceeds_the_limit_and_says_so_once) {
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, 10);
    interface.write(1, "12345");
    interface.write(1, "12345");
    EXPECT_EQ(log->lines.size(), 2U);
    interface.write(1, "x");
    interface.write(1, "");
    EXPECT_EQ(log->lines, (Lines{{1, "12345"},
                                 {1, "12345"},
                                 {2, "log limit of this run reached; further lines are dropped"}}));
}

}  // namespace
}  // namespace realm::interfaces
