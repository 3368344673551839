// The typed arrays: eleven classes and the one above them.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "values/bigint.h"
#include "values/builtin_array.h"
#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Completion<TypedArrayObject*> typed(World& world, const Value& self) {
    if (auto* const array = self.as<TypedArrayObject>()) {
        return array;
    }
    return world.type_error("this is not a typed array.");
}

// Typed too, and not detached.
Completion<TypedArrayObject*> attached(World& world, const Value& self, std::string_view method) {
    auto array = typed(world, self);
    if (array && (*array)->buffer().is_detached()) {
        return world.type_error("Cannot perform %TypedArray%.prototype." + std::string(method) +
                                " on a detached ArrayBuffer");
    }
    return array;
}

Eventual<Ref<TypedArrayObject>> from_list(World& world, ElementType type, std::vector<Value> list) {
    const Ref<TypedArrayObject> made =
        co_await make_typed_array(world, type, static_cast<double>(list.size()));
    for (std::size_t i = 0; i < list.size(); ++i) {
        co_await world.step();
        const Value element = co_await to_element(world, type, list[i]);
        made->store(i, element);
    }
    co_return made;
}

Eventual<Ref<TypedArrayObject>> from_typed(World& world, ElementType type, Value source) {
    TypedArrayObject* const from = co_await attached(world, source, "constructor");
    if (is_big(type) != is_big(from->type())) {
        co_return world.type_error("Cannot mix BigInt and other types, use explicit conversions");
    }
    const std::size_t length = from->length();
    const Ref<TypedArrayObject> made =
        co_await make_typed_array(world, type, static_cast<double>(length));
    co_await world.step(length);
    if (type == from->type()) {
        std::ranges::copy(from->bytes(), made->bytes().begin());
        co_return made;
    }
    for (std::size_t i = 0; i < length; ++i) {
        made->store(i, from->load(world, i));
    }
    co_return made;
}

Eventual<Ref<TypedArrayObject>> from_object(World& world, ElementType type, Value source) {
    if (source.as<TypedArrayObject>() != nullptr) {
        co_return co_await from_typed(world, type, source);
    }
    std::vector<Value> list;
    const Value method = co_await get(world, source, world.names().iterator);
    if (method.is_nullish()) {
        list = co_await list_from_array_like(world, source);
    } else {
        list = co_await list_from_iterable(world, source);
    }
    co_return co_await from_list(world, type, std::move(list));
}

Eventual<Ref<TypedArrayObject>> over_buffer(World& world, ElementType type, Call call) {
    auto* const buffer = call.argument(0).as<ArrayBufferObject>();
    const double offset = co_await to_index(world, call.argument(1), "Start offset is too large:");
    const auto size = static_cast<double>(size_of(type));
    if (!call.argument(2).is_undefined()) {
        const double length =
            co_await to_index(world, call.argument(2), "Invalid typed array length");
        co_return view_buffer(world, type, Ref(buffer), offset, length);
    }
    const auto bytes = static_cast<double>(buffer->bytes().size());
    if (std::fmod(bytes, size) != 0 && !buffer->is_detached() && std::fmod(offset, size) == 0) {
        co_return world.range_error("byte length of " +
                                    std::string(spec_of(builtin_of(type)).name) +
                                    " should be a multiple of " + number_to_text(size));
    }
    co_return view_buffer(world, type, Ref(buffer), offset, std::max((bytes - offset) / size, 0.0));
}

template <ElementType kType>
Eventual<Value> construct_array(World& world, Call call) {
    constexpr auto kBuiltin =
        static_cast<Builtin>(static_cast<int>(Builtin::kInt8Array) + static_cast<int>(kType));
    if (!call.constructs()) {
        co_return requires_new(world, spec_of(kBuiltin).name);
    }
    Ref<TypedArrayObject> made;
    if (call.argument(0).as<ArrayBufferObject>() != nullptr) {
        made = co_await over_buffer(world, kType, call);
    } else if (call.argument(0).is_object()) {
        made = co_await from_object(world, kType, call.argument(0));
    } else {
        const double length = co_await integer_or(world, call.argument(0), 0);
        made = co_await make_typed_array(world, kType, length);
    }
    made->set_prototype(world.prototype_for(call, kBuiltin));
    co_return Value(made);
}

