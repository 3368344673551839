// JSON.parse, without recursion: how deep values are nested costs memory alone.
#include <array>
#include <charconv>

#include "values/collections.h"
#include "values/convert.h"
#include "values/json.h"

namespace realm::values {

namespace {

class Parser {
public:
    Parser(World& world, const String& text) : world_(world), text_(text) {}

    Completion<Value> parse() {
        Value root;
        bool done = false;
        while (!done) {
            if (auto allowed = check(); !allowed) {
                return std::unexpected(std::move(allowed.error()));
            }
            auto value = begin_value();
            if (!value) {
                return std::unexpected(std::move(value.error()));
            }
            if (!*value) {
                continue;  // an array or object was opened
            }
            // The value may end what it lies in, and that again.
            Value finished = std::move(**value);
            while (true) {
                if (open_.empty()) {
                    root = std::move(finished);
                    done = true;
                    break;
                }
                auto closed = put(std::move(finished));
                if (!closed) {
                    return std::unexpected(std::move(closed.error()));
                }
                if (!*closed) {
                    break;
                }
                finished = std::move(open_.back().container);
                open_.pop_back();
            }
        }
        skip_space();
        if (at_ < text_.length()) {
            return fail_at("Unexpected non-whitespace character after JSON", "");
        }
        return root;
    }

private:
    struct Open {
        Value container;
        PropertyKey key;
    };
    using Bad = std::unexpected<Thrown>;

    Completion<void> check() {
        if (auto stepped = world_.step(); !stepped) {
            return stepped;
        }
        return (++values_ & 0x3FU) == 0 ? world_.admit(open_.size() * sizeof(Open))
                                        : Completion<void>{};
    }

    [[nodiscard]] char16_t peek() const { return at_ < text_.length() ? text_.at(at_) : u'\0'; }
    void skip_space() {
        while (at_ < text_.length()) {
            const char16_t unit = text_.at(at_);
            if (unit != ' ' && unit != '\t' && unit != '\n' && unit != '\r') {
                break;
            }
            ++at_;
        }
    }

    Bad fail_at(std::string_view what, std::string_view where = " in JSON") {
        return world_.fail(Builtin::kSyntaxError, std::string(what) + std::string(where) +
                                                      " at position " + std::to_string(at_));
    }
    // A token that nothing begins with.
    Bad unexpected_token() {
        if (at_ >= text_.length()) {
            return world_.fail(Builtin::kSyntaxError, "Unexpected end of JSON input");
        }
        const char16_t unit = text_.at(at_);
        if (unit == '"') {
            return fail_at("Unexpected string");
        }
        if (unit == '-' || (unit >= '0' && unit <= '9')) {
            return fail_at("Unexpected number");
        }
        for (const std::string_view special : {"[object Object]", "NaN", "Infinity", "undefined"}) {
            if (text_.equals(special)) {
                return world_.fail(Builtin::kSyntaxError,
                                   "\"" + std::string(special) + "\" is not valid JSON");
            }
        }
        // Short text is shown whole, of long text what lies around.
        constexpr std::size_t kAround = 10;
        const std::size_t length = text_.length();
        const bool cuts_start = length > 2 * kAround && at_ >= kAround;
        const bool cuts_end = length > 2 * kAround && at_ + kAround < length;
        TextBuilder out;
        out.add("Unexpected token '");
        out.add(unit);
        out.add(cuts_start ? "', ...\"" : "', \"");
        out.add_range(text_, cuts_start ? at_ - kAround : 0, cuts_end ? at_ + kAround : length);
        out.add(cuts_end ? "\"... is not valid JSON" : "\" is not valid JSON");
        return world_.fail(Builtin::kSyntaxError, out.make(world_.heap())->utf8());
    }

    // A whole value, or nothing where an array or object begins.
    Completion<std::optional<Value>> begin_value() {
        skip_space();
        switch (peek()) {
            case '{':
                return begin_object();
            case '[':
                return begin_array();
            case '"': {
                auto text = string();
                if (!text) {
                    return Bad(std::move(text.error()));
                }
                return Value(*text);
            }
            case 't':
                return word("true", Value(true));
            case 'f':
                return word("false", Value(false));
            case 'n':
                return word("null", Value::null());
            default:
                return number();
        }
    }

    Completion<std::optional<Value>> begin_object() {
        ++at_;
        skip_space();
        Value object = world_.object();
        if (peek() == '}') {
            ++at_;
            return object;
        }
        open_.push_back({.container = object, .key = {}});
        if (peek() != '"') {
            return fail_at("Expected property name or '}'");
        }
        return key();
    }

    Completion<std::optional<Value>> begin_array() {
        ++at_;
        skip_space();
        Value array = world_.array();
        if (peek() == ']') {
            ++at_;
            return array;
        }
        open_.push_back({.container = array, .key = {}});
        return std::nullopt;
    }

