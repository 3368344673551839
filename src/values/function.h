// Functions: our own, bound ones, and closures of the guest.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "values/object.h"

namespace realm::values {

class Function;

using Arguments = std::span<const Value>;

// One call as the function sees it. `arguments` and the function itself stay alive until the call
// is done.
struct Call {
    Value self;
    Arguments arguments;
    Function* callee = nullptr;
    // What `new` was applied to; null for a plain call.
    Object* new_target = nullptr;

    // undefined where there are fewer
    [[nodiscard]] const Value& argument(std::size_t index) const;
    [[nodiscard]] bool constructs() const { return new_target != nullptr; }
};

using Native = Eventual<Value> (*)(World& world, Call call);

class Function : public Object {
public:
    explicit Function(Ref<Object> prototype) : Object(std::move(prototype)) {}
    virtual Eventual<Value> run(World& world, Call call) = 0;
    [[nodiscard]] virtual bool is_constructor() const { return false; }
    [[nodiscard]] bool is_callable() const final { return true; }
    [[nodiscard]] std::string_view class_name() const override { return "Function"; }
};

enum class Constructs : bool { kNo, kYes };

// A function of ours, with values that it holds.
class NativeFunction : public Function {
public:
    NativeFunction(Ref<Object> prototype, std::string_view name, std::uint8_t length, Native native,
                   std::vector<Value> captured = {}, Constructs constructs = Constructs::kNo);
    Eventual<Value> run(World& world, Call call) override {
        return native_(world, std::move(call));
    }
    [[nodiscard]] bool is_constructor() const override { return constructs_ == Constructs::kYes; }
    [[nodiscard]] Value& captured(std::size_t index) { return captured_[index]; }
    void trace(Tracer& tracer) const override;
    void clear() override;

protected:
    void populate(World& world) override;

private:
    std::string_view name_;  // of a literal
    Native native_;
    std::vector<Value> captured_;
    std::uint8_t length_;
    Constructs constructs_;
};

class BoundFunction final : public Function {
public:
    BoundFunction(Ref<Object> prototype, Ref<Function> target, Value self,
                  std::vector<Value> first);
    Eventual<Value> run(World& world, Call call) override;
    [[nodiscard]] bool is_constructor() const override { return target_->is_constructor(); }
    [[nodiscard]] Function& target() const { return *target_; }
    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    Ref<Function> target_;
    Value self_;
    std::vector<Value> first_;
};

// What the embedder runs: a closure of the guest, an exported function, a class it exports.
class Callable {
public:
    Callable() = default;
    Callable(const Callable&) = delete;
    Callable& operator=(const Callable&) = delete;
    virtual ~Callable() = default;
    // May take its time. Not run again before it is done, unless a program does that.
    virtual Eventual<Value> run(World& world, Call call) = 0;
    // Names the values that it holds, and lets go of them: only where these may lead back to it.
    virtual void trace(Tracer& /*tracer*/) const {}
    virtual void clear() {}
};

class CallableFunction final : public Function {
public:
    CallableFunction(Ref<Object> prototype, std::unique_ptr<Callable> callable,
                     Constructs constructs)
        : Function(std::move(prototype)), callable_(std::move(callable)), constructs_(constructs) {}
    Eventual<Value> run(World& world, Call call) override {
        return callable_->run(world, std::move(call));
    }
    [[nodiscard]] bool is_constructor() const override { return constructs_ == Constructs::kYes; }
    [[nodiscard]] Callable& callable() const { return *callable_; }
    void trace(Tracer& tracer) const override;
    void clear() override;

private:
    std::unique_ptr<Callable> callable_;
    Constructs constructs_;
};

}  // namespace realm::values
