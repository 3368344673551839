#include <algorithm>
#include <array>
#include <cmath>

#include "values/builtin_specs.h"
#include "values/builtin_string.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> pad(World& world, Call call, bool at_start) {
    const Ref<String> text = co_await this_text(world, call.self, at_start ? "padStart" : "padEnd");
    const double wanted = co_await to_integer(world, call.argument(0));
    Ref<String> filler = world.heap().intern(" ");
    if (!call.argument(1).is_undefined()) {
        filler = co_await to_string(world, call.argument(1));
    }
    if (wanted <= static_cast<double>(text->length()) || filler->length() == 0) {
        co_return Value(text);
    }
    if (wanted > static_cast<double>(String::kMaxLength)) {
        co_return world.range_error("Invalid string length");
    }
    const auto missing = static_cast<std::size_t>(wanted) - text->length();
    co_await world.admit(2 * static_cast<std::size_t>(wanted));
    co_await world.step(missing);
    TextBuilder out;
    if (!at_start) {
        out.add(*text);
    }
    for (std::size_t done = 0; done < missing; done += filler->length()) {
        out.add_range(*filler, 0, std::min(filler->length(), missing - done));
    }
    if (at_start) {
        out.add(*text);
    }
    co_return Value(out.make(world.heap()));
}

// Appends the replacement, with what `$` stands for in it.
Completion<void> expand(World& world, TextBuilder& out, const String& pattern, const String& text,
                        std::size_t at, std::size_t size) {
    for (std::size_t i = 0; i < pattern.length(); ++i) {
        const char16_t next =
            pattern.at(i) == '$' && i + 1 < pattern.length() ? pattern.at(i + 1) : u'\0';
        switch (next) {
            case '$':
                out.add(u'$');
                break;
            case '&':
                out.add_range(text, at, at + size);
                break;
            case '`':
                out.add_range(text, 0, at);
                break;
            case '\'':
                out.add_range(text, at + size, text.length());
                break;
            default:
                out.add(pattern.at(i));
                continue;
        }
        ++i;
        // Each may stand for as much as the whole text.
        if (auto allowed = world.admit(out.size()); !allowed) {
            return allowed;
        }
    }
    return {};
}

Eventual<Value> replace(World& world, Call call, bool all) {
    const Ref<String> text = co_await this_text(world, call.self, all ? "replaceAll" : "replace");
    if (call.argument(0).is_object() && call.argument(0).object().class_name() == "RegExp") {
        co_return world.fail(Builtin::kError, "Regular expressions are not supported");
    }
    const Ref<String> part = co_await to_string(world, call.argument(0));
    const bool calls = is_callable(call.argument(1));
    Ref<String> pattern;
    if (!calls) {
        pattern = co_await to_string(world, call.argument(1));
    }
    TextBuilder out;
    std::size_t copied = 0;
    std::size_t at = text->find(*part, 0);
    co_await world.step(text->length());
    while (at != String::kNpos) {
        out.add_range(*text, copied, at);
        if (calls) {
            const std::array arguments{Value(part), Value(at), Value(text)};
            const Value made = co_await values::call(world, call.argument(1), Value(), arguments);
            const Ref<String> replacement = co_await to_string(world, made);
            out.add(*replacement);
        } else {
            co_await expand(world, out, *pattern, *text, at, part->length());
        }
        co_await world.step();
        co_await world.admit(out.size());
        copied = at + part->length();
        const std::size_t next = std::max<std::size_t>(part->length(), 1);
        at = all && at + next <= text->length() ? text->find(*part, at + next) : String::kNpos;
    }
    out.add_range(*text, copied, text->length());
    if (out.size() > String::kMaxLength) {
        co_return world.range_error("Invalid string length");
    }
    co_return Value(out.make(world.heap()));
}