    // A key and its colon.
    Completion<std::optional<Value>> key() {
        auto name = string();
        if (!name) {
            return Bad(std::move(name.error()));
        }
        open_.back().key = PropertyKey(**name);
        skip_space();
        if (peek() != ':') {
            return fail_at("Expected ':' after property name");
        }
        ++at_;
        return std::nullopt;
    }

    // Puts a value where it belongs; whether that container is complete.
    Completion<bool> put(Value value) {
        Open& open = open_.back();
        auto* const array = open.container.as<ArrayObject>();
        if (array != nullptr) {
            array->push(std::move(value));
        } else {
            open.container.object().put(open.key, std::move(value));
        }
        skip_space();
        const char16_t next = peek();
        if (next == ',') {
            ++at_;
            return array != nullptr ? Completion<bool>(false) : next_key();
        }
        if (next == (array != nullptr ? u']' : u'}')) {
            ++at_;
            return true;
        }
        return fail_at(array != nullptr ? "Expected ',' or ']' after array element"
                                        : "Expected ',' or '}' after property value");
    }

    Completion<bool> next_key() {
        skip_space();
        if (peek() != '"') {
            return fail_at("Expected double-quoted property name");
        }
        auto done = key();
        if (!done) {
            return Bad(std::move(done.error()));
        }
        return false;
    }

    Completion<std::optional<Value>> word(std::string_view expected, Value value) {
        for (const char c : expected) {
            if (peek() != static_cast<char16_t>(c)) {
                return unexpected_token();
            }
            ++at_;
        }
        return value;
    }

    bool digits() {
        const std::size_t from = at_;
        while (peek() >= '0' && peek() <= '9') {
            ++at_;
        }
        return at_ > from;
    }

    Completion<std::optional<Value>> number() {
        const std::size_t from = at_;
        if (peek() == '-') {
            ++at_;
            if (peek() < '0' || peek() > '9') {
                return fail_at("No number after minus sign");
            }
        } else if (peek() < '0' || peek() > '9') {
            return unexpected_token();
        }
        if (peek() == '0') {
            ++at_;
            if (peek() >= '0' && peek() <= '9') {
                return unexpected_token();
            }
        } else {
            digits();
        }
        if (peek() == '.') {
            ++at_;
            if (!digits()) {
                return fail_at("Unterminated fractional number");
            }
        }
        if (peek() == 'e' || peek() == 'E') {
            ++at_;
            if (peek() == '+' || peek() == '-') {
                ++at_;
            }
            if (!digits()) {
                return fail_at("Exponent part is missing a number");
            }
        }
        return Value(text_to_number(*substring(world_.heap(), text_, from, at_)));
    }

    Completion<Ref<String>> string() {
        ++at_;
        const std::size_t from = at_;
        while (at_ < text_.length() && text_.at(at_) != '"' && text_.at(at_) != '\\' &&
               text_.at(at_) >= 0x20) {
            ++at_;
        }
        if (peek() == '"') {
            return substring(world_.heap(), text_, from, at_++);
        }
        TextBuilder out;
        out.add_range(text_, from, at_);
        while (at_ < text_.length()) {
            const char16_t unit = text_.at(at_);
            if (unit == '"') {
                ++at_;
                return out.make(world_.heap());
            }
            if (unit < 0x20) {
                return fail_at("Bad control character in string literal");
            }
            ++at_;
            if (unit != '\\') {
                out.add(unit);
            } else if (auto escaped = escape(out); !escaped) {
                return Bad(std::move(escaped.error()));
            }
        }
        return fail_at("Unterminated string");
    }

    Completion<void> escape(TextBuilder& out) {
        constexpr std::string_view kLetters = "\"\\/bfnrt";
        constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
        if (at_ >= text_.length()) {
            return unexpected_token();
        }
        const char16_t unit = text_.at(at_);
        if (unit == 'u') {
            ++at_;
            return unicode_escape(out);
        }
        const std::size_t known =
            unit < 0x80 ? kLetters.find(static_cast<char>(unit)) : std::string_view::npos;
        if (known == std::string_view::npos) {
            return fail_at("Bad escaped character");
        }
        ++at_;
        out.add(static_cast<char16_t>(kMeanings[known]));
        return {};
    }

    Completion<void> unicode_escape(TextBuilder& out) {
        char16_t value = 0;
        for (int i = 0; i < 4; ++i) {
            const char16_t unit = peek();
            const char16_t lower = unit | 0x20U;
            if (unit >= '0' && unit <= '9') {
                value = static_cast<char16_t>(value * 16 + (unit - '0'));
            } else if (lower >= 'a' && lower <= 'f') {
                value = static_cast<char16_t>(value * 16 + (lower - 'a' + 10));
            } else {
                return fail_at("Bad Unicode escape");
            }
            ++at_;
        }
        out.add(value);
        return {};
    }

    World& world_;
    const String& text_;
    std::size_t at_ = 0;
    std::size_t values_ = 0;
    std::vector<Open> open_;
};

}  // namespace

Completion<Value> parse_json(World& world, const String& text) {
    return Parser(world, text).parse();
}

}  // namespace realm::values
