// The classes of the module, what the package exports, and the module's closures.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "sandbox/bindgen_host.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"
#include "values/convert.h"
#include "values/operations.h"

namespace realm::sandbox {

using glue::ExportKind;
using values::Constructs;
using values::Eventual;
using JsValue = values::Value;

// A function that the package exports.
class BindgenHost::PackageFunction final : public values::Callable {
public:
    PackageFunction(BindgenHost& host, const glue::Export& exported)
        : host_(host), exported_(exported) {}

    Eventual<JsValue> run(values::World& world, values::Call call) override {
        if (!exported_.unsupported.empty()) {
            return world.fail(values::Builtin::kError,
                              fmt::format("'{}' cannot be called here: {}", exported_.name,
                                          exported_.unsupported));
        }
        const std::span<const JsValue> nothing;
        return host_.call_function(exported_.function, nothing, std::move(call.self),
                                   call.arguments);
    }

private:
    BindgenHost& host_;
    const glue::Export& exported_;
};

// `new Class(...)`.
class BindgenHost::ClassConstructor final : public values::Callable {
public:
    ClassConstructor(BindgenHost& host, const glue::Class& made, const glue::Export* constructor)
        : host_(host), class_(made), constructor_(constructor) {}

    Eventual<JsValue> run(values::World& world, values::Call call) override {
        if (!call.constructs()) {
            co_return world.type_error("Class constructor " + class_.name +
                                       " cannot be invoked without 'new'");
        }
        const bool derived = !class_.parent.empty() || !class_.builtin_parent.empty();
        JsValue self;
        if (!derived) {
            self = JsValue(world.heap().make<values::Object>(
                world.prototype_for(call, values::Builtin::kObject)));
        } else if (constructor_ == nullptr) {
            const JsValue parent = JsValue::of(*call.callee->prototype());
            if (!values::is_constructor(parent)) {
                co_return world.type_error("Super constructor of " + class_.name +
                                           " is not a constructor");
            }
            self =
                co_await values::construct(world, static_cast<values::Function&>(parent.object()),
                                           call.arguments, *call.new_target);
        }
        if (constructor_ == nullptr) {
            co_return self;
        }
        if (!constructor_->unsupported.empty()) {
            co_return world.fail(values::Builtin::kError,
                                 fmt::format("'{}' cannot be made here: {}", class_.name,
                                             constructor_->unsupported));
        }
        const std::span<const JsValue> nothing;
        JsValue made = co_await host_.call_function(constructor_->function, nothing, self,
                                                    call.arguments, call.new_target);
        if (!made.is_object() && derived) {
            co_return world.fail(values::Builtin::kReferenceError,
                                 "Must call super constructor in derived class before accessing "
                                 "'this' or returning from derived constructor");
        }
        co_return made.is_object() ? made : self;
    }

private:
    BindgenHost& host_;
    const glue::Class& class_;
    const glue::Export* constructor_;
};

values::Completion<JsValue> BindgenHost::class_value(std::uint32_t index) {
    if (index >= classes_.size()) {
        return world_.fail(values::Builtin::kReferenceError, "the class is not defined");
    }
    if (!classes_[index].constructor) {
        if (auto made = make_class(index); !made) {
            return std::unexpected(std::move(made.error()));
        }
    }
    return JsValue(classes_[index].constructor);
}

values::Completion<JsValue> BindgenHost::allocate(std::uint32_t index) {
    auto made = class_value(index);
    if (!made) {
        return made;
    }
    return JsValue(world_.heap().make<values::Object>(classes_[index].prototype));
}

std::uint32_t BindgenHost::class_of(const values::Object& object) const {
    for (const values::Object* at = object.prototype(); at != nullptr; at = at->prototype()) {
        if (const auto found = prototypes_.find(at); found != prototypes_.end()) {
            return found->second;
        }
    }
    return kNoClass;
}

values::Completion<void> BindgenHost::make_class(std::uint32_t index) {
    const glue::Bindings& bindings = plan_->bindings();
    const glue::Class& described = bindings.classes[index];
    const auto own = std::ranges::find_if(bindings.exports, [&](const glue::Export& member) {
        return member.class_name == described.name && member.kind == ExportKind::kConstructor;
    });
    const glue::Export* const constructor = own == bindings.exports.end() ? nullptr : &*own;
    ClassState made;
    const std::string& name = described.exported.empty() ? described.name : described.exported;
    made.constructor = world_.function(
        name,
        constructor == nullptr ? 0 : static_cast<std::uint32_t>(constructor->parameters.size()),
        std::make_unique<ClassConstructor>(*this, described, constructor), Constructs::kYes);
    auto prototype =
        values::get(world_, JsValue(made.constructor), world_.names().prototype).take();
    if (!prototype) {
        return std::unexpected(std::move(prototype.error()));
    }
    made.prototype = values::Ref(&prototype->object());
    if (!described.parent.empty()) {
        const std::uint32_t parent = plan_->class_named(described.parent);
        if (parent < classes_.size() && !making_.contains(parent)) {
            making_.insert(index);
            auto above = class_value(parent);
            making_.erase(index);
            if (!above) {
                return std::unexpected(std::move(above.error()));
            }
            made.prototype->set_prototype(classes_[parent].prototype);
            made.constructor->set_prototype(classes_[parent].constructor);
        }
    }
    if (!described.builtin_parent.empty()) {
        if (auto derived = derive(made, described.builtin_parent); !derived) {
            return derived;
        }
    }
    for (const glue::Export& member : bindings.exports) {
        if (member.class_name == described.name) {
            add_member(made, member);
        }
    }
    prototypes_.emplace(made.prototype.get(), index);
    classes_[index] = std::move(made);
    return {};
}

// From a class of JavaScript's own.
values::Completion<void> BindgenHost::derive(ClassState& made, const std::string& parent) {
    const JsValue above = values::peek(world_, world_.global(), world_.key(parent));
    if (!values::is_constructor(above)) {
        return world_.fail(values::Builtin::kReferenceError, parent + " is not defined");
    }
    const JsValue prototype = values::peek(world_, above, "prototype");
    made.constructor->set_prototype(values::Ref(&above.object()));
    if (prototype.is_object()) {
        made.prototype->set_prototype(values::Ref(&prototype.object()));
    }
    return {};
}

// The key of a member: @@x is Symbol.x. Nothing for a symbol that is not there.
std::optional<values::PropertyKey> BindgenHost::member_key(std::string_view name) {
    constexpr std::string_view kSymbol = "@@";
    if (!name.starts_with(kSymbol)) {
        return world_.key(name);
    }
    const JsValue symbol = values::peek(world_, world_.constructor(values::Builtin::kSymbol),
                                        world_.key(name.substr(kSymbol.size())));
    return symbol.is_symbol() ? std::optional(values::PropertyKey(values::Ref(&symbol.symbol())))
                              : std::nullopt;
}

void BindgenHost::add_member(ClassState& made, const glue::Export& member) {
    const auto known = member_key(member.name);
    if (!known) {
        return;
    }
    const values::PropertyKey& key = *known;
    const auto function = [&] {
        return JsValue(world_.function(member.name,
                                       static_cast<std::uint32_t>(member.parameters.size()),
                                       std::make_unique<PackageFunction>(*this, member)));
    };
    const auto accessor = [&](values::Object& object, bool sets) {
        const auto before = object.own_property(world_, key);
        JsValue getter;
        JsValue setter;
        if (before && before->is_accessor()) {
            const auto& pair = static_cast<const values::AccessorPair&>(before->value.cell());
            getter = pair.getter();
            setter = pair.setter();
        }
        (sets ? setter : getter) = function();
        object.put_accessor(key, std::move(getter), std::move(setter), values::kConfigurable);
    };
    switch (member.kind) {
        case ExportKind::kMethod:
            made.prototype->put(key, function(), values::kHidden);
            break;
        case ExportKind::kStaticMethod:
            made.constructor->put(key, function(), values::kHidden);
            break;
        case ExportKind::kGetter:
        case ExportKind::kSetter:
            accessor(*made.prototype, member.kind == ExportKind::kSetter);
            break;
        case ExportKind::kStaticGetter:
        case ExportKind::kStaticSetter:
            accessor(*made.constructor, member.kind == ExportKind::kStaticSetter);
            break;
        case ExportKind::kFunction:
        case ExportKind::kConstructor:
            break;
    }
}

values::Completion<values::Object*> BindgenHost::exports() {
    if (exports_) {
        return exports_.get();
    }
    const glue::Bindings& bindings = plan_->bindings();
    const auto object = world_.object();
    for (std::uint32_t i = 0; i < bindings.classes.size(); ++i) {
        if (bindings.classes[i].exported.empty()) {
            continue;
        }
        auto made = class_value(i);
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        object->put(world_.key(bindings.classes[i].exported), std::move(*made));
    }
    for (const glue::Export& exported : bindings.exports) {
        if (exported.kind == ExportKind::kFunction) {
            object->put(world_.key(exported.name),
                        JsValue(world_.function(
                            exported.name, static_cast<std::uint32_t>(exported.parameters.size()),
                            std::make_unique<PackageFunction>(*this, exported))));
        }
    }
    for (const auto& [name, constant] : bindings.exported_constants) {
        auto value = constant_named(constant);
        if (!value) {
            return std::unexpected(std::move(value.error()));
        }
        object->put(world_.key(name), std::move(*value));
    }
    exports_ = object;
    return exports_.get();
}

// --- Closures ------------------------------------------------------------------------------------

// A closure of the guest's, which it gave to JavaScript. The reference count begins at one, which
// is the guest's own; a call that runs counts too.
class BindgenHost::ClosureFunction final : public values::Callable {
public:
    ClosureFunction(BindgenHost& host, const glue::Closure& closure, std::uint32_t a,
                    std::uint32_t b)
        : host_(host), closure_(closure), a_(a), b_(b) {}

