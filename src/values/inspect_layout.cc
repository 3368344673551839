#include "values/inspect_layout.h"

#include <algorithm>
#include <cmath>

namespace realm::values {

namespace {

constexpr std::size_t kLineWidth = 80;
constexpr std::size_t kCompact = 3;
constexpr std::size_t kGroupFrom = 6;

// Characters, not bytes.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
    const std::size_t own = width_of(text);
    const std::string space(width > own ? width - own : 0, ' ');
    return to_the_right ? space + text : text + space;
}

// Short elements of a list in columns, as many as make it about as wide as it is high.
void group(Shown& shown, std::size_t indent) {
    constexpr double kHeightOfCharacter = 2.5;
    constexpr std::size_t kBetween = 2;
    constexpr std::size_t kMostColumns = 15;
    const std::size_t count = shown.entries.size() - (shown.has_rest ? 1 : 0);
    std::size_t total = 0;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t width = width_of(shown.entries[i]);
        total += width + kBetween;
        longest = std::max(longest, width);
    }
    const std::size_t cell = longest + kBetween;
    if (cell * 3 + indent >= kLineWidth ||
        (static_cast<double>(total) / static_cast<double>(cell) <= 5 && longest > 6)) {
        return;
    }
    const double bias =
        std::sqrt(static_cast<double>(cell) -
                  static_cast<double>(total) / static_cast<double>(shown.entries.size()));
    const double biased = std::max(static_cast<double>(cell) - 3 - bias, 1.0);
    const auto square = static_cast<std::size_t>(
        std::round(std::sqrt(kHeightOfCharacter * biased * static_cast<double>(count)) / biased));
    const std::size_t columns =
        std::min({square, (kLineWidth - indent) / cell, kCompact * 4, kMostColumns});
    if (columns <= 1) {
        return;
    }
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns; ++i) {
        std::size_t widest = 0;
        for (std::size_t k = i; k < count; k += columns) {
            widest = std::max(widest, width_of(shown.entries[k]));
        }
        widths.push_back(widest + kBetween);
    }
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < count; i += columns) {
        const std::size_t end = std::min(i + columns, count);
        std::string line;
        for (std::size_t k = i; k + 1 < end; ++k) {
            line += padded(shown.entries[k] + ", ", widths[k - i], shown.all_numbers);
        }
        const std::string& last = shown.entries[end - 1];
        line += shown.all_numbers ? padded(last, widths[end - 1 - i] - kBetween, true) : last;
        lines.push_back(std::move(line));
    }
    if (shown.has_rest) {
        lines.push_back(shown.entries.back());
    }
    shown.entries = std::move(lines);
}

std::string joined(const std::vector<std::string>& entries, const std::string& between) {
    std::string out;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        out += (i > 0 ? between : std::string()) + entries[i];
    }
    return out;
}

}  // namespace

std::string lay_out(Shown shown, std::size_t indent, std::size_t levels) {
    if (shown.entries.empty()) {
        return shown.open + shown.close;
    }
    const std::size_t before = shown.entries.size();
    if (shown.is_list && before > kGroupFrom) {
        group(shown, indent);
    }
    if (levels < kCompact && shown.entries.size() == before) {
        const std::size_t start = before + indent + shown.open.size() + 10;
        std::size_t total = before + start;
        bool has_lines = false;
        for (const std::string& entry : shown.entries) {
            total += width_of(entry);
            has_lines = has_lines || entry.find('\n') != std::string::npos;
        }
        if (total <= kLineWidth && !has_lines) {
            return shown.open + " " + joined(shown.entries, ", ") + " " + shown.close;
        }
    }
    const std::string line = "\n" + std::string(indent, ' ');
    return shown.open + line + "  " + joined(shown.entries, "," + line + "  ") + line + shown.close;
}

}  // namespace realm::values
