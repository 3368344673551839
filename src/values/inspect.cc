// Values as Node's util.inspect writes them.
#include <algorithm>
#include <array>
#include <cmath>

#include "values/buffers.h"
#include "values/calendar.h"
#include "values/collections.h"
#include "values/date_object.h"
#include "values/display.h"
#include "values/error_object.h"
#include "values/inspect_layout.h"
#include "values/operations.h"
#include "values/promise.h"

namespace realm::values {

namespace {

// Deeper objects are named only; more elements are counted only.
constexpr std::size_t kMaxDepth = 2;
constexpr std::size_t kMaxElements = 100;
// Of a string within something; of everything, as long as the memory for it is our own.
constexpr std::size_t kMaxString = 10'000;
constexpr std::size_t kMaxText = std::size_t{1} << 20U;
constexpr std::size_t kMaxObjects = 10'000;
// What has more properties of its own is not shown as one piece of text.
constexpr std::size_t kFewKeys = 1000;

std::string quoted(const std::string& text) {
    const bool has_single = text.find('\'') != std::string::npos;
    const bool has_double = text.find('"') != std::string::npos;
    const bool has_back = text.find('`') != std::string::npos;
    const char quote = !has_single ? '\'' : (!has_double ? '"' : (!has_back ? '`' : '\''));
    std::string out(1, quote);
    for (const char c : text) {
        constexpr std::string_view kHex = "0123456789ABCDEF";
        const std::size_t known = std::string_view("\b\t\n\f\r").find(c);
        if (c == quote || c == '\\') {
            out += '\\';
            out += c;
        } else if (known != std::string_view::npos) {
            out += '\\';
            out += "btnfr"[known];
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            out += "\\x";
            out += kHex[static_cast<unsigned char>(c) >> 4U];
            out += kHex[static_cast<unsigned char>(c) & 0xFU];
        } else {
            out += c;
        }
    }
    return out + quote;
}

bool is_identifier(std::string_view text) {
    const auto is_start = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !text.empty() && is_start(text[0]) &&
           std::ranges::all_of(text, [&](char c) { return is_start(c) || (c >= '0' && c <= '9'); });
}

class Inspector {
public:
    explicit Inspector(World& world) : world_(world) {}

    std::string show(const Value& value, std::size_t depth, std::size_t indent) {
        if (value.is_string()) {
            return show_string(value.string());
        }
        if (value.is_number() && value.number() == 0 && std::signbit(value.number())) {
            return "-0";
        }
        if (value.is_bigint()) {
            return primitive_to_string(world_, value)->utf8() + "n";
        }
        if (!value.is_object()) {
            return describe(world_, value);
        }
        if (std::ranges::any_of(open_, [&](const Value& open) { return open.same_bits(value); })) {
            circular_ = value;
            return "[Circular *1]";
        }
        return show_object(value, depth, indent);
    }

private:
    std::string show_string(const String& text) {
        const std::size_t length = text.length();
        const std::size_t shown = std::min(length, kMaxString);
        written_ += shown;
        std::string out = quoted(substring(world_.heap(), text, 0, shown)->utf8());
        if (shown < length) {
            const std::size_t rest = length - shown;
            out += "... " + std::to_string(rest) + " more character" + (rest > 1 ? "s" : "");
        }
        return out;
    }

    std::string show_object(const Value& value, std::size_t depth, std::size_t indent) {
        Object& object = value.object();
        std::string name = constructor_name(world_, object);
        const bool has_prototype = object.prototype() != nullptr;
        if (name.empty()) {
            name = has_prototype ? "Object" : "[Object: null prototype]";
        }
        if (const auto simple = show_simple(value, name)) {
            return *simple;
        }
        if (depth > kMaxDepth) {
            return "[" +
                   (is_array(value) ? std::string("Array")
                                    : (has_prototype ? name : "Object: null prototype")) +
                   "]";
        }
        if (++objects_ > kMaxObjects || written_ > kMaxText || !world_.step(1 + open_.size())) {
            return "...";
        }
        deepest_ = depth;
        open_.push_back(value);
        Shown shown = list_entries(value, name, depth, indent);
        open_.pop_back();
        std::string text = lay_out(shown, indent, deepest_ - depth);
        if (circular_.same_bits(value)) {
            circular_ = {};
            text = "<ref *1> " + text;
        }
        return text;
    }

