// Methods of arrays that go through their elements.
#include <algorithm>
#include <array>
#include <cmath>

#include "values/builtin_array.h"
#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

// One pass over an array-like with a callback (element, index, array).
class Pass {
public:
    Pass(World& world, Call call) : world_(world), call_(std::move(call)) {}

    Eventual<double> begin() {
        const Ref<Object> object = co_await to_object(world_, call_.self);
        self_ = Value(object);
        const double length = co_await length_of(world_, self_);
        co_await require_callable(world_, call_.argument(0));
        co_return length;
    }
    Eventual<Value> element(double index) { return get(world_, self_, Value(index)); }
    Eventual<Value> ask(Value element, double index) {
        const std::array arguments{std::move(element), Value(index), self_};
        co_return co_await call(world_, call_.argument(0), call_.argument(1), arguments);
    }
    [[nodiscard]] const Value& self() const { return self_; }

private:
    World& world_;
    Call call_;
    Value self_;
};

// Steps for a comparison: long texts take their time.
std::uint64_t cost_of(const Value& left, const Value& right) {
    constexpr std::size_t kUnitsPerStep = 64;
    return left.is_string() && right.is_string()
               ? 1 + std::min(left.string().length(), right.string().length()) / kUnitsPerStep
               : 1;
}

enum class Wanted : std::uint8_t { kValue, kIndex };

Eventual<Value> find(World& world, Call call, Wanted wanted, bool from_end) {
    Pass pass(world, std::move(call));
    const double length = co_await pass.begin();
    for (double i = 0; i < length; ++i) {
        const double index = from_end ? length - 1 - i : i;
        const Value element = co_await pass.element(index);
        const Value answer = co_await pass.ask(element, index);
        if (to_boolean(answer)) {
            co_return wanted == Wanted::kValue ? element : Value(index);
        }
    }
    co_return wanted == Wanted::kValue ? Value() : Value(-1);
}

// Whether some (or every) element gets a true answer.
Eventual<Value> decide(World& world, Call call, bool until) {
    Pass pass(world, std::move(call));
    const double length = co_await pass.begin();
    for (double i = 0; i < length; ++i) {
        const Value element = co_await pass.element(i);
        const Value answer = co_await pass.ask(element, i);
        if (to_boolean(answer) == until) {
            co_return Value(until);
        }
    }
    co_return Value(!until);
}

Eventual<Value> reduce(World& world, Call call, bool from_end) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    const double length = co_await length_of(world, self);
    co_await require_callable(world, call.argument(0));
    double done = 0;
    Value total;
    if (call.arguments.size() > 1) {
        total = call.arguments[1];
    } else if (length > 0) {
        total = co_await get(world, self, Value(from_end ? length - 1 : 0.0));
        done = 1;
    } else {
        co_return world.type_error("Reduce of empty array with no initial value");
    }
    for (; done < length; ++done) {
        const double index = from_end ? length - 1 - done : done;
        Value element = co_await get(world, self, Value(index));
        const std::array arguments{std::move(total), std::move(element), Value(index), self};
        total = co_await values::call(world, call.argument(0), Value(), arguments);
    }
    co_return total;
}

Eventual<Value> flatten(World& world, std::vector<Value>& out, Value source, double depth) {
    const World::Depth nesting(world);
    co_await nesting.check();
    const std::vector<Value> elements = co_await list_from_array_like(world, source);
    for (const Value& element : elements) {
        co_await world.step();
        if (depth > 0 && is_array(element)) {
            co_await flatten(world, out, element, depth - 1);
        } else {
            out.push_back(element);
            co_await world.admit(out.size() * sizeof(Value));
        }
    }
    co_return Value();
}

Eventual<Value> search(World& world, Call call, bool from_end) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    const double length = co_await length_of(world, self);
    const double start = co_await integer_or(world, call.argument(1), from_end ? length - 1 : 0.0);
    if (from_end) {
        for (double i = start < 0 ? length + start : std::min(start, length - 1); i >= 0; --i) {
            const Value element = co_await get(world, self, Value(i));
            co_await world.step(cost_of(element, call.argument(0)));
            if (strictly_equal(element, call.argument(0))) {
                co_return Value(i);
            }
        }
        co_return Value(-1);
    }
    for (double i = start < 0 ? std::max(length + start, 0.0) : start; i < length; ++i) {
        const Value element = co_await get(world, self, Value(i));
        co_await world.step(cost_of(element, call.argument(0)));
        if (strictly_equal(element, call.argument(0))) {
            co_return Value(i);
        }
    }
    co_return Value(-1);
}

}  // namespace

Eventual<Value> array_at(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    const double length = co_await length_of(world, self);
    const double relative = co_await to_integer(world, call.argument(0));
    const double index = relative < 0 ? length + relative : relative;
    if (index < 0 || index >= length) {
        co_return Value();
    }
    co_return co_await get(world, self, Value(index));
}

