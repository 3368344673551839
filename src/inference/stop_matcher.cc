#include "inference/stop_matcher.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace realm::inference {
namespace {

// Length of the longest end of `text` with which `stop` begins, `stop` itself not counted.
std::size_t beginning_at_end(std::string_view text, std::string_view stop) {
    std::size_t length = std::min(text.size(), stop.size() - 1);
    while (length > 0 && !text.ends_with(stop.substr(0, length))) {
        --length;
    }
    return length;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}

StopMatcher::Piece StopMatcher::push(std::string_view text) {
    held_ += text;
    std::size_t first_end = std::string::npos;
    std::size_t start = std::string::npos;
    for (const std::string& stop : stops_) {
        const std::size_t at = held_.find(stop);
        if (at == std::string::npos) {
            continue;
        }
        const std::size_t end = at + stop.size();
        if (end < first_end || (end == first_end && at < start)) {
            first_end = end;
            start = at;
        }
    }
    if (start != std::string::npos) {
        Piece piece{.text = held_.substr(0, start), .stopped = true};
        held_.clear();
        return piece;
    }
    std::size_t keep = 0;
    for (const std::string& stop : stops_) {
        keep = std::max(keep, beginning_at_end(held_, stop));
    }
    Piece piece{.text = held_.substr(0, held_.size() - keep), .stopped = false};
    held_.erase(0, held_.size() - keep);
    return piece;
}

std::string StopMatcher::finish() {
    return std::exchange(held_, {});
}

}  // namespace realm::inference
