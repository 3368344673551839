// Objects: ordered properties, a prototype, and what its classes change about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "values/completion.h"
#include "values/key.h"
#include "values/property_map.h"

namespace realm::values {

class World;

// What an own property is: a value, or an internal AccessorPair.
struct Property {
    Value value;
    PropertyFlags flags = kDefaultFlags;

    [[nodiscard]] bool is_accessor() const { return value.is_internal(); }
};

class AccessorPair final : public Cell {
public:
    static constexpr Kind kKind = Kind::kInternal;
    static constexpr bool kMayBeInCycles = true;

    // Functions or undefined.
    AccessorPair(Value getter, Value setter)
        : getter_(std::move(getter)), setter_(std::move(setter)) {}
    [[nodiscard]] const Value& getter() const { return getter_; }
    [[nodiscard]] const Value& setter() const { return setter_; }
    void set_getter(Value getter) { getter_ = std::move(getter); }

    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    Value getter_;
    Value setter_;
};

// A change to a property as Object.defineProperty describes it: what is absent stays, or gets its
// default in a new property.
struct Descriptor {
    std::optional<Value> value = std::nullopt;
    std::optional<Value> getter = std::nullopt;
    std::optional<Value> setter = std::nullopt;
    std::optional<bool> writable = std::nullopt;
    std::optional<bool> enumerable = std::nullopt;
    std::optional<bool> configurable = std::nullopt;
};

// None of these runs a program's code; what may (getters, setters) is in operations.h.
class Object : public Cell {
public:
    static constexpr Kind kKind = Kind::kObject;
    static constexpr bool kMayBeInCycles = true;

    // Null for an object without one.
    explicit Object(Ref<Object> prototype) : prototype_(std::move(prototype)) {}

    [[nodiscard]] Object* prototype() const { return prototype_.get(); }
    void set_prototype(Ref<Object> prototype) { prototype_ = std::move(prototype); }
    [[nodiscard]] bool is_extensible() const { return extensible_; }
    virtual void prevent_extensions() { extensible_ = false; }

    // What Object.prototype.toString calls it without a toStringTag: "Object", "Array", "Error".
    [[nodiscard]] virtual std::string_view class_name() const { return "Object"; }
    [[nodiscard]] virtual bool is_callable() const { return false; }

    [[nodiscard]] virtual std::optional<Property> own_property(World& world,
                                                               const PropertyKey& key);
    // False where the property or the object does not allow it.
    virtual Completion<bool> define_own(World& world, const PropertyKey& key,
                                        const Descriptor& change);
    // False where it may not be deleted.
    virtual bool delete_own(World& world, const PropertyKey& key);
    // Indices ascending, then strings, then symbols, each as they were added. As long as the object
    // has keys: operations.h has own_keys() within limits.
    [[nodiscard]] virtual std::vector<PropertyKey> list_keys(World& world);
    // How many these are, or more.
    [[nodiscard]] virtual std::size_t key_count(World& world);
    // Replaces the value of an own, writable data property or adds one; nothing where that takes
    // the long way (an accessor, a property of a prototype, a read-only one).
    virtual std::optional<Completion<bool>> set_fast(World& world, const PropertyKey& key,
                                                     const Value& value);

    // For our own code, which knows that nothing stands against it.
    void put(const PropertyKey& key, Value value, PropertyFlags flags = kDefaultFlags);
    void put_accessor(const PropertyKey& key, Value getter, Value setter, PropertyFlags flags);

    void trace(Tracer& tracer) const override;
    void clear() override;

protected:
    // For objects whose own properties are made when somebody first looks at them.
    virtual void populate(World& /*world*/) {}
    void be_lazy() { lazy_ = true; }
    void settle(World& world) {
        if (lazy_) {
            lazy_ = false;
            populate(world);
        }
    }
    Completion<bool> define_ordinary(World& world, const PropertyKey& key,
                                     const Descriptor& change);
    [[nodiscard]] std::vector<PropertyKey> ordinary_keys() const;
    PropertyMap& properties() { return properties_; }

private:
    void recharge();

    Ref<Object> prototype_;
    PropertyMap properties_;
    std::size_t charged_slots_ = 0;
    bool extensible_ = true;
    bool lazy_ = false;
};

inline Object& Value::object() const noexcept {
    return static_cast<Object&>(*bits_.cell);
}

// What boxes a primitive: Object("text"), and Object(1n).
class WrapperObject final : public Object {
public:
    WrapperObject(Ref<Object> prototype, Value primitive)
        : Object(std::move(prototype)), primitive_(std::move(primitive)) {}
    [[nodiscard]] const Value& primitive() const { return primitive_; }
    [[nodiscard]] std::string_view class_name() const override;
    [[nodiscard]] std::optional<Property> own_property(World& world,
                                                       const PropertyKey& key) override;
    [[nodiscard]] std::vector<PropertyKey> list_keys(World& world) override;
    [[nodiscard]] std::size_t key_count(World& world) override;

private:
    Value primitive_;
};

// What the embedder keeps in an object: an instance of a class that the module exports.
class Foreign {
public:
    Foreign() = default;
    Foreign(const Foreign&) = delete;
    Foreign& operator=(const Foreign&) = delete;
    virtual ~Foreign() = default;
};

class ForeignObject final : public Object {
public:
    ForeignObject(Ref<Object> prototype, std::unique_ptr<Foreign> content)
        : Object(std::move(prototype)), content_(std::move(content)) {}
    [[nodiscard]] Foreign& content() const { return *content_; }

private:
    std::unique_ptr<Foreign> content_;
};

}  // namespace realm::values
