#include "telemetry/log.h"

#include <cstddef>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace realm::telemetry {
namespace {

constexpr std::size_t kTimeLength = 24;  // 2026-01-31T12:00:00.000Z

std::vector<std::string> lines_of(const std::ostringstream& stream) {
    std::istringstream input(stream.str());
    std::vector<std::string> lines;
    for (std::string line; std::getline(input, line);) {
        lines.push_back(line);
    }
    return lines;
}

TEST(Logger, WritesOneLineWithTheTime) {
    std::ostringstream out;
    Logger::to_stream(out, Level::kInfo, LogFormat::kText).info("ready", {{"port", 80}});
    EXPECT_TRUE(std::regex_match(
        out.str(), std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO ready port=80\n)")))
        << out.str();
}

TEST(Logger, LeavesOutWhatIsBelowItsLevel) {
    std::ostringstream out;
    const Logger logger = Logger::to_stream(out, Level::kWarn, LogFormat::kText);
    logger.debug("d");
    logger.info("i");
    logger.warn("w");
    logger.error("e");
    const std::vector<std::string> lines = lines_of(out);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].substr(kTimeLength), " WARN w");
    EXPECT_EQ(lines[1].substr(kTimeLength), " ERROR e");
    EXPECT_FALSE(logger.enabled(Level::kInfo));
    EXPECT_TRUE(logger.enabled(Level::kWarn));
}

TEST(Logger, WritesJsonLines) {
    std::ostringstream out;
    Logger::to_stream(out, Level::kDebug, LogFormat::kJson).debug("x", {{"k", "v"}});
    const std::vector<std::string> lines = lines_of(out);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].substr(0, 9), R"({"time":")");
    EXPECT_EQ(lines[0].substr(9 + kTimeLength), R"(","level":"debug","message":"x","k":"v"})");
}

TEST(Logger, ByDefaultWritesNothing) {
    const Logger logger;
    EXPECT_FALSE(logger.enabled(Level::kError));
    logger.error("nowhere", {{"k", 1}});
}

TEST(Logger, BracesInTextAreNoFormat) {
    std::ostringstream out;
    Logger::to_stream(out, Level::kInfo, LogFormat::kText).info("{} {0}", {{"k", "{:d}"}});
    EXPECT_EQ(out.str().substr(kTimeLength), " INFO {} {0} k={:d}\n");
}

TEST(Logger, LinesOfManyThreadsStayWhole) {
    constexpr int kThreads = 4;
    constexpr int kRecords = 200;
    std::ostringstream out;
    const Logger logger = Logger::to_stream(out, Level::kInfo, LogFormat::kText);
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([logger, thread] {
                for (int record = 0; record < kRecords; ++record) {
                    logger.info("m", {{"thread", thread}, {"record", record}});
                }
            });
        }
    }
    std::set<std::string> seen;
    for (const std::string& line : lines_of(out)) {
        seen.insert(line.substr(kTimeLength));
    }
    std::set<std::string> expected;
    for (int thread = 0; thread < kThreads; ++thread) {
        for (int record = 0; record < kRecords; ++record) {
            expected.insert(" INFO m thread=" + std::to_string(thread) +
                            " record=" + std::to_string(record));
        }
    }
    EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace realm::telemetry
