#include "values/world.h"

#include <string>

#include "base/limit_error.h"
#include "values/collections.h"
#include "values/error_object.h"
#include "values/operations.h"
#include "values/promise.h"

namespace realm::values {

namespace {

PropertyKey method_key(World& world, std::string_view name) {
    const Names& names = world.names();
    if (name == "@@iterator") {
        return names.iterator;
    }
    if (name == "@@toPrimitive") {
        return names.to_primitive;
    }
    if (name == "@@hasInstance") {
        return names.has_instance;
    }
    if (name == "@@toStringTag") {
        return names.to_string_tag;
    }
    return {world.heap(), name};
}

// What functions call themselves: [Symbol.iterator].
std::string_view function_name(std::string_view name) {
    if (name == "@@iterator") {
        return "[Symbol.iterator]";
    }
    if (name == "@@toPrimitive") {
        return "[Symbol.toPrimitive]";
    }
    return name;
}

void put_methods(World& world, Object& object, std::span<const MethodSpec> methods) {
    for (const MethodSpec& method : methods) {
        object.put(method_key(world, method.name),
                   world.native(function_name(method.name), method.length, method.native), kHidden);
    }
}

class BuiltinObject final : public Object {
public:
    BuiltinObject(Ref<Object> prototype, Builtin builtin)
        : Object(std::move(prototype)), builtin_(builtin) {
        be_lazy();
    }

protected:
    void populate(World& world) override {
        const BuiltinSpec& spec = spec_of(builtin_);
        if (spec.construct != nullptr) {
            put(world.names().constructor, Value::of(world.constructor(builtin_)), kHidden);
        }
        for (const MethodSpec& getter : spec.getters) {
            put_accessor(method_key(world, getter.name),
                         world.native(function_name(getter.name), 0, getter.native), Value(),
                         kConfigurable);
        }
        put_methods(world, *this, spec.methods);
        if (spec.tagged) {
            put(world.names().to_string_tag, world.string(spec.name), kConfigurable);
        }
        if (spec.more != nullptr) {
            spec.more(world, *this);
        }
    }

private:
    Builtin builtin_;
};

class BuiltinConstructor final : public NativeFunction {
public:
    BuiltinConstructor(Ref<Object> prototype, Builtin builtin)
        : NativeFunction(std::move(prototype), spec_of(builtin).name, spec_of(builtin).length,
                         spec_of(builtin).construct, {}, Constructs::kYes),
          builtin_(builtin) {}

protected:
    void populate(World& world) override {
        NativeFunction::populate(world);
        const BuiltinSpec& spec = spec_of(builtin_);
        put(world.names().prototype, world.prototype_ref(builtin_), kFixed);
        put_methods(world, *this, spec.statics);
        if (spec.more_statics != nullptr) {
            spec.more_statics(world, *this);
        }
    }

private:
    Builtin builtin_;
};

}  // namespace

World::World(Services& services, WorldLimits limits)
    : services_(services), limits_(limits), heap_(limits.heap), names_(heap_) {
    refill_steps();
}

// The classes and their constructors hold each other; the heap clears that up.
World::~World() = default;

void World::make(Builtin builtin) {
    auto& made = made_[static_cast<std::size_t>(builtin)];
    const BuiltinSpec& spec = spec_of(builtin);
    const Ref<Object> parent =
        builtin == Builtin::kObject ? Ref<Object>() : prototype_ref(spec.parent);
    made.prototype = heap_.make<BuiltinObject>(parent, builtin);
    if (spec.construct != nullptr) {
        const bool derived = spec.parent != Builtin::kObject;
        const Ref<Object> above =
            derived ? Ref<Object>(&constructor(spec.parent)) : prototype_ref(Builtin::kFunction);
        made.constructor = heap_.make<BuiltinConstructor>(above, builtin);
    }
}

Object& World::prototype(Builtin builtin) {
    auto& made = made_[static_cast<std::size_t>(builtin)];
    if (!made.prototype) {
        make(builtin);
    }
    return *made.prototype;
}

Function& World::constructor(Builtin builtin) {
    prototype(builtin);
    return *made_[static_cast<std::size_t>(builtin)].constructor;
}

Ref<Object> World::prototype_for(const Call& call, Builtin builtin) {
    if (call.new_target != nullptr) {
        const Value wanted = peek(*this, *call.new_target, names_.prototype);
        if (wanted.is_object()) {
            return Ref(&wanted.object());
        }
    }
    return prototype_ref(builtin);
}

Value World::string(std::string_view utf8) {
    return make_string(heap_, utf8);
}
Value World::string(std::u16string_view utf16) {
    return make_string(heap_, utf16);
}

PropertyKey World::key(std::string_view utf8) {
    return PropertyKey(*make_string(heap_, utf8));
}

Ref<Object> World::object() {
    return heap_.make<Object>(prototype_ref(Builtin::kObject));
}

Ref<ArrayObject> World::array(std::vector<Value> elements) {
    return heap_.make<ArrayObject>(prototype_ref(Builtin::kArray), std::move(elements));
}

Ref<Function> World::function(std::string_view name, std::uint32_t length,
                              std::unique_ptr<Callable> callable, Constructs constructs) {
    auto made = heap_.make<CallableFunction>(prototype_ref(Builtin::kFunction), std::move(callable),
                                             constructs);
    made->put(names_.length, Value(length), kConfigurable);
    made->put(names_.name, string(name), kConfigurable);
    if (constructs == Constructs::kYes) {
        const Ref<Object> instances = object();
        instances->put(names_.constructor, made, kHidden);
        made->put(names_.prototype, instances, kFixed);
    }
    return made;
}

Ref<NativeFunction> World::native(std::string_view name, std::uint8_t length, Native code,
                                  std::vector<Value> captured) {
    return heap_.make<NativeFunction>(prototype_ref(Builtin::kFunction), name, length, code,
                                      std::move(captured));
}

std::unexpected<Thrown> World::fail(Builtin error, std::string_view message) {
    return std::unexpected(Thrown(Value(make_error(*this, error, message))));
}

std::unexpected<Thrown> World::too_deep() {
    return range_error("Maximum call stack size exceeded");
}

Completion<void> World::begin_stretch(std::uint64_t steps) {
    if (steps - steps_ > further_steps_) {
        steps_ = 0;
        further_steps_ = 0;
        return std::unexpected(Thrown(limit_error(
            {.limit = "host_steps", .setting = "limits.host_steps", .value = limits_.max_steps},
            "the host's part of the program takes more than " + std::to_string(limits_.max_steps) +
                " steps")));
    }
    further_steps_ -= steps - steps_;
    steps_ = std::min(kStretch, further_steps_);
    further_steps_ -= steps_;
    if (auto reason = services_.interrupted()) {
        return std::unexpected(Thrown(std::move(*reason)));
    }
    return {};
}

Completion<void> World::check() {
    if (microtasks_.size() > limits_.max_microtasks) {
        return std::unexpected(Thrown(limit_error(
            {.limit = "host_microtasks",
             .setting = "limits.host_microtasks",
             .value = limits_.max_microtasks},
            "more than " + std::to_string(limits_.max_microtasks) + " microtasks wait")));
    }
    return admit(0);
}

Completion<void> World::admit(std::size_t bytes) {
    if (heap_.has_room(bytes)) [[likely]] {
        return {};
    }
    // The search for cycles goes through all of them.
    if (auto stepped = step(heap_.cells()); !stepped) {
        return stepped;
    }
    if (auto reached = heap_.admit(bytes)) {
        return std::unexpected(Thrown(std::move(*reached)));
    }
    return {};
}

Ref<Symbol> World::registered_symbol(const std::string& key) {
    auto& symbol = symbols_[key];
    if (!symbol) {
        symbol = heap_.make<Symbol>(string(key));
    }
    return symbol;
}

std::optional<std::string> World::key_of_symbol(const Symbol& symbol) const {
    for (const auto& [key, registered] : symbols_) {
        if (registered.get() == &symbol) {
            return key;
        }
    }
    return std::nullopt;
}

}  // namespace realm::values
