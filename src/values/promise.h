// Promises, which settle in microtasks.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "values/function.h"

namespace realm::values {

enum class PromiseState : std::uint8_t { kPending, kFulfilled, kRejected };

// What is to happen when a promise settles: handlers (undefined for none) and the promise that
// then() gave, or null for one that nobody sees.
struct Reaction {
    Value on_fulfilled;
    Value on_rejected;
    // resolve and reject of the promise that depends on it; undefined for none
    Value resolve;
    Value reject;
};

class PromiseObject final : public Object {
public:
    explicit PromiseObject(Ref<Object> prototype) : Object(std::move(prototype)) {}
    [[nodiscard]] PromiseState state() const { return state_; }
    // What it was fulfilled with, or why it was rejected.
    [[nodiscard]] const Value& result() const { return result_; }
    [[nodiscard]] bool is_handled() const { return handled_; }

    void settle(World& world, PromiseState state, Value result);
    // Its rejection is no longer one that nobody handles.
    void mark_handled(World& world);
    // Queues the handler at once where it is settled.
    void react(World& world, Reaction reaction);

    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    PromiseState state_ = PromiseState::kPending;
    bool handled_ = false;
    Value result_;
    std::vector<Reaction> reactions_;
};

Ref<PromiseObject> make_promise(World& world);
// The functions that `new Promise` hands to its executor: the first of all calls counts.
struct Resolvers {
    Ref<Function> resolve;
    Ref<Function> reject;
};
Resolvers make_resolvers(World& world, PromiseObject& promise);
// Settles it as `resolve` does: another promise or thenable is followed.
Eventual<Value> resolve_promise(World& world, Ref<PromiseObject> promise, Value value);
// Promise.resolve(value): a promise is itself.
Eventual<Value> promise_of(World& world, Value value);

}  // namespace realm::values
