// JSON.stringify, with a stack of its own.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "values/bigint.h"
#include "values/collections.h"
#include "values/json.h"
#include "values/operations.h"

namespace realm::values {

namespace {

// V8 ends with a RangeError too, once its stack is used up.
constexpr std::size_t kMaxNesting = 4000;

class Writer {
public:
    explicit Writer(World& world) : world_(world) {}

    Eventual<Value> begin(Value replacer, Value space) {
        if (is_callable(replacer)) {
            replacer_ = replacer;
        } else if (is_array(replacer)) {
            co_await read_list(replacer);
        }
        Value wanted = space;
        if (const auto* const wrapper = space.as<WrapperObject>()) {
            wanted = wrapper->primitive();
        }
        if (wanted.is_number()) {
            const double count = to_integer(wanted.number());
            gap_ = world_.string(
                std::string(static_cast<std::size_t>(std::min(std::max(count, 0.0), 10.0)), ' '));
        } else if (wanted.is_string() && wanted.string().length() > 0) {
            gap_ = substring(world_.heap(), wanted.string(), 0,
                             std::min<std::size_t>(10, wanted.string().length()));
        }
        if (gap_.is_string() && gap_.string().length() == 0) {
            gap_ = {};
        }
        co_return Value();
    }

    // The whole text, or undefined.
    Eventual<Value> write(Value root) {
        const Ref<Object> holder = world_.object();
        holder->put(PropertyKey(world_.heap(), ""), root);
        const Value first = co_await prepare(Value(holder), PropertyKey(world_.heap(), ""), root);
        if (!has_json(first)) {
            co_return Value();
        }
        co_await put(first);
        while (!open_.empty()) {
            co_await world_.step();
            co_await world_.admit(out_.size());
            if (open_.back().next >= open_.back().keys.size()) {
                close();
                continue;
            }
            const PropertyKey key = open_.back().keys[open_.back().next++];
            const Value container = open_.back().container;
            const Value element = co_await get(world_, container, key);
            const Value ready = co_await prepare(container, key, element);
            const bool is_array_element = open_.back().is_array;
            if (!has_json(ready)) {
                if (is_array_element) {
                    separate();
                    out_.add("null");
                }
                continue;
            }
            separate();
            if (!is_array_element) {
                quote_json(out_, *key_text(key));
                out_.add(gap_.is_undefined() ? ":" : ": ");
            }
            co_await put(ready);
        }
        if (out_.size() > String::kMaxLength) {
            co_return world_.range_error("Invalid string length");
        }
        co_return Value(out_.make(world_.heap()));
    }

private:
    struct Open {
        Value container;
        bool is_array = false;
        bool any = false;
        std::size_t next = 0;
        std::vector<PropertyKey> keys{};
        PropertyKey from{};  // where it lies in what is around it
    };

    Ref<String> key_text(const PropertyKey& key) {
        return Ref(&key.to_value(world_.heap()).string());
    }

    Eventual<Value> read_list(Value list) {
        const std::vector<Value> elements = co_await list_from_array_like(world_, list);
        list_.emplace();
        for (const Value& element : elements) {
            const auto* const wrapper = element.as<WrapperObject>();
            const Value& plain = wrapper == nullptr ? element : wrapper->primitive();
            if (!plain.is_string() && !plain.is_number()) {
                continue;
            }
            const PropertyKey key = co_await to_property_key(world_, element);
            if (std::ranges::find(*list_, key) == list_->end()) {
                list_->push_back(key);
            }
        }
        co_return Value();
    }

    static bool has_json(const Value& value) {
        return !value.is_undefined() && !value.is_symbol() && !is_callable(value);
    }

    // toJSON, the replacer, and primitives out of their boxes.
    Eventual<Value> prepare(Value holder, PropertyKey key, Value value) {
        last_key_ = key;
        if (value.is_object() || value.is_bigint()) {
            const Value method = co_await get(world_, value, world_.names().to_json);
            if (is_callable(method)) {
                const std::array arguments{key.to_value(world_.heap())};
                value = co_await call(world_, method, value, arguments);
            }
        }
        if (!replacer_.is_undefined()) {
            const std::array arguments{key.to_value(world_.heap()), value};
            value = co_await call(world_, replacer_, holder, arguments);
        }
        if (const auto* const wrapper = value.as<WrapperObject>()) {
            if (wrapper->primitive().is_number()) {
                const double number = co_await to_number(world_, value);
                co_return Value(number);
            }
            if (wrapper->primitive().is_string()) {
                co_return Value(co_await to_string(world_, value));
            }
            co_return wrapper->primitive();
        }
        co_return value;
    }