Eventual<Value> array_every(World& world, Call call) {
    return decide(world, std::move(call), false);
}
Eventual<Value> array_some(World& world, Call call) {
    return decide(world, std::move(call), true);
}
Eventual<Value> array_find(World& world, Call call) {
    return find(world, std::move(call), Wanted::kValue, false);
}
Eventual<Value> array_find_index(World& world, Call call) {
    return find(world, std::move(call), Wanted::kIndex, false);
}
Eventual<Value> array_find_last(World& world, Call call) {
    return find(world, std::move(call), Wanted::kValue, true);
}
Eventual<Value> array_find_last_index(World& world, Call call) {
    return find(world, std::move(call), Wanted::kIndex, true);
}
Eventual<Value> array_reduce(World& world, Call call) {
    return reduce(world, std::move(call), false);
}
Eventual<Value> array_reduce_right(World& world, Call call) {
    return reduce(world, std::move(call), true);
}
Eventual<Value> array_index_of_value(World& world, Call call) {
    return search(world, std::move(call), false);
}
Eventual<Value> array_last_index_of(World& world, Call call) {
    return search(world, std::move(call), true);
}

Eventual<Value> array_for_each(World& world, Call call) {
    Pass pass(world, std::move(call));
    const double length = co_await pass.begin();
    for (double i = 0; i < length; ++i) {
        Value element = co_await pass.element(i);
        co_await pass.ask(std::move(element), i);
    }
    co_return Value();
}

Eventual<Value> array_map(World& world, Call call) {
    Pass pass(world, std::move(call));
    const double length = co_await pass.begin();
    std::vector<Value> out;
    for (double i = 0; i < length; ++i) {
        Value element = co_await pass.element(i);
        Value mapped = co_await pass.ask(std::move(element), i);
        out.push_back(std::move(mapped));
        co_await world.admit(out.size() * sizeof(Value));
    }
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> array_filter(World& world, Call call) {
    Pass pass(world, std::move(call));
    const double length = co_await pass.begin();
    std::vector<Value> out;
    for (double i = 0; i < length; ++i) {
        const Value element = co_await pass.element(i);
        const Value answer = co_await pass.ask(element, i);
        if (to_boolean(answer)) {
            out.push_back(element);
        }
    }
    co_await world.check();
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> array_includes(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    const double length = co_await length_of(world, self);
    const double start = co_await integer_or(world, call.argument(1), 0);
    for (double i = start < 0 ? std::max(length + start, 0.0) : start; i < length; ++i) {
        const Value element = co_await get(world, self, Value(i));
        co_await world.step(cost_of(element, call.argument(0)));
        if (same_value_zero(element, call.argument(0))) {
            co_return Value(true);
        }
    }
    co_return Value(false);
}

Eventual<Value> array_flat(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const double depth = co_await integer_or(world, call.argument(0), 1);
    std::vector<Value> out;
    co_await flatten(world, out, Value(object), depth);
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> array_flat_map(World& world, Call call) {
    const Value mapped = co_await array_map(world, std::move(call));
    std::vector<Value> out;
    co_await flatten(world, out, mapped, 1);
    co_return Value(world.array(std::move(out)));
}

namespace {

// left after right, as sort's comparator or the texts have it.
Eventual<bool> is_after(World& world, const Value& comparator, const std::vector<Value>& values,
                        const std::vector<Ref<String>>& texts, std::size_t left,
                        std::size_t right) {
    if (comparator.is_undefined()) {
        co_await world.step(cost_of(Value(texts[left]), Value(texts[right])));
        co_return texts[left]->compare(*texts[right]) > 0;
    }
    const std::array arguments{values[left], values[right]};
    const Value answer = co_await call(world, comparator, Value(), arguments);
    const double number = co_await to_number(world, answer);
    co_return number > 0;
}

}  // namespace

// Merging, from the bottom up, so that a comparator may take its time and lie.
Eventual<std::vector<Value>> sorted(World& world, std::vector<Value> values, Value comparator) {
    const auto defined = std::ranges::stable_partition(
        values, [](const Value& value) { return !value.is_undefined(); });
    const auto count = static_cast<std::size_t>(defined.begin() - values.begin());
    std::vector<Ref<String>> texts;
    if (comparator.is_undefined()) {
        for (std::size_t i = 0; i < count; ++i) {
            Ref<String> text = co_await to_string(world, values[i]);
            texts.push_back(std::move(text));
            co_await world.check();
        }
    }
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) {
        order[i] = i;
    }
    std::vector<std::size_t> merged(count);
    for (std::size_t width = 1; width < count; width *= 2) {
        for (std::size_t from = 0; from < count; from += 2 * width) {
            std::size_t left = from;
            const std::size_t middle = std::min(from + width, count);
            std::size_t right = middle;
            const std::size_t end = std::min(from + 2 * width, count);
            for (std::size_t to = from; to < end; ++to) {
                co_await world.step();
                bool takes_right = left == middle;
                if (!takes_right && right < end) {
                    takes_right = co_await is_after(world, comparator, values, texts, order[left],
                                                    order[right]);
                }
                merged[to] = takes_right ? order[right++] : order[left++];
            }
        }
        std::swap(order, merged);
    }
    std::vector<Value> out;
    out.reserve(values.size());
    for (const std::size_t index : order) {
        out.push_back(values[index]);
    }
    out.resize(values.size());
    co_return out;
}

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
