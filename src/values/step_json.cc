#include "values/step_json.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "values/base64.h"
#include "values/bigint.h"
#include "values/buffers.h"
#include "values/calendar.h"
#include "values/collections.h"
#include "values/date_object.h"
#include "values/error_object.h"
#include "values/json.h"
#include "values/operations.h"

namespace realm::values {

namespace {

class Printer {
public:
    Printer(World& world, StepNames& names) : world_(world), names_(names) {}

    Eventual<Value> print(Value value, std::string path) {
        co_await world_.step();
        co_await world_.admit(out_.size());
        switch (value.kind()) {
            case Kind::kUndefined:
                out_.add(R"({"$undefined":true})");
                break;
            case Kind::kNumber:
                number(value.number());
                break;
            case Kind::kString:
                quote_json(out_, value.string());
                break;
            case Kind::kBigInt:
                tagged("$bigint", *primitive_to_string(world_, value));
                break;
            case Kind::kSymbol:
                tagged("$symbol", *primitive_to_string(world_, value.symbol().description()));
                break;
            case Kind::kObject:
                co_await print_object(value, std::move(path));
                break;
            default:
                out_.add(*primitive_to_string(world_, value));
        }
        co_return Value();
    }

    Value make() { return out_.make(world_.heap()); }

private:
    void tagged(std::string_view tag, const String& text) {
        out_.add("{\"");
        out_.add(tag);
        out_.add("\":");
        quote_json(out_, text);
        out_.add("}");
    }

    void number(double number) {
        if (std::isfinite(number) && (number != 0 || !std::signbit(number))) {
            out_.add(number_to_text(number));
            return;
        }
        out_.add(R"({"$number":")");
        out_.add(number == 0 ? "-0" : number_to_text(number));
        out_.add("\"}");
    }

    void bytes(std::span<const std::byte> content) {
        out_.add(R"({"$bytes":")");
        out_.add(to_base64(content));
        out_.add("\"}");
    }

    Eventual<Value> print_object(Value value, std::string path) {
        if (std::ranges::any_of(open_, [&](const Value& open) { return open.same_bits(value); })) {
            out_.add(R"({"$cycle":true})");
            co_return Value();
        }
        if (const auto known = names_.print(value.object(), path)) {
            out_.add(*make_string(world_.heap(), *known));
            co_return Value();
        }
        const World::Depth depth(world_);
        co_await depth.check();
        co_await world_.step(open_.size());
        open_.push_back(value);
        co_await print_content(value, std::move(path));
        open_.pop_back();
        co_return Value();
    }

    Eventual<Value> print_content(Value value, std::string path) {
        if (is_callable(value)) {
            out_.add(R"({"$function":true})");
        } else if (auto* const buffer = value.as<ArrayBufferObject>()) {
            co_await world_.admit(buffer->bytes().size() * 2);
            bytes(buffer->bytes());
        } else if (const auto* const view = value.as<TypedArrayObject>()) {
            co_await print_typed(*view);
        } else if (const auto* const date = value.as<DateObject>()) {
            out_.add(R"({"$date":")");
            out_.add(std::isnan(date->time()) ? "Invalid Date" : iso_text(date->time()));
            out_.add("\"}");
        } else if (is_error(value)) {
            const Value message = co_await get(world_, value, world_.names().message);
            const Ref<String> text = co_await to_string(world_, message);
            tagged("$error", *text);
        } else if (is_array(value)) {
            co_await print_array(value, std::move(path));
        } else if (auto* const table = value.as<TableObject>()) {
            co_await print_table(*table, std::move(path));
        } else {
            co_await print_plain(value, std::move(path));
        }
        co_return Value();
    }

    Eventual<Value> print_typed(const TypedArrayObject& view) {
        co_await world_.admit(view.byte_length() * 2);
        if (view.type() == ElementType::kUint8 || view.type() == ElementType::kUint8Clamped) {
            bytes(view.bytes());
            co_return Value();
        }
        out_.add("[");
        for (std::size_t i = 0; i < view.length(); ++i) {
            out_.add(i > 0 ? "," : "");
            co_await print(view.load(world_, i), "");
        }
        out_.add("]");
        co_return Value();
    }

