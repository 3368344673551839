// String: what makes strings and looks into them.
#include <algorithm>
#include <array>
#include <cmath>

#include "values/builtin_specs.h"
#include "values/builtin_string.h"
#include "values/case_mapping.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

Eventual<Ref<String>> this_text(World& world, Value self, std::string_view method) {
    if (self.is_string()) {
        return Ref(&self.string());
    }
    if (self.is_nullish()) {
        return world.type_error("String.prototype." + std::string(method) +
                                " called on null or undefined");
    }
    struct Later {
        static Eventual<Ref<String>> run(World& world, Value self) {
            co_return co_await to_string(world, self);
        }
    };
    return Later::run(world, self);
}

namespace {

Eventual<Value> string_construct(World& world, Call call) {
    Ref<String> text = world.heap().intern("");
    if (!call.arguments.empty()) {
        if (call.arguments[0].is_symbol() && !call.constructs()) {
            co_return world.string(describe(world, call.arguments[0]));
        }
        text = co_await to_string(world, call.arguments[0]);
    }
    if (!call.constructs()) {
        co_return Value(text);
    }
    co_return Value(
        world.heap().make<WrapperObject>(world.prototype_for(call, Builtin::kString), Value(text)));
}

Eventual<Value> from_char_code(World& world, Call call) {
    TextBuilder out;
    for (const Value& argument : call.arguments) {
        const double unit = co_await to_number(world, argument);
        out.add(static_cast<char16_t>(to_uint32(unit)));
    }
    co_return Value(out.make(world.heap()));
}

Eventual<Value> from_code_point(World& world, Call call) {
    TextBuilder out;
    for (const Value& argument : call.arguments) {
        const double point = co_await to_number(world, argument);
        if (point < 0 || point > 0x10FFFF || std::trunc(point) != point) {
            const Ref<String> text = co_await to_string(world, argument);
            co_return world.range_error("Invalid code point " + text->utf8());
        }
        out.add_code_point(static_cast<char32_t>(point));
    }
    co_return Value(out.make(world.heap()));
}

Eventual<Value> raw(World& world, Call call) {
    const Value pieces = co_await get(world, call.argument(0), world.names().raw);
    const std::vector<Value> list = co_await list_from_array_like(world, pieces);
    TextBuilder out;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const Ref<String> piece = co_await to_string(world, list[i]);
        out.add(*piece);
        co_await world.admit(out.size());
        if (i + 1 < list.size() && i + 1 < call.arguments.size()) {
            const Ref<String> between = co_await to_string(world, call.arguments[i + 1]);
            out.add(*between);
        }
    }
    co_return Value(out.make(world.heap()));
}

Eventual<Value> text_itself(World& world, Call call) {
    if (call.self.is_string()) {
        co_return call.self;
    }
    if (const auto* const wrapper = call.self.as<WrapperObject>();
        wrapper != nullptr && wrapper->primitive().is_string()) {
        co_return wrapper->primitive();
    }
    co_return world.type_error("String.prototype.toString requires that 'this' be a String");
}

// The index that an argument names, or nothing beyond the ends.
Eventual<std::optional<std::size_t>> index_in(World& world, Value argument, std::size_t length,
                                              bool relative) {
    double index = co_await to_integer(world, argument);
    if (relative && index < 0) {
        index += static_cast<double>(length);
    }
    if (index < 0 || index >= static_cast<double>(length)) {
        co_return std::optional<std::size_t>();
    }
    co_return std::optional(static_cast<std::size_t>(index));
}

Eventual<Value> at(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "at");
    const auto index = co_await index_in(world, call.argument(0), text->length(), true);
    co_return index ? Value(substring(world.heap(), *text, *index, *index + 1)) : Value();
}

Eventual<Value> char_at(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "charAt");
    const auto index = co_await index_in(world, call.argument(0), text->length(), false);
    co_return index ? Value(substring(world.heap(), *text, *index, *index + 1)) : world.string("");
}

