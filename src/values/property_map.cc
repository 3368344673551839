#include "values/property_map.h"

#include <algorithm>
#include <bit>

namespace realm::values {

PropertyMap::Slot* PropertyMap::find(const PropertyKey& key) {
    if (index_.empty()) {
        const auto found = std::ranges::find(slots_, key, &Slot::key);
        return found == slots_.end() ? nullptr : &*found;
    }
    const std::size_t mask = index_.size() - 1;
    for (std::size_t at = key.hash() & mask; index_[at] != 0; at = (at + 1) & mask) {
        Slot& slot = slots_[index_[at] - 1];
        if (slot.key == key) {
            return &slot;
        }
    }
    return nullptr;
}

PropertyMap::Slot& PropertyMap::add(PropertyKey key, Value value, PropertyFlags flags) {
    slots_.push_back({.key = std::move(key), .value = std::move(value), .flags = flags});
    if (slots_.size() > kLinear && 2 * slots_.size() > index_.size()) {
        rebuild();
    } else if (!index_.empty()) {
        const std::size_t mask = index_.size() - 1;
        std::size_t at = slots_.back().key.hash() & mask;
        while (index_[at] != 0) {
            at = (at + 1) & mask;
        }
        index_[at] = static_cast<std::uint32_t>(slots_.size());
    }
    return slots_.back();
}

// The place stays, so that the others keep theirs in the index.
void PropertyMap::remove(Slot& slot) {
    if (index_.empty()) {
        slots_.erase(slots_.begin() + (&slot - slots_.data()));
        return;
    }
    slot = {.key = {}, .value = {}, .flags = 0};
    ++deleted_;
    if (2 * deleted_ > slots_.size()) {
        rebuild();
    }
}

void PropertyMap::clear() {
    // What dies with a value must not find it here any more.
    const std::vector<Slot> gone = std::move(slots_);
    slots_.clear();
    index_.clear();
    deleted_ = 0;
}

void PropertyMap::rebuild() {
    if (deleted_ > 0) {
        std::erase_if(slots_, [](const Slot& slot) { return slot.key.is_empty(); });
        deleted_ = 0;
    }
    index_.clear();
    if (slots_.size() <= kLinear) {
        return;
    }
    index_.resize(4 * std::bit_ceil(slots_.size()), 0);
    const std::size_t mask = index_.size() - 1;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        std::size_t at = slots_[i].key.hash() & mask;
        while (index_[at] != 0) {
            at = (at + 1) & mask;
        }
        index_[at] = static_cast<std::uint32_t>(i + 1);
    }
}

}  // namespace realm::values
