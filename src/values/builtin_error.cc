// Error and its kin.
#include <array>

#include "values/builtin_specs.h"
#include "values/error_object.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

// What new Error(message, {cause}) makes; `first` is where its message is among the arguments.
template <Builtin kBuiltin, std::size_t kFirst>
Eventual<Value> error_construct(World& world, Call call) {
    const Names& names = world.names();
    if (call.new_target == nullptr) {
        call.new_target = call.callee;
    }
    const auto made = world.heap().make<ErrorObject>(world.prototype_for(call, kBuiltin));
    const Value error(made);
    std::string head(spec_of(kBuiltin).name);
    const Value name = peek(world, *made, names.name);
    if (name.is_string()) {
        head = name.string().utf8();
    }
    made->put(names.stack, Value(), kHidden);
    if (!call.argument(kFirst).is_undefined()) {
        const Ref<String> message = co_await to_string(world, call.argument(kFirst));
        made->put(names.message, message, kHidden);
        if (message->length() > 0) {
            head += ": " + message->utf8();
        }
    }
    const Value options = call.argument(kFirst + 1);
    if (options.is_object() && has_property(world, options.object(), names.cause)) {
        const Value cause = co_await get(world, options, names.cause);
        made->put(names.cause, cause, kHidden);
    }
    if constexpr (kFirst == 1) {
        std::vector<Value> errors = co_await list_from_iterable(world, call.argument(0));
        made->put(names.errors, world.array(std::move(errors)), kHidden);
    }
    made->put(names.stack, world.string(head + "\n    at <anonymous>"), kHidden);
    co_return error;
}

Eventual<Value> error_text(World& world, Call call) {
    if (!call.self.is_object()) {
        co_return world.type_error("Error.prototype.toString requires that 'this' be a JSReceiver");
    }
    const Value name = co_await get(world, call.self, world.names().name);
    const Value message = co_await get(world, call.self, world.names().message);
    Ref<String> name_text = world.heap().intern("Error");
    if (!name.is_undefined()) {
        name_text = co_await to_string(world, name);
    }
    Ref<String> message_text = world.heap().intern("");
    if (!message.is_undefined()) {
        message_text = co_await to_string(world, message);
    }
    if (message_text->length() == 0) {
        co_return Value(name_text);
    }
    if (name_text->length() == 0) {
        co_return Value(message_text);
    }
    TextBuilder out;
    out.add(*name_text);
    out.add(": ");
    out.add(*message_text);
    co_return Value(out.make(world.heap()));
}

// There is no stack to write down.
Eventual<Value> capture_stack_trace(World& world, Call call) {
    if (call.argument(0).is_object()) {
        Object& object = call.argument(0).object();
        const Value name = peek(world, object, world.names().name);
        const Value message = peek(world, object, world.names().message);
        std::string head = name.is_string() ? name.string().utf8() : "Error";
        if (message.is_string() && message.string().length() > 0) {
            head += ": " + message.string().utf8();
        }
        auto defined = object.define_own(world, world.names().stack,
                                         {.value = world.string(head + "\n    at <anonymous>"),
                                          .writable = true,
                                          .enumerable = false,
                                          .configurable = true});
        if (!defined) {
            return std::unexpected(std::move(defined.error()));
        }
    }
    return Value();
}

template <Builtin kBuiltin>
void more(World& world, Object& prototype) {
    prototype.put(world.names().name, world.string(spec_of(kBuiltin).name), kHidden);
    prototype.put(world.names().message, world.string(""), kHidden);
}

void more_statics(World& world, Object& constructor) {
    constructor.put(world.key("stackTraceLimit"), Value(10));
}

constexpr std::array kMethods{MethodSpec{"toString", error_text, 0}};
constexpr std::array kStatics{MethodSpec{"captureStackTrace", capture_stack_trace, 2}};

template <Builtin kBuiltin>
constexpr BuiltinSpec derived(std::string_view name) {
    return {.name = name,
            .construct = error_construct<kBuiltin, 0>,
            .length = 1,
            .parent = Builtin::kError,
            .more = more<kBuiltin>};
}

constexpr BuiltinSpec kErrorSpec{.name = "Error",
                                 .construct = error_construct<Builtin::kError, 0>,
                                 .length = 1,
                                 .methods = kMethods,
                                 .statics = kStatics,
                                 .more = more<Builtin::kError>,
                                 .more_statics = more_statics};
constexpr BuiltinSpec kTypeErrorSpec = derived<Builtin::kTypeError>("TypeError");
constexpr BuiltinSpec kRangeErrorSpec = derived<Builtin::kRangeError>("RangeError");
constexpr BuiltinSpec kSyntaxErrorSpec = derived<Builtin::kSyntaxError>("SyntaxError");
constexpr BuiltinSpec kReferenceErrorSpec = derived<Builtin::kReferenceError>("ReferenceError");
constexpr BuiltinSpec kEvalErrorSpec = derived<Builtin::kEvalError>("EvalError");
constexpr BuiltinSpec kUriErrorSpec = derived<Builtin::kUriError>("URIError");
constexpr BuiltinSpec kAggregateErrorSpec{.name = "AggregateError",
                                          .construct = error_construct<Builtin::kAggregateError, 1>,
                                          .length = 2,
                                          .parent = Builtin::kError,
                                          .more = more<Builtin::kAggregateError>};

// --- DOMException --------------------------------------------------------------------------------

Eventual<Value> dom_exception_construct(World& world, Call call) {
    if (!call.constructs()) {
        co_return requires_new(world, "DOMException");
    }
    const auto made =
        world.heap().make<ErrorObject>(world.prototype_for(call, Builtin::kDomException));
    const Value error(made);
    Ref<String> message = world.heap().intern("");
    if (!call.argument(0).is_undefined()) {
        message = co_await to_string(world, call.argument(0));
    }
    Ref<String> name = world.heap().intern("Error");
    if (!call.argument(1).is_undefined()) {
        name = co_await to_string(world, call.argument(1));
    }
    made->put(world.names().name, name, kHidden);
    made->put(world.names().message, message, kHidden);
    made->put(world.names().stack,
              world.string(name->utf8() + ": " + message->utf8() + "\n    at <anonymous>"),
              kHidden);
    co_return error;
}

}  // namespace

const BuiltinSpec& error_spec(Builtin builtin) {
    switch (builtin) {
        case Builtin::kTypeError:
            return kTypeErrorSpec;
        case Builtin::kRangeError:
            return kRangeErrorSpec;
        case Builtin::kSyntaxError:
            return kSyntaxErrorSpec;
        case Builtin::kReferenceError:
            return kReferenceErrorSpec;
        case Builtin::kEvalError:
            return kEvalErrorSpec;
        case Builtin::kUriError:
            return kUriErrorSpec;
        case Builtin::kAggregateError:
            return kAggregateErrorSpec;
        default:
            return kErrorSpec;
    }
}

constinit const BuiltinSpec kDomExceptionSpec{.name = "DOMException",
                                              .construct = dom_exception_construct,
                                              .parent = Builtin::kError,
                                              .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
