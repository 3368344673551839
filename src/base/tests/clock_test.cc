#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>
#include <regex>

namespace realm::base {
namespace {

TEST(Clock, writes_rfc3339_with_milliseconds) {
    const std::string now = rfc3339_now();
    EXPECT_TRUE(std::regex_match(now, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")))
        << now;
    std::tm parsed{};
    ASSERT_NE(strptime(now.c_str(), "%Y-%m-%dT%H:%M:%S", &parsed), nullptr);
    EXPECT_LE(unix_seconds_now() - timegm(&parsed), 1);
}

TEST(Clock, counts_cpu_time_of_the_calling_thread) {
    const auto before = thread_cpu_time();
    volatile unsigned sum = 0;
    for (unsigned i = 0; i < 1'000'000; ++i) {
        sum = sum + i;
    }
    EXPECT_GT(thread_cpu_time(), before);
}

}  // namespace
}  // namespace realm::base