    Eventual<Value> put(Value value) {
        switch (value.kind()) {
            case Kind::kNull:
                out_.add("null");
                break;
            case Kind::kBoolean:
                out_.add(value.boolean() ? "true" : "false");
                break;
            case Kind::kNumber:
                out_.add(std::isfinite(value.number()) ? number_to_text(value.number()) : "null");
                break;
            case Kind::kString:
                co_await world_.step(value.string().length() / 16);
                quote_json(out_, value.string());
                break;
            case Kind::kBigInt:
                co_return world_.type_error("Do not know how to serialize a BigInt");
            default:
                co_await open(value);
        }
        co_return Value();
    }

    Eventual<Value> open(Value container) {
        for (std::size_t i = 0; i < open_.size(); ++i) {
            if (open_[i].container.same_bits(container)) {
                co_return circle(i);
            }
        }
        if (open_.size() >= kMaxNesting) {
            co_return world_.range_error("Maximum call stack size exceeded");
        }
        co_await world_.step(open_.size());
        Open next{.container = container, .is_array = is_array(container), .from = last_key_};
        if (next.is_array) {
            const double length = co_await length_of(world_, container);
            co_await world_.step(static_cast<std::uint64_t>(length));
            co_await world_.admit(static_cast<std::size_t>(length) * 2 * sizeof(PropertyKey));
            for (std::uint32_t i = 0; i < length; ++i) {
                next.keys.emplace_back(i);
            }
        } else {
            std::vector<PropertyKey> keys;
            if (list_) {
                keys = *list_;
            } else {
                keys = co_await enumerable_keys(world_, container.object());
            }
            next.keys = std::move(keys);
        }
        out_.add(next.is_array ? "[" : "{");
        open_.push_back(std::move(next));
        co_return Value();
    }

    void close() {
        const Open gone = std::move(open_.back());
        open_.pop_back();
        if (gone.any) {
            new_line();
        }
        out_.add(gone.is_array ? "]" : "}");
    }

    void separate() {
        if (std::exchange(open_.back().any, true)) {
            out_.add(",");
        }
        new_line();
    }

    void new_line() {
        if (!gap_.is_undefined()) {
            out_.add("\n");
            for (std::size_t i = 0; i < open_.size(); ++i) {
                out_.add(gap_.string());
            }
        }
    }

    static std::string place(const PropertyKey& key) {
        return key.is_index() ? "index " + key.text() : "property '" + key.text() + "'";
    }

    std::unexpected<Thrown> circle(std::size_t first) {
        const auto name = [&](std::size_t index) {
            const std::string found = constructor_name(world_, open_[index].container.object());
            return "object with constructor '" + (found.empty() ? std::string("Object") : found) +
                   "'";
        };
        std::string text =
            "Converting circular structure to JSON\n    --> starting at " + name(first);
        if (first + 1 < open_.size()) {
            text += "\n    |     " + place(open_[first + 1].from) + " -> " + name(first + 1);
        }
        if (first + 3 < open_.size()) {
            text += "\n    |     ...";
        }
        if (first + 2 < open_.size()) {
            const std::size_t last = open_.size() - 1;
            text += "\n    |     " + place(open_[last].from) + " -> " + name(last);
        }
        return world_.type_error(text + "\n    --- " + place(last_key_) + " closes the circle");
    }

    World& world_;
    Value replacer_;
    std::optional<std::vector<PropertyKey>> list_;
    Value gap_;
    TextBuilder out_;
    std::vector<Open> open_;
    PropertyKey last_key_;
};

}  // namespace

void quote_json(TextBuilder& out, const String& text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    out.add("\"");
    for (std::size_t i = 0; i < text.length(); ++i) {
        const char16_t unit = text.at(i);
        const std::size_t known =
            unit < 0x80 ? std::string_view("\"\\\b\f\n\r\t").find(static_cast<char>(unit))
                        : std::string_view::npos;
        const bool is_pair = text.code_point_at(i) >= 0x10000;
        if (known != std::string_view::npos) {
            out.add("\\");
            out.add(static_cast<char16_t>(std::string_view("\"\\bfnrt")[known]));
        } else if (unit < 0x20 || (unit >= 0xD800 && unit < 0xE000 && !is_pair)) {
            out.add("\\u");
            for (unsigned shift = 16; shift > 0; shift -= 4) {
                out.add(static_cast<char16_t>(kHex[(unit >> (shift - 4)) & 0xFU]));
            }
        } else if (is_pair) {
            out.add_range(text, i, i + 2);
            ++i;
        } else {
            out.add(unit);
        }
    }
    out.add("\"");
}

Eventual<Value> stringify_json(World& world, Value value, Value replacer, Value space) {
    Writer writer(world);
    co_await writer.begin(replacer, space);
    co_return co_await writer.write(value);
}

}  // namespace realm::values
