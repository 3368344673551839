// Arrays, maps and sets.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "values/object.h"

namespace realm::values {

// Its elements lie side by side; a hole is an element that is undefined.
class ArrayObject final : public Object {
public:
    ArrayObject(Ref<Object> prototype, std::vector<Value> elements);

    [[nodiscard]] const std::vector<Value>& elements() const { return elements_; }
    [[nodiscard]] std::size_t length() const { return elements_.size(); }
    void push(Value value);
    // For changes in place; the heap hears of the size when recount() is called.
    std::vector<Value>& mutable_elements() { return elements_; }
    void recount();
    // A RangeError or a limit's fault where it cannot be that long.
    Completion<void> set_length(World& world, double length);
    // Neither push nor element may change it: frozen, sealed or not extensible.
    [[nodiscard]] bool is_plain() const { return is_extensible() && !frozen_; }

    [[nodiscard]] std::string_view class_name() const override { return "Array"; }
    [[nodiscard]] std::optional<Property> own_property(World& world,
                                                       const PropertyKey& key) override;
    Completion<bool> define_own(World& world, const PropertyKey& key,
                                const Descriptor& change) override;
    bool delete_own(World& world, const PropertyKey& key) override;
    [[nodiscard]] std::vector<PropertyKey> list_keys(World& world) override;
    [[nodiscard]] std::size_t key_count(World& world) override;
    std::optional<Completion<bool>> set_fast(World& world, const PropertyKey& key,
                                             const Value& value) override;
    // Object.freeze and Object.seal.
    void freeze() { frozen_ = true; }
    void seal() { sealed_ = true; }

    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    std::vector<Value> elements_;
    std::size_t charged_ = 0;
    bool frozen_ = false;
    bool sealed_ = false;
};

// Keys with values in the order of their insertion; equality is SameValueZero. Cursors stay valid
// while entries come and go.
class OrderedTable {
public:
    struct Entry {
        Value key;
        Value value;
        std::uint64_t number = 0;  // ascending, never given twice
        bool present = false;
    };
    // Null where there is none.
    [[nodiscard]] Entry* find(const Value& key);
    // True where it was not there.
    bool set(const Value& key, Value value);
    bool remove(const Value& key);
    void clear();
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t bytes() const {
        return entries_.capacity() * sizeof(Entry) + index_.capacity() * sizeof(std::uint32_t);
    }

    // The number of the entry to come to next.
    using Cursor = std::uint64_t;
    // The entry at the cursor or the first after it, and moves past it; null at the end. Valid
    // until the next change.
    const Entry* next(Cursor& cursor) const;
    void trace(Tracer& tracer) const;

private:
    static std::size_t hash(const Value& key);
    void rebuild();

    std::vector<Entry> entries_;
    std::vector<std::uint32_t> index_;  // open addressing: entry + 1, 0 for none
    std::size_t size_ = 0;
    std::uint64_t last_number_ = 0;
};

enum class TableKind : std::uint8_t { kMap, kSet, kWeakMap, kWeakSet };

// Map, Set and their weak kin, which hold their keys all the same: nobody can tell but by memory.
class TableObject final : public Object {
public:
    TableObject(Ref<Object> prototype, TableKind kind)
        : Object(std::move(prototype)), kind_(kind) {}
    [[nodiscard]] TableKind kind() const { return kind_; }
    [[nodiscard]] OrderedTable& table() { return table_; }
    // After a change, so that the heap hears of its size.
    void recount();
    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    TableKind kind_;
    OrderedTable table_;
    std::size_t charged_ = 0;
};

enum class IteratorKind : std::uint8_t { kKeys, kValues, kEntries };

}  // namespace realm::values