Eventual<Value> abstract(World& world, Call /*call*/) {
    return world.type_error("Abstract class TypedArray not directly constructable");
}

// --- The prototype -------------------------------------------------------------------------------

Eventual<Value> buffer(World& world, Call call) {
    TypedArrayObject* const array = co_await typed(world, call.self);
    co_return Value::of(array->buffer());
}
Eventual<Value> byte_length(World& world, Call call) {
    TypedArrayObject* const array = co_await typed(world, call.self);
    co_return Value(array->byte_length());
}
Eventual<Value> byte_offset(World& world, Call call) {
    TypedArrayObject* const array = co_await typed(world, call.self);
    co_return Value(array->byte_offset());
}
Eventual<Value> length(World& world, Call call) {
    auto array = typed(world, call.self);
    if (!array) {
        return std::unexpected(std::move(array.error()));
    }
    return Value((*array)->length());
}
Eventual<Value> tag(World& world, Call call) {
    const auto* const array = call.self.as<TypedArrayObject>();
    return array == nullptr ? Value() : world.string(spec_of(builtin_of(array->type())).name);
}

Eventual<Value> set(World& world, Call call) {
    TypedArrayObject* const target = co_await typed(world, call.self);
    const double offset = co_await integer_or(world, call.argument(1), 0);
    if (offset < 0) {
        co_return world.range_error("offset is out of bounds");
    }
    const Value& source = call.argument(0);
    auto* const from = source.as<TypedArrayObject>();
    const auto fits = [&](double count) {
        return offset + count <= static_cast<double>(target->length());
    };
    if (from != nullptr && from->type() == target->type()) {
        if (!fits(static_cast<double>(from->length()))) {
            co_return world.range_error("offset is out of bounds");
        }
        const std::size_t at = static_cast<std::size_t>(offset) * size_of(target->type());
        co_await world.step(from->bytes().size() / 16);
        if (!from->bytes().empty()) {
            std::memmove(target->bytes().data() + at, from->bytes().data(), from->bytes().size());
        }
        co_return Value();
    }
    if (from != nullptr && is_big(from->type()) != is_big(target->type())) {
        co_return world.type_error("Cannot mix BigInt and other types, use explicit conversions");
    }
    const Ref<Object> object = co_await to_object(world, source);
    const Value list_source(object);
    const std::vector<Value> list = co_await list_from_array_like(world, list_source);
    if (!fits(static_cast<double>(list.size()))) {
        co_return world.range_error("offset is out of bounds");
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
        co_await world.step();
        const Value element = co_await to_element(world, target->type(), list[i]);
        target->store(static_cast<std::size_t>(offset) + i, element);
    }
    co_return Value();
}

struct Range {
    std::size_t from = 0;
    std::size_t to = 0;
};

Eventual<Range> range_of(World& world, Value start, Value end, std::size_t size) {
    const double first = co_await integer_or(world, start, 0);
    const double last = co_await integer_or(world, end, static_cast<double>(size));
    const std::size_t from = clamp_index(first, size);
    co_return Range{.from = from, .to = std::max(from, clamp_index(last, size))};
}

Eventual<Value> subarray(World& world, Call call) {
    TypedArrayObject* const array = co_await typed(world, call.self);
    const Range range =
        co_await range_of(world, call.argument(0), call.argument(1), array->length());
    const auto offset =
        static_cast<double>(array->byte_offset() + range.from * size_of(array->type()));
    const Ref<TypedArrayObject> view =
        co_await view_buffer(world, array->type(), Ref(&array->buffer()), offset,
                             static_cast<double>(range.to - range.from));
    co_return Value(view);
}

Eventual<Value> slice(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "slice");
    const Range range =
        co_await range_of(world, call.argument(0), call.argument(1), array->length());
    const Ref<TypedArrayObject> made =
        co_await make_typed_array(world, array->type(), static_cast<double>(range.to - range.from));
    const std::size_t size = size_of(array->type());
    // It may have been detached meanwhile.
    const std::span<std::byte> bytes = array->bytes();
    const std::size_t to = std::min(range.to * size, bytes.size());
    const std::size_t from = std::min(range.from * size, to);
    co_await world.step((to - from) / 16);
    std::ranges::copy(bytes.subspan(from, to - from), made->bytes().begin());
    co_return Value(made);
}

