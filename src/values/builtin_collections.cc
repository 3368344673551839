// Map, Set, WeakMap, WeakSet and WeakRef.
#include <array>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

constexpr std::string_view name_of(TableKind kind) {
    constexpr std::array<std::string_view, 4> kNames{"Map", "Set", "WeakMap", "WeakSet"};
    return kNames.at(static_cast<std::size_t>(kind));
}

Completion<TableObject*> table_of(World& world, const Value& self, TableKind kind,
                                  std::string_view method) {
    auto* const table = self.as<TableObject>();
    if (table != nullptr && table->kind() == kind) {
        return table;
    }
    return bad_receiver(world, std::string(name_of(kind)) + ".prototype." + std::string(method),
                        self);
}

bool is_weak(TableKind kind) {
    return kind >= TableKind::kWeakMap;
}
bool can_be_held_weakly(const Value& value) {
    return value.is_object() || value.is_symbol();
}

Completion<void> add(World& world, TableObject& table, const Value& key, Value value) {
    if (is_weak(table.kind()) && !can_be_held_weakly(key)) {
        return world.type_error(
            "Invalid value used " +
            std::string(table.kind() == TableKind::kWeakMap ? "as weak map key" : "in weak set"));
    }
    table.table().set(key, std::move(value));
    table.recount();
    return world.check();
}

template <Builtin kBuiltin, TableKind kKind>
Eventual<Value> construct_table(World& world, Call call) {
    constexpr bool kIsMap = kKind == TableKind::kMap || kKind == TableKind::kWeakMap;
    if (!call.constructs()) {
        co_return requires_new(world, name_of(kKind));
    }
    const auto made = world.heap().make<TableObject>(world.prototype_for(call, kBuiltin), kKind);
    const Value out(made);
    if (call.argument(0).is_nullish()) {
        co_return out;
    }
    const IteratorRecord record = co_await get_iterator(world, call.argument(0));
    while (true) {
        const std::optional<Value> element = co_await iterator_step(world, record);
        if (!element) {
            co_return out;
        }
        Value key;
        Value value;
        if constexpr (kIsMap) {
            if (!element->is_object()) {
                co_await iterator_close(world, record);
                co_return world.type_error("Iterator value " + describe(world, *element) +
                                           " is not an entry object");
            }
            key = co_await get(world, *element, Value(0));
            value = co_await get(world, *element, Value(1));
        } else {
            key = *element;
        }
        co_await add(world, *made, key, std::move(value));
    }
}

template <TableKind kKind>
Eventual<Value> get_value(World& world, Call call) {
    auto table = table_of(world, call.self, kKind, "get");
    if (!table) {
        return std::unexpected(std::move(table.error()));
    }
    const auto* const entry = (*table)->table().find(call.argument(0));
    return entry == nullptr ? Value() : entry->value;
}

template <TableKind kKind>
Eventual<Value> has_key(World& world, Call call) {
    auto table = table_of(world, call.self, kKind, "has");
    if (!table) {
        return std::unexpected(std::move(table.error()));
    }
    return Value((*table)->table().find(call.argument(0)) != nullptr);
}

template <TableKind kKind>
Eventual<Value> set_value(World& world, Call call) {
    auto table = table_of(world, call.self, kKind, "set");
    if (!table) {
        return std::unexpected(std::move(table.error()));
    }
    if (auto added = add(world, **table, call.argument(0), call.argument(1)); !added) {
        return std::unexpected(std::move(added.error()));
    }
    return std::move(call.self);
}

template <TableKind kKind>
Eventual<Value> add_key(World& world, Call call) {
    auto table = table_of(world, call.self, kKind, "add");
    if (!table) {
        return std::unexpected(std::move(table.error()));
    }
    if (auto added = add(world, **table, call.argument(0), Value()); !added) {
        return std::unexpected(std::move(added.error()));
    }
    return std::move(call.self);
}

template <TableKind kKind>
Eventual<Value> delete_key(World& world, Call call) {
    TableObject* const table = co_await table_of(world, call.self, kKind, "delete");
    co_return Value(table->table().remove(call.argument(0)));
}

template <TableKind kKind>
Eventual<Value> clear_table(World& world, Call call) {
    TableObject* const table = co_await table_of(world, call.self, kKind, "clear");
    table->table().clear();
    table->recount();
    co_return Value();
}

template <TableKind kKind>
Eventual<Value> size(World& world, Call call) {
    TableObject* const table = co_await table_of(world, call.self, kKind, "size");
    co_return Value(table->table().size());
}

template <TableKind kKind>
Eventual<Value> for_each(World& world, Call call) {
    TableObject* const table = co_await table_of(world, call.self, kKind, "forEach");
    co_await require_callable(world, call.argument(0));
    OrderedTable::Cursor cursor = 0;
    while (const auto* const entry = table->table().next(cursor)) {
        const Value& value = kKind == TableKind::kSet ? entry->key : entry->value;
        const std::array arguments{value, entry->key, call.self};
        co_await values::call(world, call.argument(0), call.argument(1), arguments);
    }
    co_return Value();
}

template <TableKind kKind, IteratorKind kIterator>
Eventual<Value> iterator(World& world, Call call) {
    co_await table_of(world, call.self, kKind, "entries");
    co_return make_table_iterator(world, call.self, kIterator);
}

