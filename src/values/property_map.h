// The own properties of an object, in the order in which they were added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "values/key.h"
#include "values/value.h"

namespace realm::values {

using PropertyFlags = std::uint8_t;
constexpr PropertyFlags kWritable = 1;
constexpr PropertyFlags kEnumerable = 2;
constexpr PropertyFlags kConfigurable = 4;
constexpr PropertyFlags kDefaultFlags = kWritable | kEnumerable | kConfigurable;
constexpr PropertyFlags kHidden = kWritable | kConfigurable;  // as methods of classes are
constexpr PropertyFlags kFixed = 0;

class PropertyMap {
public:
    struct Slot {
        PropertyKey key;  // empty where a property was deleted
        Value value;
        PropertyFlags flags = kDefaultFlags;
    };

    // Null where there is none; valid until the next change.
    [[nodiscard]] Slot* find(const PropertyKey& key);
    [[nodiscard]] const Slot* find(const PropertyKey& key) const {
        return const_cast<PropertyMap*>(this)->find(key);
    }
    // Of a key that is not there.
    Slot& add(PropertyKey key, Value value, PropertyFlags flags);
    void remove(Slot& slot);
    void clear();

    [[nodiscard]] std::span<Slot> slots() { return slots_; }
    [[nodiscard]] std::span<const Slot> slots() const { return slots_; }
    [[nodiscard]] std::size_t size() const { return slots_.size() - deleted_; }
    // What it takes in memory.
    [[nodiscard]] std::size_t bytes() const {
        return slots_.capacity() * sizeof(Slot) + index_.capacity() * sizeof(std::uint32_t);
    }

private:
    // Up to this many are searched one by one.
    static constexpr std::size_t kLinear = 8;
    void rebuild();

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> index_;  // open addressing: slot + 1, 0 for none
    std::size_t deleted_ = 0;
};

}  // namespace realm::values
