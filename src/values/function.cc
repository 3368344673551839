#include "values/function.h"

#include "values/operations.h"
#include "values/world.h"

namespace realm::values {

namespace {

constexpr Value kUndefined;

void trace_all(Tracer& tracer, const std::vector<Value>& values) {
    for (const Value& value : values) {
        value.trace(tracer);
    }
}

}  // namespace

const Value& Call::argument(std::size_t index) const {
    return index < arguments.size() ? arguments[index] : kUndefined;
}

NativeFunction::NativeFunction(Ref<Object> prototype, std::string_view name, std::uint8_t length,
                               Native native, std::vector<Value> captured, Constructs constructs)
    : Function(std::move(prototype)),
      name_(name),
      native_(native),
      captured_(std::move(captured)),
      length_(length),
      constructs_(constructs) {
    charge_for(captured_.capacity() * sizeof(Value));
    be_lazy();
}

void NativeFunction::populate(World& world) {
    put(world.names().length, Value(static_cast<double>(length_)), kConfigurable);
    put(world.names().name, world.string(name_), kConfigurable);
}

void NativeFunction::trace(Tracer& tracer) const {
    Function::trace(tracer);
    trace_all(tracer, captured_);
}

void NativeFunction::clear() {
    Function::clear();
    const std::vector<Value> gone = std::move(captured_);
    captured_.assign(gone.size(), Value());
}

BoundFunction::BoundFunction(Ref<Object> prototype, Ref<Function> target, Value self,
                             std::vector<Value> first)
    : Function(std::move(prototype)),
      target_(std::move(target)),
      self_(std::move(self)),
      first_(std::move(first)) {
    charge_for(first_.capacity() * sizeof(Value));
}

Eventual<Value> BoundFunction::run(World& world, Call call) {
    std::vector<Value> arguments = first_;
    arguments.insert(arguments.end(), call.arguments.begin(), call.arguments.end());
    const Ref<Function> target = target_;
    if (call.constructs()) {
        Object& new_target = call.new_target == this ? *target : *call.new_target;
        co_return co_await construct(world, *target, arguments, new_target);
    }
    const Value self = self_;
    co_return co_await values::call(world, Value(target), self, arguments);
}

void BoundFunction::trace(Tracer& tracer) const {
    Function::trace(tracer);
    if (target_) {
        tracer.visit(*target_);
    }
    self_.trace(tracer);
    trace_all(tracer, first_);
}

void BoundFunction::clear() {
    Function::clear();
    // Garbage that nobody calls any more.
    target_ = {};
    self_ = {};
    first_.clear();
}

void CallableFunction::trace(Tracer& tracer) const {
    Function::trace(tracer);
    callable_->trace(tracer);
}

void CallableFunction::clear() {
    Function::clear();
    callable_->clear();
}

}  // namespace realm::values
