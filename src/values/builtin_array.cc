// Array: what makes arrays, changes them and looks into them.
#include "values/builtin_array.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> array_construct(World& world, Call call) {
    const Ref<ArrayObject> made = world.heap().make<ArrayObject>(
        world.prototype_for(call, Builtin::kArray), std::vector<Value>());
    if (call.arguments.size() == 1 && call.arguments[0].is_number()) {
        co_await made->set_length(world, call.arguments[0].number());
    } else {
        made->mutable_elements().assign(call.arguments.begin(), call.arguments.end());
        made->recount();
    }
    co_return Value(made);
}

Eventual<Value> is_array_native(World& /*world*/, Call call) {
    return Value(is_array(call.argument(0)));
}

Eventual<Value> of(World& world, Call call) {
    return Value(world.array({call.arguments.begin(), call.arguments.end()}));
}

Eventual<Value> from(World& world, Call call) {
    const Value& source = call.argument(0);
    const Value& mapper = call.argument(1);
    if (!mapper.is_undefined()) {
        co_await require_callable(world, mapper);
    }
    if (source.is_nullish()) {
        co_await get_iterator(world, source);  // says why it is none
    }
    std::vector<Value> out;
    const Value method = co_await get(world, source, world.names().iterator);
    if (!method.is_nullish()) {
        out = co_await list_from_iterable(world, source);
    } else if (source.is_object()) {
        out = co_await list_from_array_like(world, source);
    }
    if (!mapper.is_undefined()) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            const std::array arguments{out[i], Value(i)};
            Value mapped = co_await values::call(world, mapper, call.argument(2), arguments);
            out[i] = std::move(mapped);
        }
    }
    co_await world.check();
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> push_slowly(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    double length = co_await length_of(world, self);
    for (const Value& value : call.arguments) {
        co_await set(world, self, Value(length), value);
        ++length;
    }
    co_await set(world, self, world.names().length, Value(length));
    co_return Value(length);
}

Eventual<Value> push(World& world, Call call) {
    auto* const array = call.self.as<ArrayObject>();
    if (array == nullptr || !array->is_plain()) {
        return push_slowly(world, std::move(call));
    }
    for (const Value& value : call.arguments) {
        array->push(value);
    }
    return Value(array->length());
}

Eventual<Value> pop(World& world, Call call) {
    auto* const array = call.self.as<ArrayObject>();
    if (array != nullptr && array->is_plain()) {
        if (array->length() == 0) {
            co_return Value();
        }
        Value last = std::move(array->mutable_elements().back());
        array->mutable_elements().pop_back();
        co_return last;
    }
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    const double length = co_await length_of(world, self);
    Value last;
    if (length > 0) {
        last = co_await get(world, self, Value(length - 1));
        co_await delete_property(world, self, Value(length - 1));
    }
    co_await set(world, self, world.names().length, Value(std::max(length - 1, 0.0)));
    co_return last;
}

// What changes an array as a whole takes its elements, works on the list and puts them back.
struct Whole {
    Value self;
    std::vector<Value> elements;
    double length = 0;
};

Eventual<Whole> take_whole(World& world, Value self) {
    Whole out;
    const Ref<Object> object = co_await to_object(world, self);
    out.self = Value(object);
    out.elements = co_await list_from_array_like(world, out.self);
    out.length = static_cast<double>(out.elements.size());
    co_await world.step(out.elements.size());
    co_return out;
}

Eventual<Value> put_whole(World& world, Whole whole) {
    auto* const array = whole.self.as<ArrayObject>();
    if (array != nullptr && array->is_plain()) {
        const std::vector<Value> gone =
            std::exchange(array->mutable_elements(), std::move(whole.elements));
        array->recount();
        co_await world.check();
        co_return whole.self;
    }
    for (std::size_t i = 0; i < whole.elements.size(); ++i) {
        co_await set(world, whole.self, Value(i), whole.elements[i]);
    }
    for (double i = static_cast<double>(whole.elements.size()); i < whole.length; ++i) {
        co_await delete_property(world, whole.self, Value(i));
    }
    co_await set(world, whole.self, world.names().length, Value(whole.elements.size()));
    co_return whole.self;
}

Eventual<Value> shift(World& world, Call call) {
    if (auto* const array = call.self.as<ArrayObject>();
        array != nullptr && array->is_plain() && array->length() > 0) {
        co_await world.step(array->length() / 16);
        Value first = std::move(array->mutable_elements().front());
        array->mutable_elements().erase(array->mutable_elements().begin());
        co_return first;
    }
    Whole whole = co_await take_whole(world, call.self);
    Value first;
    if (!whole.elements.empty()) {
        first = whole.elements.front();
        whole.elements.erase(whole.elements.begin());
    }
    co_await put_whole(world, std::move(whole));
    co_return first;
}

