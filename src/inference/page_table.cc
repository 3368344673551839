#include "inference/page_table.h"

#include <algorithm>

namespace realm::inference {
namespace {

std::size_t pages_of(std::uint32_t tokens) {
    return (tokens + PageTable::kPageCells - 1) / PageTable::kPageCells;
}

}  // namespace

PageTable::PageTable(std::uint32_t pages) : users_(pages, 0) {
    for (std::uint32_t page = 0; page < pages; ++page) {
        free_.insert(free_.end(), page);
    }
}

void PageTable::take(Pages& pages, std::set<std::uint32_t>::iterator page) {
    pages.push_back(*page);
    users_[*page] = 1;
    free_.erase(page);
}

void PageTable::give_back(Pages& pages, std::size_t keep) {
    for (std::size_t i = keep; i < pages.size(); ++i) {
        if (--users_[pages[i]] == 0) {
            free_.insert(pages[i]);
        }
    }
    pages.resize(std::min(keep, pages.size()));
}

bool PageTable::take_above(Pages& pages, std::uint32_t tokens) {
    const std::size_t before = pages.size();
    while (pages.size() < pages_of(tokens)) {
        const auto next = pages.empty() ? free_.begin() : free_.upper_bound(pages.back());
        if (next == free_.end()) {
            give_back(pages, before);
            return false;
        }
        take(pages, next);
    }
    return true;
}

bool PageTable::extend(SequenceId sequence, std::uint32_t tokens) {
    return take_above(pages_[sequence.value], tokens);
}

bool PageTable::extend_anywhere(SequenceId sequence, std::uint32_t tokens) {
    Pages& pages = pages_[sequence.value];
    const std::size_t wanted = pages_of(tokens);
    if (wanted > pages.size() + free_.size()) {
        return false;
    }
    while (pages.size() < wanted) {
        take(pages, free_.begin());
    }
    return true;
}

bool PageTable::relocate(SequenceId sequence, std::uint32_t tokens) {
    release(sequence);
    return take_above(pages_[sequence.value], tokens);
}

void PageTable::share(SequenceId from, SequenceId to, std::uint32_t tokens) {
    Pages pages = pages_[from.value];
    pages.resize(pages_of(tokens));
    for (const std::uint32_t page : pages) {
        ++users_[page];
    }
    pages_[to.value] = std::move(pages);
}

void PageTable::truncate(SequenceId sequence, std::uint32_t tokens) {
    give_back(pages_[sequence.value], pages_of(tokens));
}

void PageTable::release(SequenceId sequence) {
    if (const auto found = pages_.find(sequence.value); found != pages_.end()) {
        give_back(found->second, 0);
        pages_.erase(found);
    }
}

std::uint32_t PageTable::page(SequenceId sequence, std::uint32_t position) const {
    return pages_.at(sequence.value).at(position / kPageCells);
}

std::uint32_t PageTable::cell(SequenceId sequence, std::uint32_t position) const {
    return page(sequence, position) * kPageCells + position % kPageCells;
}

}  // namespace realm::inference
