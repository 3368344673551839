#include "values/object.h"

#include <algorithm>
#include <string>

#include "values/operators.h"
#include "values/world.h"

namespace realm::values {

namespace {

PropertyFlags flags_of(const Descriptor& change, PropertyFlags old) {
    const auto bit = [&](const std::optional<bool>& wanted, PropertyFlags flag) {
        return wanted ? (*wanted ? flag : PropertyFlags{0})
                      : static_cast<PropertyFlags>(old & flag);
    };
    return static_cast<PropertyFlags>(bit(change.writable, kWritable) |
                                      bit(change.enumerable, kEnumerable) |
                                      bit(change.configurable, kConfigurable));
}

bool is_accessor_change(const Descriptor& change) {
    return change.getter || change.setter;
}
bool is_data_change(const Descriptor& change) {
    return change.value || change.writable;
}

bool differs(const std::optional<Value>& wanted, const Value& old) {
    return wanted && !same_value(*wanted, old);
}

// Whether a property that is not configurable allows it.
bool allows(const PropertyMap::Slot& slot, const Descriptor& change) {
    if (change.configurable.value_or(false) ||
        (change.enumerable && *change.enumerable != ((slot.flags & kEnumerable) != 0))) {
        return false;
    }
    if (slot.value.is_internal()) {
        const auto& pair = static_cast<const AccessorPair&>(slot.value.cell());
        return !is_data_change(change) && !differs(change.getter, pair.getter()) &&
               !differs(change.setter, pair.setter());
    }
    if (is_accessor_change(change)) {
        return false;
    }
    return (slot.flags & kWritable) != 0 ||
           (!change.writable.value_or(false) && !differs(change.value, slot.value));
}

}  // namespace

void AccessorPair::trace(Tracer& tracer) const {
    getter_.trace(tracer);
    setter_.trace(tracer);
}

void AccessorPair::clear() {
    getter_ = {};
    setter_ = {};
}

std::optional<Property> Object::own_property(World& world, const PropertyKey& key) {
    settle(world);
    if (const auto* const slot = properties_.find(key)) {
        return Property{.value = slot->value, .flags = slot->flags};
    }
    return std::nullopt;
}

Completion<bool> Object::define_own(World& world, const PropertyKey& key,
                                    const Descriptor& change) {
    return define_ordinary(world, key, change);
}

Completion<bool> Object::define_ordinary(World& world, const PropertyKey& key,
                                         const Descriptor& change) {
    settle(world);
    auto* const slot = properties_.find(key);
    if (slot == nullptr) {
        if (!extensible_) {
            return false;
        }
        if (is_accessor_change(change)) {
            put_accessor(key, change.getter.value_or(Value()), change.setter.value_or(Value()),
                         flags_of(change, 0) & static_cast<PropertyFlags>(~kWritable));
        } else {
            put(key, change.value.value_or(Value()), flags_of(change, 0));
        }
        return true;
    }
    if ((slot->flags & kConfigurable) == 0 && !allows(*slot, change)) {
        return false;
    }
    slot->flags = flags_of(change, slot->flags);
    if (is_accessor_change(change)) {
        const auto* const pair =
            slot->value.is_internal() ? &static_cast<AccessorPair&>(slot->value.cell()) : nullptr;
        slot->value = heap().make<AccessorPair>(
            change.getter.value_or(pair != nullptr ? pair->getter() : Value()),
            change.setter.value_or(pair != nullptr ? pair->setter() : Value()));
        slot->flags &= static_cast<PropertyFlags>(~kWritable);
    } else if (change.value) {
        slot->value = *change.value;
    } else if (change.writable && slot->value.is_internal()) {
        slot->value = {};
    }
    return true;
}

bool Object::delete_own(World& world, const PropertyKey& key) {
    settle(world);
    auto* const slot = properties_.find(key);
    if (slot == nullptr) {
        return true;
    }
    if ((slot->flags & kConfigurable) == 0) {
        return false;
    }
    // The value dies after the map has forgotten it.
    const Value gone = std::move(slot->value);
    properties_.remove(*slot);
    recharge();
    return true;
}

std::size_t Object::key_count(World& world) {
    settle(world);
    return properties_.size();
}

std::vector<PropertyKey> Object::list_keys(World& world) {
    settle(world);
    return ordinary_keys();
}

std::vector<PropertyKey> Object::ordinary_keys() const {
    std::vector<PropertyKey> keys;
    keys.reserve(properties_.size());
    for (const auto& slot : properties_.slots()) {
        if (slot.key.is_index()) {
            keys.push_back(slot.key);
        }
    }
    std::ranges::sort(keys, {}, &PropertyKey::index);
    for (const auto& slot : properties_.slots()) {
        if (slot.key.is_string()) {
            keys.push_back(slot.key);
        }
    }
    for (const auto& slot : properties_.slots()) {
        if (slot.key.is_symbol()) {
            keys.push_back(slot.key);
        }
    }
    return keys;
}

std::optional<Completion<bool>> Object::set_fast(World& world, const PropertyKey& key,
                                                 const Value& value) {
    settle(world);
    if (auto* const slot = properties_.find(key)) {
        if ((slot->flags & kWritable) == 0 || slot->value.is_internal()) {
            return std::nullopt;
        }
        slot->value = value;
        return true;
    }
    if (!extensible_) {
        return std::nullopt;
    }
    for (Object* above = prototype(); above != nullptr; above = above->prototype()) {
        if (const auto found = above->own_property(world, key)) {
            if (found->is_accessor() || (found->flags & kWritable) == 0) {
                return std::nullopt;
            }
            break;
        }
    }
    put(key, value);
    return true;
}

void Object::put(const PropertyKey& key, Value value, PropertyFlags flags) {
    if (auto* const slot = properties_.find(key)) {
        slot->value = std::move(value);
        slot->flags = flags;
        return;
    }
    properties_.add(key, std::move(value), flags);
    recharge();
}

void Object::put_accessor(const PropertyKey& key, Value getter, Value setter, PropertyFlags flags) {
    put(key, heap().make<AccessorPair>(std::move(getter), std::move(setter)), flags);
}

void Object::recharge() {
    const std::size_t bytes = properties_.bytes();
    if (bytes != charged_slots_) {
        charge(static_cast<std::ptrdiff_t>(bytes) - static_cast<std::ptrdiff_t>(charged_slots_));
        charged_slots_ = bytes;
    }
}

void Object::trace(Tracer& tracer) const {
    if (prototype_) {
        tracer.visit(*prototype_);
    }
    for (const auto& slot : properties_.slots()) {
        slot.value.trace(tracer);
    }
}

void Object::clear() {
    const Ref<Object> gone = std::move(prototype_);
    prototype_ = {};
    properties_.clear();
}

std::string_view WrapperObject::class_name() const {
    switch (primitive_.kind()) {
        case Kind::kBoolean:
            return "Boolean";
        case Kind::kNumber:
            return "Number";
        case Kind::kString:
            return "String";
        default:
            return "Object";
    }
}

std::optional<Property> WrapperObject::own_property(World& world, const PropertyKey& key) {
    if (primitive_.is_string()) {
        const String& text = primitive_.string();
        if (key == world.names().length) {
            return Property{.value = Value(text.length()), .flags = kFixed};
        }
        if (key.is_index() && key.index() < text.length()) {
            return Property{.value = substring(heap(), text, key.index(), key.index() + 1),
                            .flags = kEnumerable};
        }
    }
    return Object::own_property(world, key);
}

std::size_t WrapperObject::key_count(World& world) {
    return Object::key_count(world) +
           (primitive_.is_string() ? primitive_.string().length() + 1 : 0);
}

std::vector<PropertyKey> WrapperObject::list_keys(World& world) {
    std::vector<PropertyKey> keys = Object::list_keys(world);
    if (primitive_.is_string()) {
        std::vector<PropertyKey> all;
        for (std::uint32_t i = 0; i < primitive_.string().length(); ++i) {
            all.emplace_back(i);
        }
        all.push_back(world.names().length);
        all.insert(all.end(), keys.begin(), keys.end());
        return all;
    }
    return keys;
}

}  // namespace realm::values
