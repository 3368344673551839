// Promise: its constructor, then and its kin, and the functions that wait for many.
#include <array>

#include "values/builtin_specs.h"
#include "values/promise.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> promise_construct(World& world, Call call) {
    if (!call.constructs()) {
        co_return world.type_error("Promise constructor cannot be invoked without 'new'");
    }
    if (!is_callable(call.argument(0))) {
        co_return world.type_error("Promise resolver " + describe(world, call.argument(0)) +
                                   " is not a function");
    }
    const auto promise =
        world.heap().make<PromiseObject>(world.prototype_for(call, Builtin::kPromise));
    const Resolvers resolvers = make_resolvers(world, *promise);
    const std::array arguments{Value(resolvers.resolve), Value(resolvers.reject)};
    auto done = co_await caught(values::call(world, call.argument(0), Value(), arguments));
    if (!done) {
        if (done.error().is_fault()) {
            co_return std::unexpected(std::move(done.error()));
        }
        const std::array reason{done.error().value()};
        co_await values::call(world, arguments[1], Value(), reason);
    }
    co_return Value(promise);
}

Eventual<Value> then(World& world, Call call) {
    PromiseObject* const promise =
        co_await receiver<PromiseObject>(world, "Promise.prototype.then", call.self);
    const Ref<PromiseObject> next = make_promise(world);
    const Resolvers resolvers = make_resolvers(world, *next);
    promise->react(world, {.on_fulfilled = call.argument(0),
                           .on_rejected = call.argument(1),
                           .resolve = resolvers.resolve,
                           .reject = resolvers.reject});
    co_return Value(next);
}

Eventual<Value> catch_native(World& world, Call call) {
    const std::array arguments{Value(), call.argument(0)};
    co_return co_await invoke(world, call.self, world.names().then, arguments);
}

// Captured is what to give back, or to throw, once the callback's promise has settled.
Eventual<Value> give_back(World& /*world*/, Call call) {
    return static_cast<NativeFunction&>(*call.callee).captured(0);
}
Eventual<Value> throw_back(World& /*world*/, Call call) {
    return std::unexpected(Thrown(static_cast<NativeFunction&>(*call.callee).captured(0)));
}

// Captured is the callback of finally().
template <bool kRejected>
Eventual<Value> after(World& world, Call call) {
    const Value callback = static_cast<NativeFunction&>(*call.callee).captured(0);
    const Value result = co_await values::call(world, callback, Value(), {});
    const Value promise = co_await promise_of(world, result);
    std::vector<Value> captured{call.argument(0)};
    const std::array arguments{
        Value(world.native("", 0, kRejected ? throw_back : give_back, std::move(captured)))};
    co_return co_await invoke(world, promise, world.names().then, arguments);
}

Eventual<Value> finally(World& world, Call call) {
    const Value& callback = call.argument(0);
    std::array arguments{callback, callback};
    if (is_callable(callback)) {
        std::vector<Value> captured{callback};
        arguments[0] = world.native("", 1, after<false>, captured);
        arguments[1] = world.native("", 1, after<true>, captured);
    }
    co_return co_await invoke(world, call.self, world.names().then, arguments);
}

Eventual<Value> resolve(World& world, Call call) {
    return promise_of(world, call.argument(0));
}

Eventual<Value> reject(World& world, Call call) {
    const Ref<PromiseObject> promise = make_promise(world);
    promise->settle(world, PromiseState::kRejected, call.argument(0));
    return Value(promise);
}

// --- Waiting for many ----------------------------------------------------------------------------

enum class Combination : std::uint8_t { kAll, kAllSettled, kAny, kRace };

// What the functions below share, as captured values: the array of results, how many promises are
// not settled yet (in a one-element array), what to call at the end.
enum Captured : std::uint8_t { kResults, kLeft, kFinish, kIndex, kStatus };

Eventual<Value> finish_any(World& world, const Value& results, const Value& reject) {
    auto failed = world.fail(Builtin::kAggregateError, "All promises were rejected");
    const Value error = failed.error().value();
    error.object().put(world.names().errors, results, kHidden);
    const std::array arguments{error};
    co_return co_await call(world, reject, Value(), arguments);
}

Eventual<Value> one_left(World& world, Value results, Value left, Value finish, bool is_any) {
    auto& count = left.as<ArrayObject>()->mutable_elements()[0];
    count = Value(count.number() - 1);
    if (count.number() > 0) {
        co_return Value();
    }
    if (is_any) {
        co_return co_await finish_any(world, results, finish);
    }
    const std::array arguments{results};
    co_return co_await call(world, finish, Value(), arguments);
}

