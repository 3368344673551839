#include "inference/waiting_line.h"

#include <algorithm>
#include <utility>

namespace realm::inference {

void WaitingLine::push(ContextId id, const Account& account) {
    entries_.push_back(
        {.id = id, .tenant = account.tenant, .priority = account.priority, .passed = 0});
}

void WaitingLine::erase(ContextId id) {
    std::erase_if(entries_, [id](const Entry& entry) { return entry.id == id; });
}

void WaitingLine::set_priority(ContextId id, std::int32_t priority) {
    if (const auto found = std::ranges::find(entries_, id, &Entry::id); found != entries_.end()) {
        found->priority = priority;
    }
}

bool WaitingLine::contains(ContextId id) const {
    return std::ranges::find(entries_, id, &Entry::id) != entries_.end();
}

ContextId WaitingLine::next() {
    Entry& head = entries_.front();
    auto most = entries_.begin();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (entry->tenant == head.tenant && entry->priority < most->priority) {
            most = entry;
        }
    }
    if (most != entries_.begin() && head.passed < kMostPasses) {
        ++head.passed;
        // The tenant's contexts before it take one of its places further back each.
        Entry moving = *most;
        for (auto entry = entries_.begin(); entry != std::next(most); ++entry) {
            if (entry->tenant == moving.tenant) {
                std::swap(*entry, moving);
            }
        }
    }
    return entries_.front().id;
}

}  // namespace realm::inference
