// ArrayBuffer, DataView and WebAssembly.Memory.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> buffer_construct(World& world, Call call) {
    if (!call.constructs()) {
        co_return requires_new(world, "ArrayBuffer");
    }
    const double size =
        co_await to_index(world, call.argument(0), "Array buffer allocation failed");
    const Ref<ArrayBufferObject> made = co_await make_buffer(world, size);
    made->set_prototype(world.prototype_for(call, Builtin::kArrayBuffer));
    co_return Value(made);
}

Eventual<Value> is_view(World& /*world*/, Call call) {
    return Value(call.argument(0).as<BufferView>() != nullptr);
}

Eventual<Value> buffer_byte_length(World& world, Call call) {
    ArrayBufferObject* const buffer =
        co_await receiver<ArrayBufferObject>(world, "ArrayBuffer.prototype.byteLength", call.self);
    co_return Value(buffer->bytes().size());
}

Eventual<Value> buffer_slice(World& world, Call call) {
    ArrayBufferObject* const buffer =
        co_await receiver<ArrayBufferObject>(world, "ArrayBuffer.prototype.slice", call.self);
    const std::size_t size = buffer->bytes().size();
    const double start = co_await integer_or(world, call.argument(0), 0);
    const double end = co_await integer_or(world, call.argument(1), static_cast<double>(size));
    if (buffer->is_detached()) {
        co_return world.type_error(
            "Cannot perform ArrayBuffer.prototype.slice on a detached ArrayBuffer");
    }
    const std::size_t from = clamp_index(start, size);
    const std::size_t to = std::max(from, clamp_index(end, size));
    const Ref<ArrayBufferObject> made = co_await make_buffer(world, static_cast<double>(to - from));
    std::ranges::copy(buffer->bytes().subspan(from, to - from), made->bytes().begin());
    co_return Value(made);
}

constexpr std::array kBufferMethods{MethodSpec{"slice", buffer_slice, 2}};
constexpr std::array kBufferGetters{MethodSpec{"byteLength", buffer_byte_length, 0}};
constexpr std::array kBufferStatics{MethodSpec{"isView", is_view, 1}};

// --- DataView ------------------------------------------------------------------------------------

Eventual<Value> data_view_construct(World& world, Call call) {
    if (!call.constructs()) {
        co_return requires_new(world, "DataView");
    }
    auto* const buffer = call.argument(0).as<ArrayBufferObject>();
    if (buffer == nullptr) {
        co_return world.type_error("First argument to DataView constructor must be an ArrayBuffer");
    }
    const double offset = co_await to_index(world, call.argument(1),
                                            "Start offset is outside the bounds of the buffer");
    if (buffer->is_detached()) {
        co_return world.type_error("Cannot perform DataView on a detached ArrayBuffer");
    }
    const auto size = static_cast<double>(buffer->bytes().size());
    if (offset > size) {
        co_return world.range_error("Start offset " + number_to_text(offset) +
                                    " is outside the bounds of the buffer");
    }
    double length = size - offset;
    if (!call.argument(2).is_undefined()) {
        length = co_await to_index(world, call.argument(2), "Invalid DataView length");
        if (offset + length > size) {
            co_return world.range_error("Invalid DataView length " + number_to_text(length));
        }
    }
    co_return Value(world.heap().make<DataViewObject>(world.prototype_for(call, Builtin::kDataView),
                                                      Ref(buffer), static_cast<std::size_t>(offset),
                                                      static_cast<std::size_t>(length)));
}

Completion<DataViewObject*> data_view(World& world, const Value& self) {
    return receiver<DataViewObject>(world, "DataView.prototype.getInt8", self);
}

// Where the element begins, when all of it lies within.
Completion<std::size_t> place(World& world, const DataViewObject& view, double offset,
                              ElementType type) {
    if (view.buffer().is_detached()) {
        return world.type_error("Cannot perform DataView method on a detached ArrayBuffer");
    }
    if (offset + static_cast<double>(size_of(type)) > static_cast<double>(view.byte_length())) {
        return world.range_error("Offset is outside the bounds of the DataView");
    }
    return static_cast<std::size_t>(offset);
}

template <ElementType kType>
Eventual<Value> view_get(World& world, Call call) {
    DataViewObject* const view = co_await data_view(world, call.self);
    const double offset =
        co_await to_index(world, call.argument(0), "Offset is outside the bounds of the DataView");
    const std::size_t at = co_await place(world, *view, offset, kType);
    ElementBytes bytes{};
    std::memcpy(bytes.data(), view->bytes().data() + at, size_of(kType));
    if (!to_boolean(call.argument(1))) {
        std::reverse(bytes.begin(), bytes.begin() + size_of(kType));
    }
    co_return load_element(world, kType, bytes.data());
}

