// ArrayBuffer, typed arrays and DataView, over bytes of their own or over the guest's memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "values/builtin.h"
#include "values/object.h"

namespace realm::values {

// The memory of a guest, which the embedder implements. It may grow, and then lie elsewhere.
class GuestBytes {
public:
    GuestBytes() = default;
    GuestBytes(const GuestBytes&) = delete;
    GuestBytes& operator=(const GuestBytes&) = delete;
    virtual ~GuestBytes() = default;
    // Empty once the guest is gone; valid until the guest runs or its memory grows.
    [[nodiscard]] virtual std::span<std::byte> bytes() const = 0;
    // memory.grow by so many pages: how many there were, or nothing where that is not allowed.
    virtual std::optional<std::uint32_t> grow(std::uint32_t pages) = 0;
};

// One over the guest's memory is detached as soon as that has another size.
class ArrayBufferObject final : public Object {
public:
    ArrayBufferObject(Ref<Object> prototype, std::vector<std::byte> bytes);
    ArrayBufferObject(Ref<Object> prototype, std::shared_ptr<GuestBytes> memory);

    // Empty when it is detached. Not kept over anything that may run the guest.
    [[nodiscard]] std::span<std::byte> bytes();
    [[nodiscard]] bool is_detached() const;
    void detach();
    [[nodiscard]] bool is_guest_memory() const { return memory_ != nullptr; }
    [[nodiscard]] std::string_view class_name() const override { return "Object"; }

private:
    std::vector<std::byte> own_;
    std::shared_ptr<GuestBytes> memory_;
    std::size_t size_;
    bool detached_ = false;
};

enum class ElementType : std::uint8_t {
    kInt8,
    kUint8,
    kUint8Clamped,
    kInt16,
    kUint16,
    kInt32,
    kUint32,
    kFloat32,
    kFloat64,
    kBigInt64,
    kBigUint64,
};
std::size_t size_of(ElementType type);
inline bool is_big(ElementType type) {
    return type >= ElementType::kBigInt64;
}
Builtin builtin_of(ElementType type);

// One element from memory, little-endian, and a value that is a number or a bigint already as it is
// stored.
Value load_element(World& world, ElementType type, const std::byte* from);
using ElementBytes = std::array<std::byte, 8>;
ElementBytes element_bytes(ElementType type, const Value& numeric);
// ToNumber or ToBigInt, as the type has it.
Eventual<Value> to_element(World& world, ElementType type, const Value& value);

// Also a DataView, which is bytes with an offset and a length too.
class BufferView : public Object {
public:
    BufferView(Ref<Object> prototype, Ref<ArrayBufferObject> buffer, std::size_t offset,
               std::size_t byte_length)
        : Object(std::move(prototype)),
          buffer_(std::move(buffer)),
          offset_(offset),
          byte_length_(byte_length) {}
    [[nodiscard]] ArrayBufferObject& buffer() const { return *buffer_; }
    // Both 0 when the buffer is detached.
    [[nodiscard]] std::size_t byte_offset() const { return buffer_->is_detached() ? 0 : offset_; }
    [[nodiscard]] std::size_t byte_length() const {
        return buffer_->is_detached() ? 0 : byte_length_;
    }
    // What it sees; not kept over anything that may run the guest.
    [[nodiscard]] std::span<std::byte> bytes() const;
    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    Ref<ArrayBufferObject> buffer_;
    std::size_t offset_;
    std::size_t byte_length_;
};

class DataViewObject final : public BufferView {
public:
    using BufferView::BufferView;
};

class TypedArrayObject final : public BufferView {
public:
    TypedArrayObject(Ref<Object> prototype, ElementType type, Ref<ArrayBufferObject> buffer,
                     std::size_t offset, std::size_t length)
        : BufferView(std::move(prototype), std::move(buffer), offset, length * size_of(type)),
          type_(type) {}
    [[nodiscard]] ElementType type() const { return type_; }
    [[nodiscard]] std::size_t length() const { return byte_length() / size_of(type_); }
    // undefined beyond the end
    [[nodiscard]] Value load(World& world, std::size_t index) const;
    // Of a number or bigint; nothing happens beyond the end.
    void store(std::size_t index, const Value& numeric);

    [[nodiscard]] std::optional<Property> own_property(World& world,
                                                       const PropertyKey& key) override;
    Completion<bool> define_own(World& world, const PropertyKey& key,
                                const Descriptor& change) override;
    bool delete_own(World& world, const PropertyKey& key) override;
    [[nodiscard]] std::vector<PropertyKey> list_keys(World& world) override;
    [[nodiscard]] std::size_t key_count(World& world) override;
    std::optional<Completion<bool>> set_fast(World& world, const PropertyKey& key,
                                             const Value& value) override;

private:
    ElementType type_;
};

// WebAssembly.Memory: `buffer` gives a new ArrayBuffer, and detaches the old one, after growth.
class MemoryObject final : public Object {
public:
    MemoryObject(Ref<Object> prototype, std::shared_ptr<GuestBytes> memory)
        : Object(std::move(prototype)), memory_(std::move(memory)) {}
    Ref<ArrayBufferObject> buffer(World& world);
    [[nodiscard]] GuestBytes& memory() const { return *memory_; }
    [[nodiscard]] std::string_view class_name() const override { return "Object"; }
    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    std::shared_ptr<GuestBytes> memory_;
    Ref<ArrayBufferObject> buffer_;
};

// For the embedder.
Ref<MemoryObject> make_memory(World& world, std::shared_ptr<GuestBytes> memory);
// Bytes of its own, zeros; a limit's fault where they are too many.
Completion<Ref<ArrayBufferObject>> make_buffer(World& world, double bytes);
Completion<Ref<TypedArrayObject>> make_typed_array(World& world, ElementType type, double length);
// A view of an existing buffer; a RangeError where it does not fit.
Completion<Ref<TypedArrayObject>> view_buffer(World& world, ElementType type,
                                              Ref<ArrayBufferObject> buffer, double byte_offset,
                                              double length);
// A Uint8Array with a copy of these bytes.
Completion<Ref<TypedArrayObject>> make_bytes(World& world, std::span<const std::byte> bytes);

}  // namespace realm::values
