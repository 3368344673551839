#include "values/buffers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "values/bigint.h"
#include "values/operations.h"

namespace realm::values {

namespace {

template <class T>
T read_as(const std::byte* from) {
    T out;
    std::memcpy(&out, from, sizeof(T));
    return out;
}

template <class T>
ElementBytes written(T number) {
    ElementBytes out{};
    std::memcpy(out.data(), &number, sizeof(T));
    return out;
}

// Rounded to the nearest, halves to even.
std::uint8_t clamped(double number) {
    if (!(number > 0)) {
        return 0;
    }
    return number >= 255 ? 255 : static_cast<std::uint8_t>(std::nearbyint(number));
}

}  // namespace

ArrayBufferObject::ArrayBufferObject(Ref<Object> prototype, std::vector<std::byte> bytes)
    : Object(std::move(prototype)), own_(std::move(bytes)), size_(own_.size()) {
    charge_for(own_.capacity());
}

ArrayBufferObject::ArrayBufferObject(Ref<Object> prototype, std::shared_ptr<GuestBytes> memory)
    : Object(std::move(prototype)), memory_(std::move(memory)), size_(memory_->bytes().size()) {}

std::span<std::byte> ArrayBufferObject::bytes() {
    if (is_detached()) {
        return {};
    }
    return memory_ ? memory_->bytes() : std::span(own_);
}

bool ArrayBufferObject::is_detached() const {
    return detached_ || (memory_ && memory_->bytes().size() != size_);
}

void ArrayBufferObject::detach() {
    detached_ = true;
    charge(-static_cast<std::ptrdiff_t>(own_.capacity()));
    own_ = {};
}

std::size_t size_of(ElementType type) {
    constexpr std::array<std::size_t, 11> kSizes{1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    return kSizes.at(static_cast<std::size_t>(type));
}

Builtin builtin_of(ElementType type) {
    return static_cast<Builtin>(static_cast<std::uint8_t>(Builtin::kInt8Array) +
                                static_cast<std::uint8_t>(type));
}

Value load_element(World& world, ElementType type, const std::byte* from) {
    static_assert(std::endian::native == std::endian::little);
    switch (type) {
        case ElementType::kInt8:
            return Value(int{read_as<std::int8_t>(from)});
        case ElementType::kUint8:
        case ElementType::kUint8Clamped:
            return Value(int{read_as<std::uint8_t>(from)});
        case ElementType::kInt16:
            return Value(int{read_as<std::int16_t>(from)});
        case ElementType::kUint16:
            return Value(int{read_as<std::uint16_t>(from)});
        case ElementType::kInt32:
            return Value(int{read_as<std::int32_t>(from)});
        case ElementType::kUint32:
            return Value(read_as<std::uint32_t>(from));
        case ElementType::kFloat32:
            return Value(static_cast<double>(read_as<float>(from)));
        case ElementType::kFloat64:
            return Value(read_as<double>(from));
        case ElementType::kBigInt64:
            return make_bigint(world, read_as<std::int64_t>(from));
        default:
            return make_bigint(world, read_as<std::uint64_t>(from));
    }
}

ElementBytes element_bytes(ElementType type, const Value& numeric) {
    if (is_big(type)) {
        return written(numeric.bigint().low_bits());
    }
    const double number = numeric.number();
    switch (type) {
        case ElementType::kUint8Clamped:
            return written(clamped(number));
        case ElementType::kFloat32:
            return written(static_cast<float>(number));
        case ElementType::kFloat64:
            return written(number);
        default:
            // The lower bytes are those of the narrower types.
            return written(to_uint32(number));
    }
}

namespace {

Eventual<Value> number_element(World& world, Value value) {
    const double number = co_await to_number(world, value);
    co_return Value(number);
}

}  // namespace

Eventual<Value> to_element(World& world, ElementType type, const Value& value) {
    if (is_big(type)) {
        return to_bigint(world, value);
    }
    return value.is_number() ? Eventual<Value>(value) : number_element(world, value);
}

std::span<std::byte> BufferView::bytes() const {
    const std::span<std::byte> all = buffer_->bytes();
    return all.empty() ? all : all.subspan(offset_, byte_length_);
}

void BufferView::trace(Tracer& tracer) const {
    Object::trace(tracer);
    tracer.visit(*buffer_);
}

// The buffer holds nobody, so it may stay.
void BufferView::clear() {
    Object::clear();
}

Value TypedArrayObject::load(World& world, std::size_t index) const {
    const std::size_t size = size_of(type_);
    const std::span<std::byte> all = bytes();
    return index < all.size() / size ? load_element(world, type_, all.data() + index * size)
                                     : Value();
}

void TypedArrayObject::store(std::size_t index, const Value& numeric) {
    const std::size_t size = size_of(type_);
    const std::span<std::byte> all = bytes();
    if (index < all.size() / size) {
        const ElementBytes element = element_bytes(type_, numeric);
        std::memcpy(all.data() + index * size, element.data(), size);
    }
}

std::optional<Property> TypedArrayObject::own_property(World& world, const PropertyKey& key) {
    if (!key.is_index()) {
        return Object::own_property(world, key);
    }
    if (key.index() >= length()) {
        return std::nullopt;
    }
    return Property{.value = load(world, key.index()), .flags = kDefaultFlags};
}

Completion<bool> TypedArrayObject::define_own(World& world, const PropertyKey& key,
                                              const Descriptor& change) {
    if (!key.is_index()) {
        return define_ordinary(world, key, change);
    }
    if (key.index() >= length() || change.getter || change.setter ||
        !change.configurable.value_or(true) || !change.writable.value_or(true)) {
        return false;
    }
    if (change.value) {
        const bool fits = is_big(type()) ? change.value->is_bigint() : change.value->is_number();
        if (!fits) {
            return world.type_error("Elements of typed arrays are defined with numbers alone");
        }
        store(key.index(), *change.value);
    }
    return true;
}

bool TypedArrayObject::delete_own(World& world, const PropertyKey& key) {
    return key.is_index() ? key.index() >= length() : Object::delete_own(world, key);
}

std::size_t TypedArrayObject::key_count(World& world) {
    return Object::key_count(world) + length();
}

std::vector<PropertyKey> TypedArrayObject::list_keys(World& world) {
    std::vector<PropertyKey> keys;
    for (std::uint32_t i = 0; i < length(); ++i) {
        keys.emplace_back(i);
    }
    std::ranges::copy(Object::list_keys(world), std::back_inserter(keys));
    return keys;
}

// Writing beyond the end does nothing, and that is allowed.
std::optional<Completion<bool>> TypedArrayObject::set_fast(World& world, const PropertyKey& key,
                                                           const Value& value) {
    if (!key.is_index()) {
        return Object::set_fast(world, key, value);
    }
    auto numeric = value.is_object() ? Eventual<Value>(Value()) : to_element(world, type_, value);
    auto element = numeric.take();
    if (!element) {
        return std::unexpected(std::move(element.error()));
    }
    if (value.is_object()) {
        return std::nullopt;
    }
    store(key.index(), *element);
    return true;
}

Ref<ArrayBufferObject> MemoryObject::buffer(World& world) {
    if (!buffer_ || buffer_->is_detached()) {
        buffer_ = world.heap().make<ArrayBufferObject>(world.prototype_ref(Builtin::kArrayBuffer),
                                                       memory_);
    }
    return buffer_;
}

void MemoryObject::trace(Tracer& tracer) const {
    Object::trace(tracer);
    if (buffer_) {
        tracer.visit(*buffer_);
    }
}

void MemoryObject::clear() {
    Object::clear();
    buffer_ = {};
}

Ref<MemoryObject> make_memory(World& world, std::shared_ptr<GuestBytes> memory) {
    return world.heap().make<MemoryObject>(world.prototype_ref(Builtin::kMemory),
                                           std::move(memory));
}

Completion<Ref<ArrayBufferObject>> make_buffer(World& world, double bytes) {
    if (bytes > 9007199254740991.0) {
        return world.range_error("Array buffer allocation failed");
    }
    const auto size = static_cast<std::size_t>(bytes);
    if (auto allowed = world.admit(size); !allowed) {
        return std::unexpected(std::move(allowed.error()));
    }
    return world.heap().make<ArrayBufferObject>(world.prototype_ref(Builtin::kArrayBuffer),
                                                std::vector<std::byte>(size));
}

Completion<Ref<TypedArrayObject>> make_typed_array(World& world, ElementType type, double length) {
    if (!(length >= 0) || length > 4294967296.0) {
        return world.range_error("Invalid typed array length: " + number_to_text(length));
    }
    auto buffer = make_buffer(world, length * static_cast<double>(size_of(type)));
    if (!buffer) {
        return std::unexpected(std::move(buffer.error()));
    }
    return world.heap().make<TypedArrayObject>(world.prototype_ref(builtin_of(type)), type, *buffer,
                                               0, static_cast<std::size_t>(length));
}

Completion<Ref<TypedArrayObject>> view_buffer(World& world, ElementType type,
                                              Ref<ArrayBufferObject> buffer, double byte_offset,
                                              double length) {
    const auto size = static_cast<double>(size_of(type));
    const std::string name(spec_of(builtin_of(type)).name);
    if (buffer->is_detached()) {
        return world.type_error("Cannot perform Construct on a detached ArrayBuffer");
    }
    if (std::fmod(byte_offset, size) != 0) {
        return world.range_error("start offset of " + name + " should be a multiple of " +
                                 number_to_text(size));
    }
    const auto available = static_cast<double>(buffer->bytes().size());
    if (byte_offset > available) {
        return world.range_error("Start offset " + number_to_text(byte_offset) +
                                 " is outside the bounds of the buffer");
    }
    if (!(length >= 0) || byte_offset + length * size > available) {
        return world.range_error("Invalid typed array length: " + number_to_text(length));
    }
    return world.heap().make<TypedArrayObject>(
        world.prototype_ref(builtin_of(type)), type, std::move(buffer),
        static_cast<std::size_t>(byte_offset), static_cast<std::size_t>(length));
}

Completion<Ref<TypedArrayObject>> make_bytes(World& world, std::span<const std::byte> bytes) {
    auto made = make_typed_array(world, ElementType::kUint8, static_cast<double>(bytes.size()));
    if (made) {
        std::ranges::copy(bytes, (*made)->bytes().begin());
    }
    return made;
}

}  // namespace realm::values