Eventual<Value> char_code_at(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "charCodeAt");
    const auto index = co_await index_in(world, call.argument(0), text->length(), false);
    co_return Value(index ? static_cast<double>(text->at(*index))
                          : std::numeric_limits<double>::quiet_NaN());
}

Eventual<Value> code_point_at(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "codePointAt");
    const auto index = co_await index_in(world, call.argument(0), text->length(), false);
    co_return index ? Value(std::uint32_t{text->code_point_at(*index)}) : Value();
}

Eventual<Value> concat(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "concat");
    TextBuilder out;
    out.add(*text);
    for (const Value& argument : call.arguments) {
        const Ref<String> more = co_await to_string(world, argument);
        if (out.size() + more->length() > String::kMaxLength) {
            co_return world.range_error("Invalid string length");
        }
        co_await world.admit(out.size() + more->length());
        out.add(*more);
    }
    co_return Value(out.make(world.heap()));
}

Eventual<Ref<String>> searched(World& world, Value argument, std::string_view method) {
    if (argument.is_object() && argument.object().class_name() == "RegExp") {
        co_return world.type_error("First argument to String.prototype." + std::string(method) +
                                   " must not be a regular expression");
    }
    co_return co_await to_string(world, argument);
}

Eventual<Value> starts_with(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "startsWith");
    const Ref<String> part = co_await searched(world, call.argument(0), "startsWith");
    const double from = co_await integer_or(world, call.argument(1), 0);
    co_return Value(text->has_at(*part, clamp_index(std::max(from, 0.0), text->length())));
}

Eventual<Value> ends_with(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "endsWith");
    const Ref<String> part = co_await searched(world, call.argument(0), "endsWith");
    const double end =
        co_await integer_or(world, call.argument(1), static_cast<double>(text->length()));
    const std::size_t to = clamp_index(std::max(end, 0.0), text->length());
    co_return Value(part->length() <= to && text->has_at(*part, to - part->length()));
}

Eventual<Value> includes(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "includes");
    const Ref<String> part = co_await searched(world, call.argument(0), "includes");
    const double from = co_await integer_or(world, call.argument(1), 0);
    co_await world.step(text->length());
    co_return Value(text->find(*part, clamp_index(std::max(from, 0.0), text->length())) !=
                    String::kNpos);
}

Value index_value(std::size_t found) {
    return found == String::kNpos ? Value(-1) : Value(found);
}

Eventual<Value> index_of(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "indexOf");
    const Ref<String> part = co_await to_string(world, call.argument(0));
    const double from = co_await integer_or(world, call.argument(1), 0);
    co_await world.step(text->length());
    co_return index_value(text->find(*part, clamp_index(std::max(from, 0.0), text->length())));
}

Eventual<Value> last_index_of(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "lastIndexOf");
    const Ref<String> part = co_await to_string(world, call.argument(0));
    const double from = co_await to_number(world, call.argument(1));
    const double start = std::isnan(from) ? static_cast<double>(text->length()) : to_integer(from);
    co_await world.step(text->length());
    co_return index_value(text->rfind(*part, clamp_index(std::max(start, 0.0), text->length())));
}

// Punctuation, digits, letters without regard to case; small letters first where all else is equal.
std::pair<int, char32_t> collation_key(char32_t point) {
    const char32_t lower = to_lower(point);
    const bool is_digit = point >= '0' && point <= '9';
    const bool is_letter = lower >= 0x80 || (lower >= 'a' && lower <= 'z');
    return {is_letter ? 2 : (is_digit ? 1 : 0), lower};
}