    Eventual<Value> print_array(Value value, std::string path) {
        const double length = co_await length_of(world_, value);
        out_.add("[");
        for (double i = 0; i < length; ++i) {
            out_.add(i > 0 ? "," : "");
            const Value element = co_await get(world_, value, Value(i));
            co_await print(element, path + "." + number_to_text(i));
        }
        out_.add("]");
        co_return Value();
    }

    Eventual<Value> print_table(TableObject& table, std::string path) {
        const bool is_map = table.kind() == TableKind::kMap;
        out_.add(is_map ? R"({"$map":[)" : R"({"$set":[)");
        OrderedTable::Cursor cursor = 0;
        std::size_t count = 0;
        const bool is_weak = table.kind() >= TableKind::kWeakMap;
        while (const auto* const entry = is_weak ? nullptr : table.table().next(cursor)) {
            const Value value = entry->value;
            out_.add(count > 0 ? "," : "");
            const std::string inner = path + "." + std::to_string(count++);
            out_.add(is_map ? "[" : "");
            co_await print(entry->key, inner + (is_map ? ".0" : ""));
            if (is_map) {
                out_.add(",");
                co_await print(value, inner + ".1");
                out_.add("]");
            }
        }
        out_.add("]}");
        co_return Value();
    }

    Eventual<Value> print_plain(Value value, std::string path) {
        out_.add("{");
        bool any = false;
        const std::vector<PropertyKey> keys = co_await enumerable_keys(world_, value.object());
        for (const PropertyKey& key : keys) {
            const Value element = co_await get(world_, value, key);
            out_.add(std::exchange(any, true) ? "," : "");
            quote_json(out_, key.to_value(world_.heap()).string());
            out_.add(":");
            co_await print(element, path + "." + key.text());
        }
        out_.add("}");
        co_return Value();
    }

    World& world_;
    StepNames& names_;
    TextBuilder out_;
    std::vector<Value> open_;
};

std::unexpected<Thrown> bad_step(std::string message) {
    return std::unexpected(Thrown(
        std::move(fail(ErrorType::kInvalidRequest, "bad_step", std::move(message)).error())));
}

// Turns what JSON gave into what it stands for, from the leaves up.
class Reader {
public:
    Reader(World& world, StepNames& names) : world_(world), names_(names) {}

    Completion<Value> read(const Value& json) {
        const World::Depth depth(world_);
        if (!depth.check()) {
            return bad_step("an argument is nested too deep");
        }
        if (auto* const array = json.as<ArrayObject>()) {
            for (Value& element : array->mutable_elements()) {
                auto inner = read(element);
                if (!inner) {
                    return inner;
                }
                element = std::move(*inner);
            }
            return json;
        }
        if (!json.is_object()) {
            return json;
        }
        Object& object = json.object();
        const std::vector<PropertyKey> keys = object.list_keys(world_);
        if (!keys.empty() && keys[0].is_string() && keys[0].text().starts_with('$')) {
            return read_tagged(keys[0].text(), object);
        }
        for (const PropertyKey& key : keys) {
            auto inner = read(peek(world_, object, key));
            if (!inner) {
                return inner;
            }
            object.put(key, std::move(*inner));
        }
        return json;
    }

private:
    Completion<Value> read_tagged(const std::string& tag, Object& object) {
        const Value content = peek(world_, object, world_.key(tag));
        if (tag == "$undefined") {
            return Value();
        }
        if (tag == "$map" || tag == "$set") {
            return read_table(tag == "$map", content);
        }
        if (!content.is_string()) {
            return bad_step("\"" + tag + "\" needs a string");
        }
        const std::string text = content.string().utf8();
        if (tag == "$ref") {
            auto found = names_.find(text);
            return found ? Completion<Value>(std::move(*found))
                         : bad_step("no step gave \"" + text + "\"");
        }
        if (tag == "$callback") {
            auto returns = read(peek(world_, object, world_.key("returns")));
            return returns ? Completion<Value>(names_.callback(text, *returns))
                           : std::move(returns);
        }
        if (tag == "$array") {
            return read_typed(text, peek(world_, object, world_.key("values")));
        }
        return read_text(tag, text, content.string());
    }

