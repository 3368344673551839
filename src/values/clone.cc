#include "values/clone.h"

#include <algorithm>
#include <map>

#include "values/buffers.h"
#include "values/collections.h"
#include "values/date_object.h"
#include "values/error_object.h"
#include "values/operations.h"

namespace realm::values {

namespace {

class Cloner {
public:
    explicit Cloner(World& world) : world_(world) {}

    Eventual<Value> clone(Value value) {
        if (value.is_symbol() || is_callable(value)) {
            co_return uncloneable(value);
        }
        if (!value.is_object()) {
            co_return value;
        }
        if (const auto known = done_.find(&value.object()); known != done_.end()) {
            co_return known->second;
        }
        const World::Depth depth(world_);
        co_await depth.check();
        co_await world_.step();
        co_await world_.check();
        co_return co_await clone_object(value);
    }

private:
    std::unexpected<Thrown> uncloneable(const Value& value) {
        std::string what = describe(world_, value);
        if (is_callable(value)) {
            what += "() { [native code] }";
        }
        auto thrown = world_.fail(Builtin::kDomException, what + " could not be cloned.");
        thrown.error().value().object().put(world_.names().name, world_.string("DataCloneError"),
                                            kHidden);
        return thrown;
    }

    Eventual<Value> clone_object(Value value) {
        Object& source = value.object();
        if (const auto* const wrapper = value.as<WrapperObject>()) {
            co_return Value(*to_object(world_, wrapper->primitive()));
        }
        if (const auto* const date = value.as<DateObject>()) {
            co_return remember(source, world_.heap().make<DateObject>(
                                           world_.prototype_ref(Builtin::kDate), date->time()));
        }
        if (auto* const buffer = value.as<ArrayBufferObject>()) {
            const Ref<ArrayBufferObject> copy =
                co_await make_buffer(world_, static_cast<double>(buffer->bytes().size()));
            std::ranges::copy(buffer->bytes(), copy->bytes().begin());
            co_return remember(source, copy);
        }
        if (const auto* const view = value.as<TypedArrayObject>()) {
            const Value buffer = co_await clone(Value::of(view->buffer()));
            co_return remember(source, world_.heap().make<TypedArrayObject>(
                                           world_.prototype_ref(builtin_of(view->type())),
                                           view->type(), Ref(buffer.as<ArrayBufferObject>()),
                                           view->byte_offset(), view->length()));
        }
        if (auto* const table = value.as<TableObject>()) {
            co_return co_await clone_table(*table);
        }
        if (value.as<ErrorObject>() != nullptr) {
            co_return clone_error(source);
        }
        if (source.class_name() != "Object" && !is_array(value)) {
            co_return uncloneable(value);
        }
        const Value copy =
            remember(source, is_array(value) ? Ref<Object>(world_.array()) : world_.object());
        const std::vector<PropertyKey> keys = co_await enumerable_keys(world_, source);
        for (const PropertyKey& key : keys) {
            const Value element = co_await get(world_, value, key);
            const Value inner = co_await clone(element);
            co_await set(world_, copy, key, inner);
        }
        co_return copy;
    }

    Eventual<Value> clone_table(TableObject& source) {
        const bool is_map = source.kind() == TableKind::kMap;
        if (!is_map && source.kind() != TableKind::kSet) {
            co_return uncloneable(Value::of(source));
        }
        const auto copy = world_.heap().make<TableObject>(
            world_.prototype_ref(is_map ? Builtin::kMap : Builtin::kSet), source.kind());
        remember(source, copy);
        OrderedTable::Cursor cursor = 0;
        while (const auto* const entry = source.table().next(cursor)) {
            const Value old_value = entry->value;
            const Value key = co_await clone(entry->key);
            Value inner = co_await clone(old_value);
            copy->table().set(key, std::move(inner));
            copy->recount();
        }
        co_return Value(copy);
    }

    Value clone_error(Object& source) {
        const auto copy = world_.heap().make<ErrorObject>(Ref<Object>(source.prototype()));
        for (const PropertyKey& key : {world_.names().stack, world_.names().message}) {
            if (const auto own = source.own_property(world_, key); own && !own->is_accessor()) {
                copy->put(key, own->value, kHidden);
            }
        }
        return remember(source, copy);
    }

    Value remember(Object& source, const Ref<Object>& copy) {
        done_.emplace(&source, Value(copy));
        return copy;
    }

    World& world_;
    // Sources stay alive by what is cloned.
    std::map<const Object*, Value> done_;
};

}  // namespace

Eventual<Value> structured_clone(World& world, Value value) {
    Cloner cloner(world);
    co_return co_await cloner.clone(value);
}

}  // namespace realm::values
