// Microtasks, timers and what nobody caught.
#include <algorithm>
#include <cmath>

#include "base/limit_error.h"
#include "values/operations.h"
#include "values/promise.h"
#include "values/world.h"

namespace realm::values {

void World::queue_microtask(Ref<Function> function, std::vector<Value> arguments) {
    microtasks_.push_back({.function = std::move(function), .arguments = std::move(arguments)});
}

Eventual<Value> World::run_microtasks() {
    while (!microtasks_.empty()) {
        const Microtask task = std::move(microtasks_.front());
        microtasks_.pop_front();
        const Value function(task.function);
        auto done = co_await caught(call(*this, function, Value(), task.arguments));
        if (!done) {
            if (done.error().is_fault()) {
                co_return std::unexpected(std::move(done.error()));
            }
            uncaught_.push_back(std::move(done.error().value()));
        }
        co_await check();
    }
    for (const auto& promise : std::exchange(unhandled_, {})) {
        if (!promise->is_handled()) {
            uncaught_.push_back(promise->result());
        }
    }
    co_return Value();
}

std::optional<Value> World::take_uncaught() {
    if (uncaught_.empty()) {
        return std::nullopt;
    }
    Value first = std::move(uncaught_.front());
    uncaught_.pop_front();
    return first;
}

void World::note_rejection(Ref<PromiseObject> promise) {
    unhandled_.push_back(std::move(promise));
}

void World::note_handled(const PromiseObject& promise) {
    std::erase_if(unhandled_, [&](const auto& other) { return other.get() == &promise; });
}

std::optional<double> World::next_timer() const {
    return timers_.empty() ? std::nullopt : std::optional(timers_.begin()->first.first);
}

Eventual<Value> World::run_due_timer() {
    if (timers_.empty() || timers_.begin()->first.first > services_.steady_ms()) {
        co_return Value();
    }
    auto node = timers_.extract(timers_.begin());
    const Value function(node.mapped().function);
    const std::vector<Value> arguments = node.mapped().arguments;
    if (node.mapped().repeats) {
        node.key() = {services_.steady_ms() + node.mapped().interval_ms, ++last_timer_};
        timers_.insert(std::move(node));
    }
    auto done = co_await caught(call(*this, function, Value(), arguments));
    if (!done) {
        if (done.error().is_fault()) {
            co_return std::unexpected(std::move(done.error()));
        }
        uncaught_.push_back(std::move(done.error().value()));
    }
    co_return co_await run_microtasks();
}

Completion<Value> World::add_timer(Ref<Function> function, double delay_ms, bool repeats,
                                   std::vector<Value> arguments) {
    if (timers_.size() >= limits_.max_timers) {
        return std::unexpected(Thrown(limit_error(
            {.limit = "host_timers", .setting = "limits.host_timers", .value = limits_.max_timers},
            "the program has more than " + std::to_string(limits_.max_timers) + " timers")));
    }
    // As Node: what is no delay is one millisecond.
    const double delay = delay_ms >= 1 && delay_ms <= 2147483647.0 ? std::trunc(delay_ms) : 1.0;
    const Ref<Object> handle = heap_.make<Object>(prototype_ref(Builtin::kTimeout));
    const std::uint32_t id = ++last_timer_id_;
    handle->put(key("id"), Value(id), kFixed);
    timers_.emplace(std::pair(services_.steady_ms() + delay, ++last_timer_),
                    Timer{.id = id,
                          .function = std::move(function),
                          .arguments = std::move(arguments),
                          .interval_ms = delay,
                          .repeats = repeats,
                          .handle = handle});
    return Value(handle);
}

void World::remove_timer(const Value& timer) {
    std::erase_if(timers_, [&](const auto& entry) {
        const Timer& candidate = entry.second;
        return timer.is_object() ? &timer.object() == candidate.handle.get()
                                 : timer.is_number() && timer.number() == candidate.id;
    });
}

}  // namespace realm::values