    Completion<Value> read_text(const std::string& tag, const std::string& text,
                                const String& content) {
        if (tag == "$bigint") {
            auto parsed = parse_bigint(world_, content);
            if (parsed && *parsed) {
                return std::move(**parsed);
            }
            return bad_step("\"" + text + "\" is no integer");
        }
        if (tag == "$bytes") {
            const auto bytes = from_base64(text);
            if (!bytes) {
                return bad_step("\"$bytes\" needs base 64");
            }
            auto made = make_bytes(world_, *bytes);
            return made ? Completion<Value>(Value(*made))
                        : std::unexpected(std::move(made.error()));
        }
        if (tag == "$number") {
            return Value(text_to_number(content));
        }
        if (tag == "$date") {
            return Value(world_.heap().make<DateObject>(world_.prototype_ref(Builtin::kDate),
                                                        parse_time(text)));
        }
        if (tag == "$error") {
            return Value(make_error(world_, Builtin::kError, text));
        }
        if (tag == "$symbol") {
            return Value(world_.heap().make<Symbol>(world_.string(text)));
        }
        return bad_step("\"" + tag + "\" is no form of a value");
    }

    Completion<Value> read_table(bool is_map, const Value& content) {
        const auto* const list = content.as<ArrayObject>();
        if (list == nullptr) {
            return bad_step(is_map ? "\"$map\" needs an array of pairs"
                                   : "\"$set\" needs an array");
        }
        const auto made = world_.heap().make<TableObject>(
            world_.prototype_ref(is_map ? Builtin::kMap : Builtin::kSet),
            is_map ? TableKind::kMap : TableKind::kSet);
        if (auto elements = read(content); !elements) {
            return elements;
        }
        for (const Value& element : list->elements()) {
            const auto* const pair = element.as<ArrayObject>();
            if (is_map && (pair == nullptr || pair->length() != 2)) {
                return bad_step("\"$map\" needs an array of pairs");
            }
            if (is_map) {
                made->table().set(pair->elements()[0], pair->elements()[1]);
            } else {
                made->table().set(element, Value());
            }
        }
        made->recount();
        return Value(made);
    }

    Completion<Value> read_typed(const std::string& name, const Value& values) {
        for (auto type = ElementType::kInt8; type <= ElementType::kBigUint64;
             type = static_cast<ElementType>(static_cast<int>(type) + 1)) {
            if (spec_of(builtin_of(type)).name != name) {
                continue;
            }
            auto list = read(values);
            const auto* const array = list ? list->as<ArrayObject>() : nullptr;
            if (array == nullptr) {
                return list ? bad_step("\"values\" needs an array") : std::move(list);
            }
            auto made = make_typed_array(world_, type, static_cast<double>(array->length()));
            if (!made) {
                return std::unexpected(std::move(made.error()));
            }
            for (std::size_t i = 0; i < array->length(); ++i) {
                const Value& element = array->elements()[i];
                if (is_big(type) ? !element.is_bigint() : !element.is_number()) {
                    return bad_step("an element of \"" + name + "\" is no number for it");
                }
                (*made)->store(i, element);
            }
            return Value(*made);
        }
        return bad_step("\"" + name + "\" is no class of arrays");
    }

    World& world_;
    StepNames& names_;
};

}  // namespace

Eventual<Value> print_step(World& world, Value value, StepNames& names) {
    Printer printer(world, names);
    co_await printer.print(value, "");
    co_return printer.make();
}

Completion<Value> read_step(World& world, std::string_view json, StepNames& names) {
    const Ref<String> text = make_string(world.heap(), json);
    auto parsed = parse_json(world, *text);
    if (!parsed) {
        return parsed.error().is_fault() ? std::move(parsed)
                                         : bad_step(message_of(world, parsed.error().value()));
    }
    return Reader(world, names).read(*parsed);
}

}  // namespace realm::values
