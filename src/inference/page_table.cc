#include "inference/page_table.h"

#include <iterator>

namespace realm::inference {

PageTable::PageTable(std::uint32_t pages) {
    for (std::uint32_t page = 0; page < pages; ++page) {
        free_.insert(free_.end(), page);
    }
}

bool PageTable::take_above(std::vector<std::uint32_t>& pages, std::uint32_t tokens) {
    const std::size_t before = pages.size();
    const std::size_t wanted = (tokens + kPageCells - 1) / kPageCells;
    while (pages.size() < wanted) {
        const auto next = pages.empty() ? free_.begin() : free_.upper_bound(pages.back());
        if (next == free_.end()) {
            free_.insert(pages.begin() + static_cast<std::ptrdiff_t>(before), pages.end());
            pages.resize(before);
            return false;
        }
        pages.push_back(*next);
        free_.erase(next);
    }
    return true;
}

bool PageTable::extend(SequenceId sequence, std::uint32_t tokens) {
    return take_above(pages_[sequence.value], tokens);
}

bool PageTable::relocate(SequenceId sequence, std::uint32_t tokens) {
    release(sequence);
    return take_above(pages_[sequence.value], tokens);
}

void PageTable::release(SequenceId sequence) {
    if (const auto found = pages_.find(sequence.value); found != pages_.end()) {
        free_.insert(found->second.begin(), found->second.end());
        pages_.erase(found);
    }
}

std::uint32_t PageTable::cell(SequenceId sequence, std::uint32_t position) const {
    return pages_.at(sequence.value).at(position / kPageCells) * kPageCells + position % kPageCells;
}

}  // namespace realm::inference