template <ElementType kType>
Eventual<Value> view_set(World& world, Call call) {
    DataViewObject* const view = co_await data_view(world, call.self);
    const double offset =
        co_await to_index(world, call.argument(0), "Offset is outside the bounds of the DataView");
    const Value element = co_await to_element(world, kType, call.argument(1));
    const std::size_t at = co_await place(world, *view, offset, kType);
    ElementBytes bytes = element_bytes(kType, element);
    if (!to_boolean(call.argument(2))) {
        std::reverse(bytes.begin(), bytes.begin() + size_of(kType));
    }
    std::memcpy(view->bytes().data() + at, bytes.data(), size_of(kType));
    co_return Value();
}

Eventual<Value> view_buffer_of(World& world, Call call) {
    BufferView* const view =
        co_await receiver<BufferView>(world, "DataView.prototype.buffer", call.self);
    co_return Value::of(view->buffer());
}
Eventual<Value> view_byte_length(World& world, Call call) {
    BufferView* const view =
        co_await receiver<BufferView>(world, "DataView.prototype.byteLength", call.self);
    co_return Value(view->byte_length());
}
Eventual<Value> view_byte_offset(World& world, Call call) {
    BufferView* const view =
        co_await receiver<BufferView>(world, "DataView.prototype.byteOffset", call.self);
    co_return Value(view->byte_offset());
}

constexpr std::array kViewGetters{
    MethodSpec{"buffer", view_buffer_of, 0},
    MethodSpec{"byteLength", view_byte_length, 0},
    MethodSpec{"byteOffset", view_byte_offset, 0},
};

constexpr std::array kViewMethods{
    MethodSpec{"getInt8", view_get<ElementType::kInt8>, 1},
    MethodSpec{"getUint8", view_get<ElementType::kUint8>, 1},
    MethodSpec{"getInt16", view_get<ElementType::kInt16>, 1},
    MethodSpec{"getUint16", view_get<ElementType::kUint16>, 1},
    MethodSpec{"getInt32", view_get<ElementType::kInt32>, 1},
    MethodSpec{"getUint32", view_get<ElementType::kUint32>, 1},
    MethodSpec{"getFloat32", view_get<ElementType::kFloat32>, 1},
    MethodSpec{"getFloat64", view_get<ElementType::kFloat64>, 1},
    MethodSpec{"getBigInt64", view_get<ElementType::kBigInt64>, 1},
    MethodSpec{"getBigUint64", view_get<ElementType::kBigUint64>, 1},
    MethodSpec{"setInt8", view_set<ElementType::kInt8>, 2},
    MethodSpec{"setUint8", view_set<ElementType::kUint8>, 2},
    MethodSpec{"setInt16", view_set<ElementType::kInt16>, 2},
    MethodSpec{"setUint16", view_set<ElementType::kUint16>, 2},
    MethodSpec{"setInt32", view_set<ElementType::kInt32>, 2},
    MethodSpec{"setUint32", view_set<ElementType::kUint32>, 2},
    MethodSpec{"setFloat32", view_set<ElementType::kFloat32>, 2},
    MethodSpec{"setFloat64", view_set<ElementType::kFloat64>, 2},
    MethodSpec{"setBigInt64", view_set<ElementType::kBigInt64>, 2},
    MethodSpec{"setBigUint64", view_set<ElementType::kBigUint64>, 2},
};

// --- WebAssembly.Memory --------------------------------------------------------------------------

Eventual<Value> memory_buffer(World& world, Call call) {
    MemoryObject* const memory =
        co_await receiver<MemoryObject>(world, "WebAssembly.Memory.buffer", call.self);
    co_return Value(memory->buffer(world));
}

Eventual<Value> memory_grow(World& world, Call call) {
    MemoryObject* const memory =
        co_await receiver<MemoryObject>(world, "WebAssembly.Memory.grow()", call.self);
    const double pages = co_await to_integer(world, call.argument(0));
    const auto before = pages >= 0 && pages <= 65536
                            ? memory->memory().grow(static_cast<std::uint32_t>(pages))
                            : std::nullopt;
    if (!before) {
        co_return world.range_error("WebAssembly.Memory.grow(): Maximum memory size exceeded");
    }
    co_return Value(*before);
}

constexpr std::array kMemoryMethods{MethodSpec{"grow", memory_grow, 1}};
constexpr std::array kMemoryGetters{MethodSpec{"buffer", memory_buffer, 0}};

void more_memory(World& world, Object& prototype) {
    prototype.put(world.names().to_string_tag, world.string("WebAssembly.Memory"), kConfigurable);
}

}  // namespace

constinit const BuiltinSpec kArrayBufferSpec{.name = "ArrayBuffer",
                                             .construct = buffer_construct,
                                             .length = 1,
                                             .methods = kBufferMethods,
                                             .getters = kBufferGetters,
                                             .statics = kBufferStatics,
                                             .tagged = true};
constinit const BuiltinSpec kDataViewSpec{.name = "DataView",
                                          .construct = data_view_construct,
                                          .length = 1,
                                          .methods = kViewMethods,
                                          .getters = kViewGetters,
                                          .tagged = true};
constinit const BuiltinSpec kMemorySpec{
    .name = "Memory", .methods = kMemoryMethods, .getters = kMemoryGetters, .more = more_memory};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
