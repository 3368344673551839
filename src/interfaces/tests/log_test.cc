#include "interfaces/log.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/tests/manual_time.h"

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
    base::testing::ManualTime time;
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, {.bytes = 100}, time);
    interface.write(0, "debug");
    interface.write(3, "h\xc3\xa9");
    EXPECT_EQ(log->lines, (Lines{{0, "debug"}, {3, "h\xc3\xa9"}}));
}

TEST(LogInterface, bounds_levels) {
    base::testing::ManualTime time;
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, {.bytes = 100}, time);
    interface.write(-5, "a");
    interface.write(99, "b");
    EXPECT_EQ(log->lines, (Lines{{0, "a"}, {3, "b"}}));
}

TEST(LogInterface, cannot_be_made_to_forge_lines) {
    base::testing::ManualTime time;
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, {.bytes = 100}, time);
    interface.write(1, "a\nERROR b\r\x1b[2J\x7f");
    interface.write(1, "bad \xff utf8");
    EXPECT_EQ(log->lines, (Lines{{1, "a ERROR b  [2J "}, {1, "bad ? utf8"}}));
}

TEST(LogInterface, drops_what_exceeds_the_limit_and_says_so_once) {
    base::testing::ManualTime time;
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, {.bytes = 10}, time);
    interface.write(1, "12345");
    interface.write(1, "12345");
    EXPECT_EQ(log->lines.size(), 2U);
    interface.write(1, "x");
    interface.write(1, "");
    EXPECT_EQ(log->lines, (Lines{{1, "12345"},
                                 {1, "12345"},
                                 {2,
                                  "this run has logged its 10 bytes; further lines are dropped "
                                  "(limits.log_bytes in the configuration raises it)"}}));
}

TEST(LogInterface, counts_the_lines_that_are_too_many_in_a_second) {
    base::testing::ManualTime time;
    auto log = std::make_shared<FakeLog>();
    LogInterface interface(log, {.lines = 2}, time);
    interface.write(1, "a");
    time.advance(std::chrono::milliseconds(500));
    interface.write(1, "b");
    interface.write(1, "dropped");
    time.advance(std::chrono::nanoseconds(499'999'999));
    interface.write(1, "dropped too");
    EXPECT_EQ(log->lines, (Lines{{1, "a"}, {1, "b"}}));
    time.advance(std::chrono::nanoseconds(1));
    interface.write(1, "c");
    EXPECT_EQ(log->lines, (Lines{{1, "a"},
                                 {1, "b"},
                                 {2,
                                  "2 lines were dropped: more than 2 in a second (limits.log_lines "
                                  "in the configuration raises it)"},
                                 {1, "c"}}));
    interface.write(1, "d");
    EXPECT_EQ(log->lines.back().second, "d");
}

TEST(LogInterface, tells_at_its_end_what_was_dropped) {
    base::testing::ManualTime time;
    auto log = std::make_shared<FakeLog>();
    {
        LogInterface interface(log, {.lines = 1}, time);
        interface.write(1, "a");
        interface.write(1, "b");
        EXPECT_EQ(log->lines.size(), 1U);
    }
    ASSERT_EQ(log->lines.size(), 2U);
    EXPECT_EQ(log->lines[1].second.substr(0, 27), "1 lines were dropped: more ");
}

}  // namespace
}  // namespace realm::interfaces