// Captured kStatus: undefined for all(), null for any(), else the status of allSettled().
Eventual<Value> settle_one(World& world, Call call) {
    auto& function = static_cast<NativeFunction&>(*call.callee);
    if (function.captured(kIndex).is_undefined()) {
        co_return Value();
    }
    const auto index =
        static_cast<std::size_t>(std::exchange(function.captured(kIndex), Value()).number());
    const Value status = function.captured(kStatus);
    Value result = call.argument(0);
    if (status.is_string()) {
        const Ref<Object> entry = world.object();
        entry->put(world.names().status, status);
        entry->put(status.string().equals("rejected") ? world.names().reason : world.names().value,
                   std::move(result));
        result = entry;
    }
    const Value results = function.captured(kResults);
    results.as<ArrayObject>()->mutable_elements()[index] = std::move(result);
    co_return co_await one_left(world, results, function.captured(kLeft),
                                function.captured(kFinish), status.is_null());
}

class Combiner {
public:
    Combiner(World& world, Combination combination)
        : world_(world),
          combination_(combination),
          promise_(make_promise(world)),
          resolvers_(make_resolvers(world, *promise_)),
          results_(world.array()),
          left_(world.array({Value(1)})) {}

    Eventual<Value> run(Value constructor, Value iterable) {
        const IteratorRecord record = co_await get_iterator(world_, iterable);
        while (true) {
            const std::optional<Value> item = co_await iterator_step(world_, record);
            if (!item) {
                break;
            }
            const std::array resolved{*item};
            const Value next =
                co_await invoke(world_, constructor, world_.key("resolve"), resolved);
            const std::array handlers{handler(false), handler(true)};
            if (combination_ != Combination::kRace) {
                results_->push(Value());
                auto& count = left_->mutable_elements()[0];
                count = Value(count.number() + 1);
            }
            co_await invoke(world_, next, world_.names().then, handlers);
            co_await world_.check();
        }
        if (combination_ != Combination::kRace) {
            co_await one_left(world_, results_, left_, finish(), combination_ == Combination::kAny);
        }
        co_return Value(promise_);
    }
    // A fault, or the promise that is rejected with what was thrown meanwhile.
    Completion<Value> failed(Thrown thrown) {
        if (thrown.is_fault()) {
            return std::unexpected(std::move(thrown));
        }
        promise_->settle(world_, PromiseState::kRejected, thrown.value());
        return Value(promise_);
    }

private:
    [[nodiscard]] Value finish() const {
        return combination_ == Combination::kAny ? resolvers_.reject : resolvers_.resolve;
    }
    // What is called for the promise that comes next.
    Value handler(bool rejected) {
        const bool counts = combination_ == Combination::kAllSettled ||
                            (combination_ == Combination::kAll && !rejected) ||
                            (combination_ == Combination::kAny && rejected);
        if (!counts) {
            return rejected ? resolvers_.reject : resolvers_.resolve;
        }
        Value status;
        if (combination_ == Combination::kAllSettled) {
            status = world_.string(rejected ? "rejected" : "fulfilled");
        } else if (combination_ == Combination::kAny) {
            status = Value::null();
        }
        std::vector<Value> captured{results_, left_, finish(), Value(results_->length()),
                                    std::move(status)};
        return world_.native("", 1, settle_one, std::move(captured));
    }

    World& world_;
    Combination combination_;
    Ref<PromiseObject> promise_;
    Resolvers resolvers_;
    Ref<ArrayObject> results_;
    Ref<ArrayObject> left_;
};

template <Combination kCombination>
Eventual<Value> combine(World& world, Call call) {
    Combiner combiner(world, kCombination);
    auto done = co_await caught(combiner.run(call.self, call.argument(0)));
    if (!done) {
        co_return combiner.failed(std::move(done.error()));
    }
    co_return std::move(*done);
}

constexpr std::array kMethods{
    MethodSpec{"then", then, 2},
    MethodSpec{"catch", catch_native, 1},
    MethodSpec{"finally", finally, 1},
};
constexpr std::array kStatics{
    MethodSpec{"all", combine<Combination::kAll>, 1},
    MethodSpec{"allSettled", combine<Combination::kAllSettled>, 1},
    MethodSpec{"any", combine<Combination::kAny>, 1},
    MethodSpec{"race", combine<Combination::kRace>, 1},
    MethodSpec{"resolve", resolve, 1},
    MethodSpec{"reject", reject, 1},
};

}  // namespace

constinit const BuiltinSpec kPromiseSpec{.name = "Promise",
                                         .construct = promise_construct,
                                         .length = 1,
                                         .methods = kMethods,
                                         .statics = kStatics,
                                         .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