Eventual<Value> unshift(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    whole.elements.insert(whole.elements.begin(), call.arguments.begin(), call.arguments.end());
    const Value length(whole.elements.size());
    co_await put_whole(world, std::move(whole));
    co_return length;
}

Eventual<Value> reverse(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    std::ranges::reverse(whole.elements);
    co_return co_await put_whole(world, std::move(whole));
}

// Takes `start` and `delete_count` of the arguments and gives what was cut out.
Eventual<std::vector<Value>> splice_list(World& world, Call call, std::vector<Value>& elements) {
    const double start = co_await integer_or(world, call.argument(0), 0);
    const std::size_t from = clamp_index(start, elements.size());
    std::size_t count = call.arguments.empty() ? 0 : elements.size() - from;
    if (call.arguments.size() > 1) {
        const double wanted = co_await to_integer(world, call.arguments[1]);
        count = static_cast<std::size_t>(
            std::clamp(wanted, 0.0, static_cast<double>(elements.size() - from)));
    }
    const auto first = elements.begin() + static_cast<std::ptrdiff_t>(from);
    std::vector<Value> cut(first, first + static_cast<std::ptrdiff_t>(count));
    const auto at = elements.erase(first, first + static_cast<std::ptrdiff_t>(count));
    if (call.arguments.size() > 2) {
        elements.insert(at, call.arguments.begin() + 2, call.arguments.end());
    }
    co_return cut;
}

Eventual<Value> splice(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    std::vector<Value> cut = co_await splice_list(world, call, whole.elements);
    co_await put_whole(world, std::move(whole));
    co_return Value(world.array(std::move(cut)));
}

Eventual<Value> sort(World& world, Call call) {
    if (!call.argument(0).is_undefined() && !is_callable(call.argument(0))) {
        co_return world.type_error(
            "The comparison function must be either a function or undefined");
    }
    Whole whole = co_await take_whole(world, call.self);
    whole.elements = co_await sorted(world, std::move(whole.elements), call.argument(0));
    co_return co_await put_whole(world, std::move(whole));
}

Eventual<Value> fill(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    const double start = co_await integer_or(world, call.argument(1), 0);
    const double end = co_await integer_or(world, call.argument(2), whole.length);
    const std::size_t to = clamp_index(end, whole.elements.size());
    for (std::size_t i = clamp_index(start, whole.elements.size()); i < to; ++i) {
        whole.elements[i] = call.argument(0);
    }
    co_return co_await put_whole(world, std::move(whole));
}

Eventual<Value> copy_within(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    const std::size_t size = whole.elements.size();
    const double target = co_await integer_or(world, call.argument(0), 0);
    const double start = co_await integer_or(world, call.argument(1), 0);
    const double end = co_await integer_or(world, call.argument(2), whole.length);
    const std::size_t to = clamp_index(target, size);
    const std::size_t from = clamp_index(start, size);
    const std::size_t last = std::max(from, clamp_index(end, size));
    const std::vector<Value> piece(whole.elements.begin() + static_cast<std::ptrdiff_t>(from),
                                   whole.elements.begin() + static_cast<std::ptrdiff_t>(last));
    for (std::size_t i = 0; i < piece.size() && to + i < size; ++i) {
        whole.elements[to + i] = piece[i];
    }
    co_return co_await put_whole(world, std::move(whole));
}