void more_map(World& world, Object& prototype) {
    prototype.put(world.names().iterator, peek(world, prototype, world.key("entries")), kHidden);
}

void more_set(World& world, Object& prototype) {
    const Value values = peek(world, prototype, world.key("values"));
    prototype.put(world.names().keys, values, kHidden);
    prototype.put(world.names().iterator, values, kHidden);
}

constexpr std::array kMapMethods{
    MethodSpec{"get", get_value<TableKind::kMap>, 1},
    MethodSpec{"set", set_value<TableKind::kMap>, 2},
    MethodSpec{"has", has_key<TableKind::kMap>, 1},
    MethodSpec{"delete", delete_key<TableKind::kMap>, 1},
    MethodSpec{"clear", clear_table<TableKind::kMap>, 0},
    MethodSpec{"entries", iterator<TableKind::kMap, IteratorKind::kEntries>, 0},
    MethodSpec{"forEach", for_each<TableKind::kMap>, 1},
    MethodSpec{"keys", iterator<TableKind::kMap, IteratorKind::kKeys>, 0},
    MethodSpec{"values", iterator<TableKind::kMap, IteratorKind::kValues>, 0},
};
constexpr std::array kMapGetters{MethodSpec{"size", size<TableKind::kMap>, 0}};

constexpr std::array kSetMethods{
    MethodSpec{"has", has_key<TableKind::kSet>, 1},
    MethodSpec{"add", add_key<TableKind::kSet>, 1},
    MethodSpec{"delete", delete_key<TableKind::kSet>, 1},
    MethodSpec{"clear", clear_table<TableKind::kSet>, 0},
    MethodSpec{"entries", iterator<TableKind::kSet, IteratorKind::kEntries>, 0},
    MethodSpec{"forEach", for_each<TableKind::kSet>, 1},
    MethodSpec{"values", iterator<TableKind::kSet, IteratorKind::kValues>, 0},
};
constexpr std::array kSetGetters{MethodSpec{"size", size<TableKind::kSet>, 0}};

constexpr std::array kWeakMapMethods{
    MethodSpec{"delete", delete_key<TableKind::kWeakMap>, 1},
    MethodSpec{"get", get_value<TableKind::kWeakMap>, 1},
    MethodSpec{"set", set_value<TableKind::kWeakMap>, 2},
    MethodSpec{"has", has_key<TableKind::kWeakMap>, 1},
};
constexpr std::array kWeakSetMethods{
    MethodSpec{"delete", delete_key<TableKind::kWeakSet>, 1},
    MethodSpec{"has", has_key<TableKind::kWeakSet>, 1},
    MethodSpec{"add", add_key<TableKind::kWeakSet>, 1},
};

// --- WeakRef: holds what it refers to, as engines do while nobody is short of memory -------------

class WeakRefObject final : public Object {
public:
    WeakRefObject(Ref<Object> prototype, Value target)
        : Object(std::move(prototype)), target_(std::move(target)) {}
    [[nodiscard]] const Value& target() const { return target_; }
    void trace(Tracer& tracer) const override {
        Object::trace(tracer);
        target_.trace(tracer);
    }
    void clear() override {
        Object::clear();
        target_ = {};
    }

private:
    Value target_;
};

Eventual<Value> weak_ref_construct(World& world, Call call) {
    if (!call.constructs()) {
        return requires_new(world, "WeakRef");
    }
    if (!can_be_held_weakly(call.argument(0))) {
        return world.type_error("WeakRef: target must be an object");
    }
    return Value(world.heap().make<WeakRefObject>(world.prototype_for(call, Builtin::kWeakRef),
                                                  call.argument(0)));
}

Eventual<Value> deref(World& world, Call call) {
    WeakRefObject* const reference =
        co_await receiver<WeakRefObject>(world, "WeakRef.prototype.deref", call.self);
    co_return reference->target();
}

constexpr std::array kWeakRefMethods{MethodSpec{"deref", deref, 0}};

}  // namespace

constinit const BuiltinSpec kMapSpec{.name = "Map",
                                     .construct = construct_table<Builtin::kMap, TableKind::kMap>,
                                     .methods = kMapMethods,
                                     .getters = kMapGetters,
                                     .more = more_map,
                                     .tagged = true};
constinit const BuiltinSpec kSetSpec{.name = "Set",
                                     .construct = construct_table<Builtin::kSet, TableKind::kSet>,
                                     .methods = kSetMethods,
                                     .getters = kSetGetters,
                                     .more = more_set,
                                     .tagged = true};
constinit const BuiltinSpec kWeakMapSpec{
    .name = "WeakMap",
    .construct = construct_table<Builtin::kWeakMap, TableKind::kWeakMap>,
    .methods = kWeakMapMethods,
    .tagged = true};
constinit const BuiltinSpec kWeakSetSpec{
    .name = "WeakSet",
    .construct = construct_table<Builtin::kWeakSet, TableKind::kWeakSet>,
    .methods = kWeakSetMethods,
    .tagged = true};
constinit const BuiltinSpec kWeakRefSpec{.name = "WeakRef",
                                         .construct = weak_ref_construct,
                                         .length = 1,
                                         .methods = kWeakRefMethods,
                                         .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