Eventual<Value> locale_compare(World& world, Call call) {
    const Ref<String> left = co_await this_text(world, call.self, "localeCompare");
    const Ref<String> right = co_await to_string(world, call.argument(0));
    const std::size_t both = std::min(left->length(), right->length());
    co_await world.step(both);
    int by_case = 0;
    for (std::size_t i = 0; i < both; ++i) {
        const auto a = collation_key(left->at(i));
        const auto b = collation_key(right->at(i));
        if (a != b) {
            co_return Value(a < b ? -1 : 1);
        }
        if (by_case == 0 && left->at(i) != right->at(i)) {
            by_case = left->at(i) > right->at(i) ? -1 : 1;
        }
    }
    if (left->length() != right->length()) {
        co_return Value(left->length() < right->length() ? -1 : 1);
    }
    co_return Value(by_case);
}

// Text of characters below the combining ones is in normal form C already.
Eventual<Value> normalize(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "normalize");
    std::string form = "NFC";
    if (!call.argument(0).is_undefined()) {
        const Ref<String> wanted = co_await to_string(world, call.argument(0));
        form = wanted->utf8();
    }
    if (form != "NFC" && form != "NFD" && form != "NFKC" && form != "NFKD") {
        co_return world.range_error(
            "The normalization form should be one of NFC, NFD, NFKC, NFKD.");
    }
    const bool is_normal =
        text->is_ascii() || (form == "NFC" && std::ranges::all_of(text->wide(), [](char16_t unit) {
                                 return unit < 0x300;
                             }));
    if (!is_normal) {
        co_return world.fail(Builtin::kError,
                             "String.prototype.normalize is not supported for this text");
    }
    co_return Value(text);
}

Eventual<Value> unsupported(World& world, Call /*call*/) {
    return world.fail(Builtin::kError, "Regular expressions are not supported");
}

Eventual<Value> slice(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "slice");
    const double start = co_await integer_or(world, call.argument(0), 0);
    const double end =
        co_await integer_or(world, call.argument(1), static_cast<double>(text->length()));
    const std::size_t from = clamp_index(start, text->length());
    co_return Value(
        substring(world.heap(), *text, from, std::max(from, clamp_index(end, text->length()))));
}

Eventual<Value> substring_native(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "substring");
    const double start = co_await integer_or(world, call.argument(0), 0);
    const double end =
        co_await integer_or(world, call.argument(1), static_cast<double>(text->length()));
    const std::size_t from = clamp_index(std::max(start, 0.0), text->length());
    const std::size_t to = clamp_index(std::max(end, 0.0), text->length());
    co_return Value(substring(world.heap(), *text, std::min(from, to), std::max(from, to)));
}

Eventual<Value> substr(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "substr");
    const double start = co_await integer_or(world, call.argument(0), 0);
    const std::size_t from = clamp_index(start, text->length());
    const auto rest = static_cast<double>(text->length() - from);
    const double count = co_await integer_or(world, call.argument(1), rest);
    const auto size = static_cast<std::size_t>(std::clamp(count, 0.0, rest));
    co_return Value(substring(world.heap(), *text, from, from + size));
}

template <bool kLower>
Eventual<Value> change_case(World& world, Call call) {
    const Ref<String> text =
        co_await this_text(world, call.self, kLower ? "toLowerCase" : "toUpperCase");
    co_await world.step(text->length());
    co_await world.admit(text->length());
    co_return Value(kLower ? to_lower(world.heap(), *text) : to_upper(world.heap(), *text));
}

Eventual<Value> iterator(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "[Symbol.iterator]");
    co_return make_string_iterator(world, Value(text));
}

bool is_lone(const String& text, std::size_t index) {
    const char32_t point = text.code_point_at(index);
    return point >= 0xD800 && point < 0xE000;
}

Eventual<Value> is_well_formed(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "isWellFormed");
    for (std::size_t i = 0; i < text->length(); ++i) {
        if (is_lone(*text, i)) {
            co_return Value(false);
        }
        i += text->code_point_at(i) >= 0x10000 ? 1 : 0;
    }
    co_return Value(true);
}

Eventual<Value> to_well_formed(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "toWellFormed");
    co_return world.string(text->utf8());
}

constexpr std::array kStatics{
    MethodSpec{"fromCharCode", from_char_code, 1},
    MethodSpec{"fromCodePoint", from_code_point, 1},
    MethodSpec{"raw", raw, 1},
};