    Eventual<JsValue> run(values::World& /*world*/, values::Call call) override {
        const values::Ref<values::Function> alive(call.callee);
        ++references_;
        const std::uint32_t a = a_;
        if (closure_.kind == glue::ClosureKind::kExclusive) {
            a_ = 0;
        }
        std::vector<JsValue> arguments;
        arguments.reserve(call.arguments.size() + 2);
        arguments.emplace_back(a);
        arguments.emplace_back(b_);
        arguments.insert(arguments.end(), call.arguments.begin(), call.arguments.end());
        const std::span<const JsValue> nothing;
        auto result = co_await values::caught(
            host_.call_function(closure_.function, nothing, JsValue(), arguments));
        if (closure_.kind == glue::ClosureKind::kExclusive) {
            a_ = a;
        }
        if (--references_ == 0) {
            a_ = 0;
            auto destroyed = co_await values::caught(host_.destroy_closure(closure_, a, b_));
            if (!destroyed && result) {
                result = std::move(destroyed);
            }
        }
        co_return std::move(result);
    }

    Eventual<JsValue> release(bool destroys) {
        if (references_ == 0) {
            co_return JsValue(false);
        }
        --references_;
        if (references_ != 0) {
            co_return JsValue(false);
        }
        const std::uint32_t a = std::exchange(a_, 0);
        if (destroys) {
            static_cast<void>(co_await host_.destroy_closure(closure_, a, b_));
        }
        co_return JsValue(true);
    }

private:
    BindgenHost& host_;
    const glue::Closure& closure_;
    std::uint32_t a_;
    std::uint32_t b_;
    std::uint32_t references_ = 1;
};

JsValue BindgenHost::closure(std::uint32_t index, std::uint32_t a, std::uint32_t b) {
    const glue::Closure& described = plan_->bindings().closures[index];
    return JsValue(
        world_.function("", 0, std::make_unique<ClosureFunction>(*this, described, a, b)));
}

Eventual<JsValue> BindgenHost::release_closure(JsValue function, bool destroys) {
    auto* const callable = function.as<values::CallableFunction>();
    auto* const closure =
        callable == nullptr ? nullptr : dynamic_cast<ClosureFunction*>(&callable->callable());
    if (closure == nullptr) {
        co_return JsValue(false);
    }
    JsValue last = co_await closure->release(destroys);
    co_return last;
}

Eventual<JsValue> BindgenHost::destroy_closure(const glue::Closure& closure, std::uint32_t a,
                                               std::uint32_t b) {
    const GuestFunction* destroy = nullptr;
    std::optional<GuestFunction> found;
    if (!closure.destroy.empty()) {
        destroy = co_await wasm_function(closure.destroy);
    } else if (closure.destroy_index) {
        const auto table = instance_.find_export(plan_->bindings().helpers.function_table);
        wasmtime_val_t entry{};
        if (!table || table->kind != WASMTIME_EXTERN_TABLE ||
            !wasmtime_table_get(context(), &table->of.table, *closure.destroy_index, &entry) ||
            entry.kind != WASMTIME_FUNCREF || wasmtime_funcref_is_null(&entry.of.funcref)) {
            co_return std::unexpected(values::Thrown(
                make_error(ErrorType::kProgramTrap, "bad_closure",
                           fmt::format("program '{}' has no function {} to destroy a closure with",
                                       instance_.program_name(), *closure.destroy_index))));
        }
        found = function_of(entry.of.funcref, "closure's destructor");
        destroy = &*found;
    } else {
        co_return JsValue();
    }
    static_cast<void>(co_await call_words(*destroy, a, b));
    co_return JsValue();
}

}  // namespace realm::sandbox
