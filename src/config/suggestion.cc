#include "config/suggestion.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace realm::config {
namespace {

constexpr std::size_t kMostEdits = 3;
// No setting is longer; a longer text is not worth comparing.
constexpr std::size_t kLongestName = 80;

std::string_view last_part(std::string_view name) {
    return name.substr(name.rfind('.') + 1);
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < left.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < right.size(); ++j) {
            const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row[right.size()];
}

std::optional<std::string> suggest(std::string_view name, std::span<const std::string_view> known) {
    if (name.size() > kLongestName) {
        return std::nullopt;
    }
    std::string_view best;
    std::size_t fewest = kMostEdits + 1;
    for (const std::string_view candidate : known) {
        const std::size_t edits = edit_distance(name, candidate);
        if (edits < fewest && edits * 2 < candidate.size()) {
            best = candidate;
            fewest = edits;
        }
    }
    if (!best.empty()) {
        return std::string(best);
    }
    for (const std::string_view candidate : known) {
        if (last_part(candidate) == last_part(name)) {
            return std::string(candidate);
        }
    }
    return std::nullopt;
}

}  // namespace realm::config
