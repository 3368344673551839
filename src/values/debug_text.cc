// What wasm-bindgen's own debugString gives: what Rust prints for {:?} of a JsValue.
#include "values/display.h"
#include "values/error_object.h"
#include "values/json.h"
#include "values/operations.h"

namespace realm::values {

namespace {

class DebugWriter {
public:
    explicit DebugWriter(World& world) : world_(world) {}

    Eventual<Value> write(Value value) {
        const World::Depth depth(world_);
        co_await depth.check();
        co_await world_.step();
        co_await world_.admit(out_.size());
        switch (value.kind()) {
            case Kind::kString:
                out_.add("\"");
                out_.add(value.string());
                out_.add("\"");
                break;
            case Kind::kSymbol:
                add_symbol(value.symbol());
                break;
            case Kind::kBigInt:
                out_.add("BigInt");
                break;
            case Kind::kObject:
                co_await write_object(value);
                break;
            default:
                out_.add(*primitive_to_string(world_, value));
        }
        co_return Value();
    }

    Ref<String> make() { return out_.make(world_.heap()); }

private:
    void add_symbol(const Symbol& symbol) {
        out_.add("Symbol");
        if (symbol.description().is_string()) {
            out_.add("(");
            out_.add(symbol.description().string());
            out_.add(")");
        }
    }

    Eventual<Value> write_object(Value value) {
        if (is_callable(value)) {
            const Value name = co_await get(world_, value, world_.names().name);
            out_.add("Function");
            if (name.is_string() && name.string().length() > 0) {
                out_.add("(");
                out_.add(name.string());
                out_.add(")");
            }
            co_return Value();
        }
        if (is_array(value)) {
            co_return co_await write_array(value);
        }
        const Value method =
            peek(world_, world_.prototype(Builtin::kObject), world_.names().to_string);
        const Value tagged = co_await call(world_, method, value, {});
        const std::string text = tagged.string().utf8();
        const std::size_t end = text.find(']');
        if (end <= 8 || end == std::string::npos) {
            out_.add(tagged.string());
            co_return Value();
        }
        const std::string class_name = text.substr(8, end - 8);
        if (class_name == "Object") {
            co_return co_await write_as_json(value);
        }
        const bool is_failure =
            co_await instance_of(world_, value, Value::of(world_.constructor(Builtin::kError)));
        if (is_failure) {
            co_return co_await write_error(value);
        }
        out_.add(*make_string(world_.heap(), class_name));
        co_return Value();
    }

    Eventual<Value> write_array(Value value) {
        const double length = co_await length_of(world_, value);
        out_.add("[");
        for (double i = 0; i < length; ++i) {
            if (i > 0) {
                out_.add(", ");
            }
            const Value element = co_await get(world_, value, Value(i));
            co_await write(element);
        }
        out_.add("]");
        co_return Value();
    }

    Eventual<Value> write_as_json(Value value) {
        auto json = co_await caught(stringify_json(world_, value, Value(), Value()));
        if (!json && json.error().is_fault()) {
            co_return std::unexpected(std::move(json.error()));
        }
        out_.add("Object");
        if (json) {
            out_.add("(");
            out_.add(*primitive_to_string(world_, *json));
            out_.add(")");
        }
        co_return Value();
    }

    Eventual<Value> write_error(Value value) {
        const Value name = co_await get(world_, value, world_.names().name);
        const Value message = co_await get(world_, value, world_.names().message);
        const Value stack = co_await get(world_, value, world_.names().stack);
        const Ref<String> name_text = co_await to_string(world_, name);
        const Ref<String> message_text = co_await to_string(world_, message);
        const Ref<String> stack_text = co_await to_string(world_, stack);
        out_.add(*name_text);
        out_.add(": ");
        out_.add(*message_text);
        out_.add("\n");
        out_.add(*stack_text);
        co_return Value();
    }

    World& world_;
    TextBuilder out_;
};

}  // namespace

Eventual<Ref<String>> debug_text(World& world, Value value) {
    DebugWriter writer(world);
    co_await writer.write(value);
    co_return writer.make();
}

}  // namespace realm::values