Eventual<Value> slice(World& world, Call call) {
    const Whole whole = co_await take_whole(world, call.self);
    const double start = co_await integer_or(world, call.argument(0), 0);
    const double end = co_await integer_or(world, call.argument(1), whole.length);
    const std::size_t from = clamp_index(start, whole.elements.size());
    const std::size_t to = std::max(from, clamp_index(end, whole.elements.size()));
    std::vector<Value> out(whole.elements.begin() + static_cast<std::ptrdiff_t>(from),
                           whole.elements.begin() + static_cast<std::ptrdiff_t>(to));
    co_await world.admit(out.size() * sizeof(Value));
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> concat(World& world, Call call) {
    std::vector<Value> out;
    const Ref<Object> object = co_await to_object(world, call.self);
    std::vector<Value> items{Value(object)};
    items.insert(items.end(), call.arguments.begin(), call.arguments.end());
    for (const Value& item : items) {
        bool spreads = is_array(item);
        if (item.is_object()) {
            const Value wish = co_await get(world, item, world.names().is_concat_spreadable);
            spreads = wish.is_undefined() ? spreads : to_boolean(wish);
        }
        if (spreads) {
            const std::vector<Value> elements = co_await list_from_array_like(world, item);
            co_await world.step(elements.size());
            co_await world.admit((out.size() + elements.size()) * sizeof(Value));
            out.insert(out.end(), elements.begin(), elements.end());
        } else {
            out.push_back(item);
        }
    }
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> join_list(World& world, Value self, Ref<String> separator) {
    const World::Depth depth(world);
    co_await depth.check();
    const Ref<Object> object = co_await to_object(world, self);
    const Value base(object);
    const double length = co_await length_of(world, base);
    TextBuilder out;
    for (double i = 0; i < length; ++i) {
        co_await world.step();
        if (i > 0) {
            out.add(*separator);
        }
        const Value element = co_await get(world, base, Value(i));
        // An array within itself is empty.
        if (!element.is_nullish() && !element.same_bits(base)) {
            const Ref<String> text = co_await to_string(world, element);
            out.add(*text);
        }
        if (out.size() > String::kMaxLength) {
            co_return world.range_error("Invalid string length");
        }
        co_await world.admit(out.size());
    }
    co_return Value(out.make(world.heap()));
}

Eventual<Value> join(World& world, Call call) {
    Ref<String> separator = world.heap().intern(",");
    if (!call.argument(0).is_undefined()) {
        separator = co_await to_string(world, call.argument(0));
    }
    co_return co_await join_list(world, call.self, separator);
}

Eventual<Value> to_text(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    const Value method = co_await get(world, self, world.key("join"));
    if (is_callable(method)) {
        co_return co_await values::call(world, method, self, {});
    }
    co_return world.string("[object " + std::string(object->class_name()) + "]");
}

// --- Copies with a change ------------------------------------------------------------------------

Eventual<Value> to_reversed(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    std::ranges::reverse(whole.elements);
    co_return Value(world.array(std::move(whole.elements)));
}

Eventual<Value> to_sorted(World& world, Call call) {
    if (!call.argument(0).is_undefined() && !is_callable(call.argument(0))) {
        co_return world.type_error(
            "The comparison function must be either a function or undefined");
    }
    Whole whole = co_await take_whole(world, call.self);
    whole.elements = co_await sorted(world, std::move(whole.elements), call.argument(0));
    co_return Value(world.array(std::move(whole.elements)));
}

Eventual<Value> to_spliced(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    co_await splice_list(world, call, whole.elements);
    co_return Value(world.array(std::move(whole.elements)));
}

Eventual<Value> with(World& world, Call call) {
    Whole whole = co_await take_whole(world, call.self);
    const double relative = co_await to_integer(world, call.argument(0));
    const double index = relative < 0 ? whole.length + relative : relative;
    if (index < 0 || index >= whole.length) {
        co_return world.range_error("Invalid index : " + number_to_text(relative));
    }
    whole.elements[static_cast<std::size_t>(index)] = call.argument(1);
    co_return Value(world.array(std::move(whole.elements)));
}

template <IteratorKind kKind>
Eventual<Value> iterator(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    co_return make_array_iterator(world, Value(object), kKind);
}

void more(World& world, Object& prototype) {
    // The same function under both names.
    prototype.put(world.names().iterator, peek(world, prototype, world.key("values")), kHidden);
}

constexpr std::array kStatics{
    MethodSpec{"from", from, 1},
    MethodSpec{"isArray", is_array_native, 1},
    MethodSpec{"of", of, 0},
};

constexpr std::array kOwnMethods{
    MethodSpec{"concat", concat, 1},
    MethodSpec{"copyWithin", copy_within, 2},
    MethodSpec{"entries", iterator<IteratorKind::kEntries>, 0},
    MethodSpec{"fill", fill, 1},
    MethodSpec{"join", join, 1},
    MethodSpec{"keys", iterator<IteratorKind::kKeys>, 0},
    MethodSpec{"pop", pop, 0},
    MethodSpec{"push", push, 1},
    MethodSpec{"reverse", reverse, 0},
    MethodSpec{"shift", shift, 0},
    MethodSpec{"slice", slice, 2},
    MethodSpec{"sort", sort, 1},
    MethodSpec{"splice", splice, 2},
    MethodSpec{"toLocaleString", to_text, 0},
    MethodSpec{"toReversed", to_reversed, 0},
    MethodSpec{"toSorted", to_sorted, 1},
    MethodSpec{"toSpliced", to_spliced, 2},
    MethodSpec{"toString", to_text, 0},
    MethodSpec{"unshift", unshift, 1},
    MethodSpec{"values", iterator<IteratorKind::kValues>, 0},
    MethodSpec{"with", with, 2},
};

constexpr auto kMethods = [] {
    std::array<MethodSpec, kOwnMethods.size() + kSearchMethods.size()> all{};
    std::ranges::copy(kOwnMethods, all.begin());
    std::ranges::copy(kSearchMethods, all.begin() + kOwnMethods.size());
    return all;
}();

}  // namespace

constinit const BuiltinSpec kArraySpec{.name = "Array",
                                       .construct = array_construct,
                                       .length = 1,
                                       .methods = kMethods,
                                       .statics = kStatics,
                                       .more = more};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