bool is_space(char16_t unit) {
    return unit == ' ' || (unit >= 9 && unit <= 13) || unit == 0xA0 || unit == 0x1680 ||
           (unit >= 0x2000 && unit <= 0x200A) || unit == 0x2028 || unit == 0x2029 ||
           unit == 0x202F || unit == 0x205F || unit == 0x3000 || unit == 0xFEFF;
}

Eventual<Value> trim(World& world, Call call, bool start, bool end, std::string_view method) {
    const Ref<String> text = co_await this_text(world, call.self, method);
    std::size_t from = 0;
    std::size_t to = text->length();
    while (start && from < to && is_space(text->at(from))) {
        ++from;
    }
    while (end && to > from && is_space(text->at(to - 1))) {
        --to;
    }
    co_return Value(substring(world.heap(), *text, from, to));
}

}  // namespace

Eventual<Value> string_pad_end(World& world, Call call) {
    return pad(world, std::move(call), false);
}
Eventual<Value> string_pad_start(World& world, Call call) {
    return pad(world, std::move(call), true);
}

Eventual<Value> string_repeat(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "repeat");
    const double count = co_await to_integer(world, call.argument(0));
    if (count < 0 || std::isinf(count)) {
        const Ref<String> given = co_await to_string(world, call.argument(0));
        co_return world.range_error("Invalid count value: " + given->utf8());
    }
    if (text->length() == 0) {
        co_return Value(text);
    }
    if (count * static_cast<double>(text->length()) > static_cast<double>(String::kMaxLength)) {
        co_return world.range_error("Invalid string length");
    }
    const std::size_t length = text->length() * static_cast<std::size_t>(count);
    co_await world.admit(text->is_ascii() ? length : 2 * length);
    co_await world.step(length / 16);
    TextBuilder out;
    for (double i = 0; i < count; ++i) {
        out.add(*text);
    }
    co_return Value(out.make(world.heap()));
}

Eventual<Value> string_replace(World& world, Call call) {
    return replace(world, std::move(call), false);
}
Eventual<Value> string_replace_all(World& world, Call call) {
    return replace(world, std::move(call), true);
}

Eventual<Value> string_split(World& world, Call call) {
    const Ref<String> text = co_await this_text(world, call.self, "split");
    if (call.argument(0).is_object() && call.argument(0).object().class_name() == "RegExp") {
        co_return world.fail(Builtin::kError, "Regular expressions are not supported");
    }
    std::size_t limit = 0xFFFFFFFFU;
    if (!call.argument(1).is_undefined()) {
        const double wanted = co_await to_number(world, call.argument(1));
        limit = to_uint32(wanted);
    }
    const Ref<String> separator = co_await to_string(world, call.argument(0));
    std::vector<Value> out;
    if (call.argument(0).is_undefined()) {
        out.emplace_back(text);
        out.resize(std::min(out.size(), limit));
        co_return Value(world.array(std::move(out)));
    }
    co_await world.step(text->length());
    const std::size_t size = separator->length();
    if (size == 0) {
        for (std::size_t i = 0; i < text->length() && out.size() < limit; ++i) {
            out.emplace_back(substring(world.heap(), *text, i, i + 1));
            co_await world.check();
        }
        co_return Value(world.array(std::move(out)));
    }
    std::size_t from = 0;
    for (std::size_t at = text->find(*separator, 0); at != String::kNpos && out.size() < limit;
         at = text->find(*separator, from)) {
        out.emplace_back(substring(world.heap(), *text, from, at));
        from = at + size;
        co_await world.check();
    }
    if (out.size() < limit) {
        out.emplace_back(substring(world.heap(), *text, from, text->length()));
    }
    co_return Value(world.array(std::move(out)));
}

Eventual<Value> string_trim(World& world, Call call) {
    return trim(world, std::move(call), true, true, "trim");
}
Eventual<Value> string_trim_end(World& world, Call call) {
    return trim(world, std::move(call), false, true, "trimEnd");
}
Eventual<Value> string_trim_start(World& world, Call call) {
    return trim(world, std::move(call), true, false, "trimStart");
}

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
