#include "values/promise.h"

#include <array>

#include "values/operations.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

// A job for the reaction of a settled promise: captured are handler, resolve, reject, the result
// and whether it is a rejection.
Eventual<Value> run_reaction(World& world, Call call) {
    auto& job = static_cast<NativeFunction&>(*call.callee);
    const Value handler = job.captured(0);
    const Value resolve = job.captured(1);
    const Value reject = job.captured(2);
    const std::array arguments{job.captured(3)};
    Completion<Value> done = arguments[0];
    if (is_callable(handler)) {
        done = co_await caught(values::call(world, handler, Value(), arguments));
    } else if (job.captured(4).boolean()) {
        done = std::unexpected(Thrown(arguments[0]));
    }
    if (!done && done.error().is_fault()) {
        co_return std::unexpected(std::move(done.error()));
    }
    const Value next = done ? resolve : reject;
    if (!is_callable(next)) {
        co_return Value();
    }
    const std::array outcome{done ? *done : done.error().value()};
    co_return co_await values::call(world, next, Value(), outcome);
}

void queue_reaction(World& world, const Reaction& reaction, PromiseState state,
                    const Value& result) {
    const bool is_rejected = state == PromiseState::kRejected;
    std::vector<Value> captured{is_rejected ? reaction.on_rejected : reaction.on_fulfilled,
                                reaction.resolve, reaction.reject, result, Value(is_rejected)};
    world.queue_microtask(world.native("", 0, run_reaction, std::move(captured)));
}

// A job that follows a thenable: captured are the promise, the thenable and its then().
Eventual<Value> follow_thenable(World& world, Call call) {
    auto& job = static_cast<NativeFunction&>(*call.callee);
    const Value promise = job.captured(0);
    const Value thenable = job.captured(1);
    const Value then = job.captured(2);
    const Resolvers resolvers =
        make_resolvers(world, static_cast<PromiseObject&>(promise.object()));
    const std::array arguments{Value(resolvers.resolve), Value(resolvers.reject)};
    auto done = co_await caught(values::call(world, then, thenable, arguments));
    if (!done) {
        if (done.error().is_fault()) {
            co_return std::unexpected(std::move(done.error()));
        }
        const std::array reason{done.error().value()};
        co_return co_await values::call(world, arguments[1], Value(), reason);
    }
    co_return Value();
}

// Captured are the promise and an array whose element says whether it was resolved already, which
// both functions share.
bool resolve_first(NativeFunction& function) {
    auto& shared = static_cast<AccessorPair&>(function.captured(1).cell());
    if (!shared.getter().is_undefined()) {
        return false;
    }
    shared.set_getter(Value(true));
    return true;
}

Eventual<Value> resolve_function(World& world, Call call) {
    auto& function = static_cast<NativeFunction&>(*call.callee);
    if (!resolve_first(function)) {
        return Value();
    }
    return resolve_promise(world, Ref(&static_cast<PromiseObject&>(function.captured(0).object())),
                           call.argument(0));
}

Eventual<Value> reject_function(World& world, Call call) {
    auto& function = static_cast<NativeFunction&>(*call.callee);
    if (resolve_first(function)) {
        static_cast<PromiseObject&>(function.captured(0).object())
            .settle(world, PromiseState::kRejected, call.argument(0));
    }
    return Value();
}

}  // namespace

void PromiseObject::settle(World& world, PromiseState state, Value result) {
    if (state_ != PromiseState::kPending) {
        return;
    }
    state_ = state;
    result_ = std::move(result);
    for (const Reaction& reaction : std::exchange(reactions_, {})) {
        queue_reaction(world, reaction, state_, result_);
    }
    if (state_ == PromiseState::kRejected && !handled_) {
        world.note_rejection(Ref(this));
    }
}

void PromiseObject::mark_handled(World& world) {
    if (!std::exchange(handled_, true) && state_ == PromiseState::kRejected) {
        world.note_handled(*this);
    }
}

void PromiseObject::react(World& world, Reaction reaction) {
    mark_handled(world);
    if (state_ == PromiseState::kPending) {
        charge(sizeof(Reaction));
        reactions_.push_back(std::move(reaction));
    } else {
        queue_reaction(world, reaction, state_, result_);
    }
}

void PromiseObject::trace(Tracer& tracer) const {
    Object::trace(tracer);
    result_.trace(tracer);
    for (const Reaction& reaction : reactions_) {
        for (const Value* const value :
             {&reaction.on_fulfilled, &reaction.on_rejected, &reaction.resolve, &reaction.reject}) {
            value->trace(tracer);
        }
    }
}

void PromiseObject::clear() {
    Object::clear();
    const Value gone = std::move(result_);
    result_ = {};
    reactions_.clear();
}

Ref<PromiseObject> make_promise(World& world) {
    return world.heap().make<PromiseObject>(world.prototype_ref(Builtin::kPromise));
}

Resolvers make_resolvers(World& world, PromiseObject& promise) {
    const Ref<AccessorPair> shared = world.heap().make<AccessorPair>(Value(), Value());
    std::vector<Value> captured{Value::of(promise), shared};
    return {.resolve = world.native("", 1, resolve_function, captured),
            .reject = world.native("", 1, reject_function, captured)};
}

Eventual<Value> resolve_promise(World& world, Ref<PromiseObject> promise, Value value) {
    if (value.is_object() && &value.object() == promise.get()) {
        auto error = world.type_error("Chaining cycle detected for promise #<Promise>");
        promise->settle(world, PromiseState::kRejected, error.error().value());
        co_return Value();
    }
    if (!value.is_object()) {
        promise->settle(world, PromiseState::kFulfilled, value);
        co_return Value();
    }
    auto then = co_await caught(get(world, value, world.names().then));
    if (!then) {
        if (then.error().is_fault()) {
            co_return std::unexpected(std::move(then.error()));
        }
        promise->settle(world, PromiseState::kRejected, then.error().value());
    } else if (!is_callable(*then)) {
        promise->settle(world, PromiseState::kFulfilled, value);
    } else {
        std::vector<Value> captured{promise, value, std::move(*then)};
        world.queue_microtask(world.native("", 0, follow_thenable, std::move(captured)));
    }
    co_return Value();
}

Eventual<Value> promise_of(World& world, Value value) {
    if (value.as<PromiseObject>() != nullptr) {
        co_return value;
    }
    const Ref<PromiseObject> promise = make_promise(world);
    co_await resolve_promise(world, promise, value);
    co_return Value(promise);
}

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