Eventual<Value> fill(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "fill");
    const Value element = co_await to_element(world, array->type(), call.argument(0));
    const Range range =
        co_await range_of(world, call.argument(1), call.argument(2), array->length());
    co_await world.step(range.to - range.from);
    for (std::size_t i = range.from; i < range.to; ++i) {
        array->store(i, element);
    }
    co_return call.self;
}

Eventual<Value> copy_within(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "copyWithin");
    const std::size_t count = array->length();
    const double target = co_await integer_or(world, call.argument(0), 0);
    const Range range = co_await range_of(world, call.argument(1), call.argument(2), count);
    const std::size_t to = clamp_index(target, count);
    const std::size_t moved = std::min(range.to - range.from, count - to);
    const std::size_t size = size_of(array->type());
    const std::span<std::byte> bytes = array->bytes();
    if (moved > 0 && bytes.size() >= count * size) {
        std::memmove(bytes.data() + to * size, bytes.data() + range.from * size, moved * size);
    }
    co_return call.self;
}

Eventual<Value> reverse(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "reverse");
    std::vector<Value> list = co_await list_from_array_like(world, call.self);
    for (std::size_t i = 0; i < list.size(); ++i) {
        array->store(i, list[list.size() - 1 - i]);
    }
    co_return call.self;
}

// By number where nobody compares: NaN last, -0 before 0.
Eventual<std::vector<Value>> sorted_elements(World& world, Value self, Value comparator) {
    std::vector<Value> list = co_await list_from_array_like(world, self);
    co_await world.step(list.size());
    if (!comparator.is_undefined()) {
        co_return co_await sorted(world, std::move(list), comparator);
    }
    std::ranges::stable_sort(list, [](const Value& left, const Value& right) {
        if (left.is_bigint()) {
            return bigint_compare(left.bigint(), right.bigint()) < 0;
        }
        const double a = left.number();
        const double b = right.number();
        if (std::isnan(a) || std::isnan(b)) {
            return !std::isnan(a);
        }
        return a < b || (a == 0 && b == 0 && std::signbit(a) && !std::signbit(b));
    });
    co_return list;
}

Eventual<Value> sort(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "sort");
    const std::vector<Value> list = co_await sorted_elements(world, call.self, call.argument(0));
    for (std::size_t i = 0; i < list.size(); ++i) {
        array->store(i, list[i]);
    }
    co_return call.self;
}

Eventual<Value> to_sorted(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "toSorted");
    std::vector<Value> list = co_await sorted_elements(world, call.self, call.argument(0));
    const Ref<TypedArrayObject> made = co_await from_list(world, array->type(), std::move(list));
    co_return Value(made);
}

Eventual<Value> to_reversed(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "toReversed");
    std::vector<Value> list = co_await list_from_array_like(world, call.self);
    std::ranges::reverse(list);
    const Ref<TypedArrayObject> made = co_await from_list(world, array->type(), std::move(list));
    co_return Value(made);
}

Eventual<Value> with(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "with");
    const double relative = co_await to_integer(world, call.argument(0));
    const Value element = co_await to_element(world, array->type(), call.argument(1));
    const auto count = static_cast<double>(array->length());
    const double index = relative < 0 ? count + relative : relative;
    if (index < 0 || index >= count) {
        co_return world.range_error("Invalid typed array index");
    }
    const Ref<TypedArrayObject> made = co_await from_typed(world, array->type(), call.self);
    made->store(static_cast<std::size_t>(index), element);
    co_return Value(made);
}

// Those whose result has the class of the array.
template <Native kOfArrays>
Eventual<Value> as_typed(World& world, Call call) {
    TypedArrayObject* const array = co_await attached(world, call.self, "map");
    const Value list = co_await kOfArrays(world, call);
    std::vector<Value> elements = list.as<ArrayObject>()->elements();
    const Ref<TypedArrayObject> made =
        co_await from_list(world, array->type(), std::move(elements));
    co_return Value(made);
}

template <IteratorKind kKind>
Eventual<Value> iterator(World& world, Call call) {
    co_await attached(world, call.self, "values");
    co_return make_array_iterator(world, call.self, kKind);
}

