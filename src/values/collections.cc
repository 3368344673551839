#include "values/collections.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "values/bigint.h"
#include "values/operations.h"

namespace realm::values {

namespace {

constexpr double kMaxArrayLength = 4294967295.0;

}  // namespace

ArrayObject::ArrayObject(Ref<Object> prototype, std::vector<Value> elements)
    : Object(std::move(prototype)),
      elements_(std::move(elements)),
      charged_(elements_.capacity() * sizeof(Value)) {
    charge_for(charged_);
}

void ArrayObject::recount() {
    const std::size_t bytes = elements_.capacity() * sizeof(Value);
    if (bytes != charged_) {
        charge(static_cast<std::ptrdiff_t>(bytes) - static_cast<std::ptrdiff_t>(charged_));
        charged_ = bytes;
    }
}

void ArrayObject::push(Value value) {
    elements_.push_back(std::move(value));
    recount();
}

Completion<void> ArrayObject::set_length(World& world, double length) {
    if (!(length >= 0) || length > kMaxArrayLength || std::trunc(length) != length) {
        return world.range_error("Invalid array length");
    }
    const auto wanted = static_cast<std::size_t>(length);
    if (wanted > elements_.size()) {
        if (auto allowed = world.admit((wanted - elements_.size()) * sizeof(Value)); !allowed) {
            return allowed;
        }
        elements_.resize(wanted);
    } else {
        // They die when the array has its new length already.
        const std::vector<Value> gone(
            std::make_move_iterator(elements_.begin() + static_cast<std::ptrdiff_t>(wanted)),
            std::make_move_iterator(elements_.end()));
        elements_.resize(wanted);
    }
    recount();
    return {};
}

std::optional<Property> ArrayObject::own_property(World& world, const PropertyKey& key) {
    if (key.is_index()) {
        if (key.index() >= elements_.size()) {
            return std::nullopt;
        }
        const PropertyFlags flags =
            frozen_ ? kEnumerable : (sealed_ ? kWritable | kEnumerable : kDefaultFlags);
        return Property{.value = elements_[key.index()], .flags = flags};
    }
    if (key == world.names().length) {
        return Property{.value = Value(elements_.size()), .flags = frozen_ ? kFixed : kWritable};
    }
    return Object::own_property(world, key);
}

Completion<bool> ArrayObject::define_own(World& world, const PropertyKey& key,
                                         const Descriptor& change) {
    if (key == world.names().length) {
        if (change.value) {
            if (frozen_ || !change.value->is_number()) {
                return false;
            }
            if (auto done = set_length(world, change.value->number()); !done) {
                return std::unexpected(std::move(done.error()));
            }
        }
        frozen_ = frozen_ || !change.writable.value_or(true);
        return true;
    }
    if (!key.is_index()) {
        return define_ordinary(world, key, change);
    }
    if (change.getter || change.setter) {
        return world.type_error("Accessors on the elements of arrays are not supported");
    }
    const std::size_t index = key.index();
    if (index < elements_.size()) {
        if (frozen_) {
            return !change.value || same_value(*change.value, elements_[index]);
        }
        if (change.value) {
            elements_[index] = *change.value;
        }
        return true;
    }
    if (!is_plain() || sealed_) {
        return false;
    }
    if (index > elements_.size()) {
        if (auto done = set_length(world, static_cast<double>(index)); !done) {
            return std::unexpected(std::move(done.error()));
        }
    }
    push(change.value ? *change.value : Value());
    return true;
}

// What is deleted from the middle becomes undefined.
bool ArrayObject::delete_own(World& world, const PropertyKey& key) {
    if (key == world.names().length) {
        return false;
    }
    if (!key.is_index()) {
        return Object::delete_own(world, key);
    }
    if (key.index() >= elements_.size()) {
        return true;
    }
    if (frozen_ || sealed_) {
        return false;
    }
    const Value gone = std::exchange(elements_[key.index()], Value());
    return true;
}

std::size_t ArrayObject::key_count(World& world) {
    return Object::key_count(world) + elements_.size() + 1;
}

std::vector<PropertyKey> ArrayObject::list_keys(World& world) {
    std::vector<PropertyKey> keys;
    keys.reserve(elements_.size() + 1);
    for (std::uint32_t i = 0; i < elements_.size(); ++i) {
        keys.emplace_back(i);
    }
    keys.push_back(world.names().length);
    std::ranges::copy(Object::list_keys(world), std::back_inserter(keys));
    return keys;
}

std::optional<Completion<bool>> ArrayObject::set_fast(World& world, const PropertyKey& key,
                                                      const Value& value) {
    if (key.is_index()) {
        if (key.index() < elements_.size() && !frozen_) {
            elements_[key.index()] = value;
            return true;
        }
        if (key.index() == elements_.size() && is_plain() && !sealed_) {
            push(value);
            return true;
        }
        return define_own(world, key, {.value = value});
    }
    if (key == world.names().length) {
        return value.is_number() ? std::optional(define_own(world, key, {.value = value}))
                                 : std::nullopt;
    }
    return Object::set_fast(world, key, value);
}

void ArrayObject::trace(Tracer& tracer) const {
    Object::trace(tracer);
    for (const Value& element : elements_) {
        element.trace(tracer);
    }
}

void ArrayObject::clear() {
    Object::clear();
    const std::vector<Value> gone = std::move(elements_);
    elements_.clear();
}

std::size_t OrderedTable::hash(const Value& key) {
    const auto mix = [](std::uint64_t bits) {
        bits *= 0x9E3779B97F4A7C15U;
        return static_cast<std::size_t>(bits ^ (bits >> 32U));
    };
    switch (key.kind()) {
        case Kind::kNumber:
            return mix(std::isnan(key.number()) ? 1U : Value(key.number() + 0.0).bits());
        case Kind::kString:
            return mix(key.string().hash());
        case Kind::kBigInt:
            return mix(key.bigint().low_bits());
        default:
            return mix(key.bits() + static_cast<std::uint64_t>(key.kind()));
    }
}

OrderedTable::Entry* OrderedTable::find(const Value& key) {
    if (index_.empty()) {
        return nullptr;
    }
    const std::size_t mask = index_.size() - 1;
    for (std::size_t at = hash(key) & mask; index_[at] != 0; at = (at + 1) & mask) {
        Entry& entry = entries_[index_[at] - 1];
        if (entry.present && same_value_zero(entry.key, key)) {
            return &entry;
        }
    }
    return nullptr;
}

bool OrderedTable::set(const Value& key, Value value) {
    if (Entry* const entry = find(key)) {
        std::swap(entry->value, value);
        return false;
    }
    if (2 * (entries_.size() + 1) > index_.size()) {
        rebuild();
    }
    // -0 becomes 0.
    Value stored = key.is_number() ? Value(key.number() + 0.0) : key;
    entries_.push_back({.key = std::move(stored),
                        .value = std::move(value),
                        .number = ++last_number_,
                        .present = true});
    ++size_;
    const std::size_t mask = index_.size() - 1;
    std::size_t at = hash(key) & mask;
    while (index_[at] != 0) {
        at = (at + 1) & mask;
    }
    index_[at] = static_cast<std::uint32_t>(entries_.size());
    return true;
}

bool OrderedTable::remove(const Value& key) {
    Entry* const entry = find(key);
    if (entry == nullptr) {
        return false;
    }
    const Value gone_key = std::move(entry->key);
    const Value gone_value = std::move(entry->value);
    entry->present = false;
    --size_;
    return true;
}

void OrderedTable::clear() {
    const std::vector<Entry> gone = std::move(entries_);
    entries_.clear();
    index_.clear();
    size_ = 0;
}

const OrderedTable::Entry* OrderedTable::next(Cursor& cursor) const {
    if (entries_.empty()) {
        return nullptr;
    }
    // Where nothing was thrown away, an entry lies at its number.
    const std::uint64_t first = entries_.front().number;
    std::size_t at = cursor <= first ? 0 : static_cast<std::size_t>(cursor - first);
    if (at >= entries_.size() || entries_[at].number != cursor) {
        const auto found = std::ranges::lower_bound(entries_, cursor, {}, &Entry::number);
        at = static_cast<std::size_t>(found - entries_.begin());
    }
    for (; at < entries_.size(); ++at) {
        if (entries_[at].present) {
            cursor = entries_[at].number + 1;
            return &entries_[at];
        }
    }
    cursor = last_number_ + 1;
    return nullptr;
}

void OrderedTable::rebuild() {
    std::erase_if(entries_, [](const Entry& entry) { return !entry.present; });
    index_.assign(std::max<std::size_t>(16, 4 * std::bit_ceil(entries_.size() + 1)), 0);
    const std::size_t mask = index_.size() - 1;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::size_t at = hash(entries_[i].key) & mask;
        while (index_[at] != 0) {
            at = (at + 1) & mask;
        }
        index_[at] = static_cast<std::uint32_t>(i + 1);
    }
}

void OrderedTable::trace(Tracer& tracer) const {
    for (const Entry& entry : entries_) {
        entry.key.trace(tracer);
        entry.value.trace(tracer);
    }
}

void TableObject::recount() {
    const std::size_t bytes = table_.bytes();
    if (bytes != charged_) {
        charge(static_cast<std::ptrdiff_t>(bytes) - static_cast<std::ptrdiff_t>(charged_));
        charged_ = bytes;
    }
}

void TableObject::trace(Tracer& tracer) const {
    Object::trace(tracer);
    table_.trace(tracer);
}

void TableObject::clear() {
    Object::clear();
    table_.clear();
}

}  // namespace realm::values