    // What takes one piece of text and has no properties to show.
    std::optional<std::string> show_simple(const Value& value, const std::string& name) {
        bool is_bare = false;
        if (value.object().key_count(world_) <= kFewKeys) {
            const auto keys = enumerable_keys(world_, value.object());
            is_bare = keys && keys->empty();
        }
        if (is_callable(value) && is_bare) {
            const Value own = peek(world_, value.object(), world_.names().name);
            const std::string text = own.is_string() ? own.string().utf8() : "";
            if (value.as<CallableFunction>() != nullptr && is_constructor(value)) {
                return "[class " + (text.empty() ? "(anonymous)" : text) + "]";
            }
            return text.empty() ? "[Function (anonymous)]" : "[Function: " + text + "]";
        }
        if (is_error(value) && is_bare) {
            const Value stack = peek(world_, value.object(), world_.names().stack);
            return stack.is_string() ? stack.string().utf8() : "[" + name + "]";
        }
        if (const auto* const date = value.as<DateObject>(); date != nullptr && is_bare) {
            return std::isnan(date->time()) ? "Invalid Date" : iso_text(date->time());
        }
        if (const auto* const wrapper = value.as<WrapperObject>()) {
            return "[" + name + ": " + show(wrapper->primitive(), 0, 0) + "]";
        }
        return std::nullopt;
    }

    void add_properties(Shown& shown, const Value& value, std::size_t depth, std::size_t indent) {
        const bool is_list = is_array(value) || value.as<TypedArrayObject>() != nullptr;
        if (is_list && value.object().key_count(world_) > kMaxElements) {
            return;  // its elements say enough
        }
        const auto keys = own_keys(world_, value.object());
        if (!keys) {
            return;
        }
        for (const PropertyKey& key : *keys) {
            if (shown.entries.size() >= kMaxObjects || written_ > kMaxText) {
                shown.entries.emplace_back("...");
                return;
            }
            const auto own = value.object().own_property(world_, key);
            const bool is_element =
                key.is_index() && (is_array(value) || value.as<TypedArrayObject>() != nullptr);
            if (!own || (own->flags & kEnumerable) == 0 || is_element) {
                continue;
            }
            const std::string name = key.is_symbol() ? "[" + key.text() + "]"
                                     : is_identifier(key.text()) || key.is_index()
                                         ? (key.is_index() ? "'" + key.text() + "'" : key.text())
                                         : quoted(key.text());
            written_ += name.size();
            shown.entries.push_back(name + ": " + show_property(*own, depth, indent));
        }
    }

    std::string show_property(const Property& own, std::size_t depth, std::size_t indent) {
        if (!own.is_accessor()) {
            return show(own.value, depth + 1, indent + 2);
        }
        const auto& pair = static_cast<const AccessorPair&>(own.value.cell());
        if (pair.setter().is_undefined()) {
            return "[Getter]";
        }
        return pair.getter().is_undefined() ? "[Setter]" : "[Getter/Setter]";
    }

    Shown list_entries(const Value& value, const std::string& name, std::size_t depth,
                       std::size_t indent) {
        Shown shown;
        if (is_array(value) || value.as<TypedArrayObject>() != nullptr) {
            add_elements(shown, value, name, depth, indent);
        } else if (auto* const table = value.as<TableObject>()) {
            add_table(shown, *table, name, depth, indent);
        } else if (auto* const promise = value.as<PromiseObject>()) {
            shown.open = name + " {";
            shown.entries.push_back(promise->state() == PromiseState::kPending ? "<pending>"
                                    : promise->state() == PromiseState::kRejected
                                        ? "<rejected> " +
                                              show(promise->result(), depth + 1, indent + 2)
                                        : show(promise->result(), depth + 1, indent + 2));
        } else if (auto* const buffer = value.as<ArrayBufferObject>()) {
            shown.open = name + " {";
            shown.entries.push_back("[Uint8Contents]: <" + hex_of(buffer->bytes()) + ">");
            shown.entries.push_back("byteLength: " + std::to_string(buffer->bytes().size()));
        } else {
            const bool is_plain = name == "Object";
            shown.open = is_plain ? "{" : name + " {";
        }
        add_properties(shown, value, depth, indent);
        return shown;
    }

    static std::string hex_of(std::span<const std::byte> bytes) {
        constexpr std::string_view kHex = "0123456789abcdef";
        constexpr std::size_t kMost = 50;
        std::string out;
        for (std::size_t i = 0; i < std::min(bytes.size(), kMost); ++i) {
            const auto bits = std::to_integer<unsigned>(bytes[i]);
            out += i > 0 ? " " : "";
            out += kHex[bits >> 4U];
            out += kHex[bits & 0xFU];
        }
        if (bytes.size() > kMost) {
            out += " ... " + std::to_string(bytes.size() - kMost) + " more byte" +
                   (bytes.size() > kMost + 1 ? "s" : "");
        }
        return out;
    }