// The methods of arrays that read alone are the same.
Value array_method(World& world, std::string_view name) {
    return peek(world, world.prototype(Builtin::kArray), world.key(name));
}

void more(World& world, Object& prototype) {
    for (const std::string_view name :
         {"at", "every", "find", "findIndex", "findLast", "findLastIndex", "forEach", "includes",
          "indexOf", "join", "lastIndexOf", "reduce", "reduceRight", "some", "toString",
          "toLocaleString"}) {
        prototype.put(world.key(name), array_method(world, name), kHidden);
    }
    prototype.put(world.names().iterator, peek(world, prototype, world.key("values")), kHidden);
}

Eventual<Value> from(World& world, Call call) {
    if (!is_constructor(call.self)) {
        co_return world.type_error(describe(world, call.self) + " is not a constructor");
    }
    const Value list = co_await invoke(world, Value::of(world.constructor(Builtin::kArray)),
                                       world.key("from"), call.arguments);
    const std::array arguments{list};
    co_return co_await construct(world, call.self, arguments);
}

Eventual<Value> of(World& world, Call call) {
    const std::array arguments{Value(world.array({call.arguments.begin(), call.arguments.end()}))};
    co_return co_await construct(world, call.self, arguments);
}

constexpr std::array kGetters{
    MethodSpec{"buffer", buffer, 0},          MethodSpec{"byteLength", byte_length, 0},
    MethodSpec{"byteOffset", byte_offset, 0}, MethodSpec{"length", length, 0},
    MethodSpec{"@@toStringTag", tag, 0},
};
constexpr std::array kStatics{MethodSpec{"from", from, 1}, MethodSpec{"of", of, 0}};
constexpr std::array kMethods{
    MethodSpec{"copyWithin", copy_within, 2},
    MethodSpec{"entries", iterator<IteratorKind::kEntries>, 0},
    MethodSpec{"fill", fill, 1},
    MethodSpec{"filter", as_typed<array_filter>, 1},
    MethodSpec{"keys", iterator<IteratorKind::kKeys>, 0},
    MethodSpec{"map", as_typed<array_map>, 1},
    MethodSpec{"reverse", reverse, 0},
    MethodSpec{"set", set, 1},
    MethodSpec{"slice", slice, 2},
    MethodSpec{"sort", sort, 1},
    MethodSpec{"subarray", subarray, 2},
    MethodSpec{"toReversed", to_reversed, 0},
    MethodSpec{"toSorted", to_sorted, 1},
    MethodSpec{"values", iterator<IteratorKind::kValues>, 0},
    MethodSpec{"with", with, 2},
};

template <ElementType kType>
void element_size(World& world, Object& object) {
    object.put(world.key("BYTES_PER_ELEMENT"), Value(size_of(kType)), kFixed);
}

template <ElementType kType>
constexpr BuiltinSpec concrete(std::string_view name) {
    return {.name = name,
            .construct = construct_array<kType>,
            .length = 3,
            .parent = Builtin::kTypedArray,
            .more = element_size<kType>,
            .more_statics = element_size<kType>};
}

constexpr std::array kConcrete{
    concrete<ElementType::kInt8>("Int8Array"),
    concrete<ElementType::kUint8>("Uint8Array"),
    concrete<ElementType::kUint8Clamped>("Uint8ClampedArray"),
    concrete<ElementType::kInt16>("Int16Array"),
    concrete<ElementType::kUint16>("Uint16Array"),
    concrete<ElementType::kInt32>("Int32Array"),
    concrete<ElementType::kUint32>("Uint32Array"),
    concrete<ElementType::kFloat32>("Float32Array"),
    concrete<ElementType::kFloat64>("Float64Array"),
    concrete<ElementType::kBigInt64>("BigInt64Array"),
    concrete<ElementType::kBigUint64>("BigUint64Array"),
};

}  // namespace

constinit const BuiltinSpec kTypedArraySpec{.name = "TypedArray",
                                            .construct = abstract,
                                            .methods = kMethods,
                                            .getters = kGetters,
                                            .statics = kStatics,
                                            .more = more};

const BuiltinSpec& typed_array_spec(Builtin builtin) {
    return kConcrete.at(static_cast<std::size_t>(builtin) -
                        static_cast<std::size_t>(Builtin::kInt8Array));
}

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