constexpr std::array kOwnMethods{
    MethodSpec{"at", at, 1},
    MethodSpec{"charAt", char_at, 1},
    MethodSpec{"charCodeAt", char_code_at, 1},
    MethodSpec{"codePointAt", code_point_at, 1},
    MethodSpec{"concat", concat, 1},
    MethodSpec{"endsWith", ends_with, 1},
    MethodSpec{"includes", includes, 1},
    MethodSpec{"indexOf", index_of, 1},
    MethodSpec{"isWellFormed", is_well_formed, 0},
    MethodSpec{"lastIndexOf", last_index_of, 1},
    MethodSpec{"localeCompare", locale_compare, 1},
    MethodSpec{"match", unsupported, 1},
    MethodSpec{"matchAll", unsupported, 1},
    MethodSpec{"normalize", normalize, 0},
    MethodSpec{"search", unsupported, 1},
    MethodSpec{"slice", slice, 2},
    MethodSpec{"startsWith", starts_with, 1},
    MethodSpec{"substr", substr, 2},
    MethodSpec{"substring", substring_native, 2},
    MethodSpec{"toLocaleLowerCase", change_case<true>, 0},
    MethodSpec{"toLocaleUpperCase", change_case<false>, 0},
    MethodSpec{"toLowerCase", change_case<true>, 0},
    MethodSpec{"toString", text_itself, 0},
    MethodSpec{"toUpperCase", change_case<false>, 0},
    MethodSpec{"toWellFormed", to_well_formed, 0},
    MethodSpec{"valueOf", text_itself, 0},
    MethodSpec{"@@iterator", iterator, 0},
};

constexpr auto kMethods = [] {
    std::array<MethodSpec, kOwnMethods.size() + kBuildingMethods.size()> all{};
    std::ranges::copy(kOwnMethods, all.begin());
    std::ranges::copy(kBuildingMethods, all.begin() + kOwnMethods.size());
    return all;
}();

// --- RegExp: an object that somebody may hold, and nothing that matches --------------------------

class RegExpObject final : public Object {
public:
    using Object::Object;
    [[nodiscard]] std::string_view class_name() const override { return "RegExp"; }
};

Eventual<Value> regexp_construct(World& world, Call call) {
    Ref<String> source = world.heap().intern("(?:)");
    Ref<String> flags = world.heap().intern("");
    if (!call.argument(0).is_undefined()) {
        source = co_await to_string(world, call.argument(0));
    }
    if (!call.argument(1).is_undefined()) {
        flags = co_await to_string(world, call.argument(1));
    }
    const auto made = world.heap().make<RegExpObject>(world.prototype_for(call, Builtin::kRegExp));
    made->put(world.key("source"), source, kFixed);
    made->put(world.key("flags"), flags, kFixed);
    made->put(world.key("lastIndex"), Value(0), kWritable);
    co_return Value(made);
}

Eventual<Value> regexp_text(World& world, Call call) {
    const Value source = co_await get(world, call.self, world.key("source"));
    const Value flags = co_await get(world, call.self, world.key("flags"));
    const Ref<String> source_text = co_await to_string(world, source);
    const Ref<String> flags_text = co_await to_string(world, flags);
    co_return world.string("/" + source_text->utf8() + "/" + flags_text->utf8());
}

constexpr std::array kRegExpMethods{
    MethodSpec{"exec", unsupported, 1},
    MethodSpec{"test", unsupported, 1},
    MethodSpec{"toString", regexp_text, 0},
};

}  // namespace

constinit const BuiltinSpec kStringSpec{.name = "String",
                                        .construct = string_construct,
                                        .length = 1,
                                        .methods = kMethods,
                                        .statics = kStatics};
constinit const BuiltinSpec kRegExpSpec{
    .name = "RegExp", .construct = regexp_construct, .length = 2, .methods = kRegExpMethods};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