    void add_elements(Shown& shown, const Value& value, const std::string& name, std::size_t depth,
                      std::size_t indent) {
        shown.is_list = true;
        shown.close = "]";
        auto* const typed = value.as<TypedArrayObject>();
        auto* const array = value.as<ArrayObject>();
        const std::size_t length = array != nullptr ? array->length() : typed->length();
        shown.open =
            array != nullptr && name == "Array" ? "[" : name + "(" + std::to_string(length) + ") [";
        for (std::size_t i = 0; i < std::min(length, kMaxElements); ++i) {
            const Value element = array != nullptr ? array->elements()[i] : typed->load(world_, i);
            shown.all_numbers = shown.all_numbers && (element.is_number() || element.is_bigint());
            shown.entries.push_back(show(element, depth + 1, indent + 2));
        }
        add_rest(shown, length);
    }

    static void add_rest(Shown& shown, std::size_t length) {
        if (length > kMaxElements) {
            const std::size_t rest = length - kMaxElements;
            shown.entries.push_back("... " + std::to_string(rest) + " more item" +
                                    (rest > 1 ? "s" : ""));
            shown.has_rest = true;
        }
    }

    void add_table(Shown& shown, TableObject& table, const std::string& name, std::size_t depth,
                   std::size_t indent) {
        if (table.kind() >= TableKind::kWeakMap) {
            shown.open = name + " {";
            shown.entries.emplace_back("<items unknown>");
            return;
        }
        shown.open = name + "(" + std::to_string(table.table().size()) + ") {";
        OrderedTable::Cursor cursor = 0;
        for (std::size_t i = 0; i < kMaxElements; ++i) {
            const auto* const entry = table.table().next(cursor);
            if (entry == nullptr) {
                break;
            }
            const std::string key = show(entry->key, depth + 1, indent + 2);
            shown.entries.push_back(table.kind() == TableKind::kMap
                                        ? key + " => " + show(entry->value, depth + 1, indent + 2)
                                        : key);
        }
        add_rest(shown, table.table().size());
    }

    World& world_;
    std::vector<Value> open_;
    Value circular_;
    std::size_t deepest_ = 0;
    std::size_t objects_ = 0;
    std::size_t written_ = 0;
};

std::string shown_as_integer(World& world, const Value& value) {
    if (value.is_object() || value.is_symbol()) {
        return "NaN";
    }
    if (value.is_bigint()) {
        return primitive_to_string(world, value)->utf8() + "n";
    }
    const double number =
        value.is_number() ? value.number() : parse_int(*primitive_to_string(world, value), 10);
    return number_to_text(std::trunc(number));
}

std::string formatted(World& world, char letter, const Value& value) {
    switch (letter) {
        case 's':
            if (value.is_string()) {
                return value.string().utf8();
            }
            return value.is_object() && is_error(value) ? message_of(world, value)
                                                        : inspect(world, value);
        case 'd':
            if (value.is_object() || value.is_symbol() || value.is_bigint()) {
                return shown_as_integer(world, value);
            }
            return number_to_text(value.is_number()
                                      ? value.number()
                                      : text_to_number(*primitive_to_string(world, value)));
        case 'i':
            return shown_as_integer(world, value);
        case 'f':
            return value.is_symbol() || value.is_object()
                       ? "NaN"
                       : number_to_text(parse_float(*primitive_to_string(world, value)));
        case 'c':
            return "";
        default:
            return inspect(world, value);
    }
}

}  // namespace

std::string inspect(World& world, const Value& value) {
    return Inspector(world).show(value, 0, 0);
}

std::string console_text(World& world, Arguments arguments) {
    std::string out;
    std::size_t next = 0;
    if (arguments.size() > 1 && arguments[0].is_string()) {
        const std::string pattern = arguments[0].string().utf8();
        next = 1;
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            const char letter = pattern[i] == '%' && i + 1 < pattern.size() ? pattern[i + 1] : '\0';
            if (letter == '%') {
                out += '%';
                ++i;
            } else if (std::string_view("sdifjoOc").find(letter) != std::string_view::npos &&
                       letter != '\0' && next < arguments.size()) {
                out += formatted(world, letter, arguments[next++]);
                ++i;
            } else {
                out += pattern[i];
            }
        }
    }
    for (; next < arguments.size() && out.size() <= kMaxText; ++next) {
        out += next > 0 ? " " : "";
        out += arguments[next].is_string() ? arguments[next].string().utf8()
                                           : inspect(world, arguments[next]);
    }
    return out;
}

}  // namespace realm::values
