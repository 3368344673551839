// The order in which contexts that wait for cells get them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "inference/engine.h"

namespace realm::inference {

// Owned by the engine; its thread only. First come first served between tenants: each has the
// places in which its contexts came. Its own places go to its most urgent contexts first, those of
// the lowest priority, and among equals in the order in which they came; one whose turn it was
// gives way kMostPasses times at most.
class WaitingLine {
public:
    static constexpr std::uint32_t kMostPasses = 8;

    void push(ContextId id, const Account& account);
    // Those that do not wait are ignored.
    void erase(ContextId id);
    void set_priority(ContextId id, std::int32_t priority);

    [[nodiscard]] bool contains(ContextId id) const;
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    // Whose turn it is; somebody must wait.
    ContextId next();

private:
    struct Entry {
        ContextId id;
        std::string tenant;
        std::int32_t priority = 0;
        std::uint32_t passed = 0;
    };

    std::deque<Entry> entries_;
};

}  // namespace realm::inference
