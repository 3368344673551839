// The iterators of arrays, maps, sets and strings.
#include <array>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

// One object for all four; its class differs by prototype.
class IteratorObject final : public Object {
public:
    IteratorObject(Ref<Object> prototype, Value iterated, IteratorKind kind)
        : Object(std::move(prototype)), iterated_(std::move(iterated)), kind_(kind) {}
    // undefined once it has come to the end
    [[nodiscard]] const Value& iterated() const { return iterated_; }
    [[nodiscard]] IteratorKind kind() const { return kind_; }
    std::uint64_t& position() { return position_; }
    void finish() { iterated_ = {}; }
    void trace(Tracer& tracer) const override {
        Object::trace(tracer);
        iterated_.trace(tracer);
    }
    void clear() override {
        Object::clear();
        iterated_ = {};
    }

private:
    Value iterated_;
    IteratorKind kind_;
    std::uint64_t position_ = 0;
};

Value made(World& world, Builtin builtin, Value iterated, IteratorKind kind) {
    return world.heap().make<IteratorObject>(world.prototype_ref(builtin), std::move(iterated),
                                             kind);
}

Value entry(World& world, IteratorKind kind, const Value& key, const Value& value) {
    if (kind == IteratorKind::kKeys) {
        return key;
    }
    if (kind == IteratorKind::kValues) {
        return value;
    }
    return world.array({key, value});
}

Completion<IteratorObject*> iterator_of(World& world, std::string_view method, const Value& self) {
    return receiver<IteratorObject>(world, method, self);
}

Value ended(World& world, IteratorObject& iterator) {
    iterator.finish();
    return iterator_result(world, Value(), true);
}

Eventual<Value> array_next(World& world, Call call) {
    IteratorObject* const iterator =
        co_await iterator_of(world, "Array Iterator.prototype.next", call.self);
    const Value iterated = iterator->iterated();
    if (iterated.is_undefined()) {
        co_return iterator_result(world, Value(), true);
    }
    double length = 0;
    if (const auto* const view = iterated.as<TypedArrayObject>()) {
        if (view->buffer().is_detached()) {
            co_return world.type_error(
                "Cannot perform %ArrayIteratorPrototype%.next on a detached ArrayBuffer");
        }
        length = static_cast<double>(view->length());
    } else {
        length = co_await length_of(world, iterated);
    }
    const auto index = static_cast<double>(iterator->position()++);
    if (index >= length) {
        co_return ended(world, *iterator);
    }
    Value element;
    if (iterator->kind() != IteratorKind::kKeys) {
        element = co_await get(world, iterated, Value(index));
    }
    co_return iterator_result(world, entry(world, iterator->kind(), Value(index), element), false);
}

Eventual<Value> table_next(World& world, Call call) {
    IteratorObject* const iterator =
        co_await iterator_of(world, "Map Iterator.prototype.next", call.self);
    auto* const table = iterator->iterated().as<TableObject>();
    const auto* const next = table == nullptr ? nullptr : table->table().next(iterator->position());
    if (next == nullptr) {
        co_return ended(world, *iterator);
    }
    const Value& value = table->kind() == TableKind::kSet ? next->key : next->value;
    co_return iterator_result(world, entry(world, iterator->kind(), next->key, value), false);
}

Eventual<Value> string_next(World& world, Call call) {
    IteratorObject* const iterator =
        co_await iterator_of(world, "String Iterator.prototype.next", call.self);
    const Value iterated = iterator->iterated();
    const auto at = static_cast<std::size_t>(iterator->position());
    if (!iterated.is_string() || at >= iterated.string().length()) {
        co_return ended(world, *iterator);
    }
    const String& text = iterated.string();
    const std::size_t units = text.code_point_at(at) >= 0x10000 ? 2 : 1;
    iterator->position() += units;
    co_return iterator_result(world, substring(world.heap(), text, at, at + units), false);
}

Eventual<Value> itself(World& /*world*/, Call call) {
    return call.self;
}

constexpr std::array kIteratorMethods{MethodSpec{"@@iterator", itself, 0}};
constexpr std::array kArrayMethods{MethodSpec{"next", array_next, 0}};
constexpr std::array kTableMethods{MethodSpec{"next", table_next, 0}};
constexpr std::array kStringMethods{MethodSpec{"next", string_next, 0}};

}  // namespace

Value make_array_iterator(World& world, Value iterated, IteratorKind kind) {
    return made(world, Builtin::kArrayIterator, std::move(iterated), kind);
}

Value make_table_iterator(World& world, Value table, IteratorKind kind) {
    const bool is_set = table.as<TableObject>()->kind() == TableKind::kSet;
    return made(world, is_set ? Builtin::kSetIterator : Builtin::kMapIterator, std::move(table),
                kind);
}

Value make_string_iterator(World& world, Value text) {
    return made(world, Builtin::kStringIterator, std::move(text), IteratorKind::kValues);
}

constinit const BuiltinSpec kIteratorSpec{.name = "Iterator", .methods = kIteratorMethods};
constinit const BuiltinSpec kArrayIteratorSpec{.name = "Array Iterator",
                                               .parent = Builtin::kIterator,
                                               .methods = kArrayMethods,
                                               .tagged = true};
constinit const BuiltinSpec kMapIteratorSpec{
    .name = "Map Iterator", .parent = Builtin::kIterator, .methods = kTableMethods, .tagged = true};
constinit const BuiltinSpec kSetIteratorSpec{
    .name = "Set Iterator", .parent = Builtin::kIterator, .methods = kTableMethods, .tagged = true};
constinit const BuiltinSpec kStringIteratorSpec{.name = "String Iterator",
                                                .parent = Builtin::kIterator,
                                                .methods = kStringMethods,
                                                .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
