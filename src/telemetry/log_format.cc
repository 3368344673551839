#include "telemetry/log_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"

namespace realm::telemetry {
namespace {

struct LevelName {
    std::string_view text;
    std::string_view json;
    std::string_view colour;
};

constexpr std::array<LevelName, 4> kLevelNames{{
    {.text = "DEBUG", .json = "debug", .colour = "\x1b[36m"},
    {.text = "INFO", .json = "info", .colour = "\x1b[32m"},
    {.text = "WARN", .json = "warn", .colour = "\x1b[33m"},
    {.text = "ERROR", .json = "error", .colour = "\x1b[31m"},
}};
constexpr std::string_view kColourOff = "\x1b[0m";

const LevelName& name_of(Level level) {
    return kLevelNames[std::min(static_cast<std::size_t>(level), kLevelNames.size() - 1)];
}

// One character of a text: its bytes, and its code point unless they are no UTF-8.
struct Character {
    std::string_view bytes;
    std::uint32_t code = 0;
    bool valid = false;
};

std::size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xf0) {
        return 4;
    }
    if (lead >= 0xe0) {
        return 3;
    }
    return 2;
}

// Takes the first character off `rest`, which is not empty.
Character take_character(std::string_view& rest) {
    const auto lead = static_cast<unsigned char>(rest.front());
    const std::size_t length = sequence_length(lead);
    const std::string_view bytes = rest.substr(0, length);
    if (bytes.size() != length || !base::is_utf8(bytes)) {
        const Character broken{.bytes = rest.substr(0, 1)};
        rest.remove_prefix(1);
        return broken;
    }
    rest.remove_prefix(length);
    std::uint32_t code = length == 1 ? lead : lead & (0x7fU >> length);
    for (const char next : bytes.substr(1)) {
        code = (code << 6) | (static_cast<unsigned char>(next) & 0x3fU);
    }
    return {.bytes = bytes, .code = code, .valid = true};
}

// What could start a line, steer a terminal or turn the reading direction round.
bool is_dangerous(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029 ||
           code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        out += kDigits[(value >> shift) & 0xfU];
    }
}

// The short escapes that text and JSON share; empty when the code point has none.
std::string_view short_escape(std::uint32_t code) {
    switch (code) {
        case '\n':
            return "\\n";
        case '\r':
            return "\\r";
        case '\t':
            return "\\t";
        case '\\':
            return "\\\\";
        case '"':
            return "\\\"";
        default:
            return {};
    }
}

void append_escaped(std::string& out, const Character& character) {
    if (const std::string_view escape = short_escape(character.code); !escape.empty()) {
        out += escape;
    } else if (is_dangerous(character.code)) {
        out += "\\u";
        append_hex(out, character.code, 4);
    } else {
        out += character.bytes;
    }
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const Character character = take_character(text);
        if (character.valid) {
            append_escaped(out, character);
        } else {
            out += "\\ufffd";
        }
    }
    out += '"';
}

enum class Quotes : std::uint8_t { kLiteral, kEscaped };

void append_text(std::string& out, std::string_view text, Quotes quotes) {
    while (!text.empty()) {
        const Character character = take_character(text);
        if (!character.valid) {
            out += "\\x";
            append_hex(out, static_cast<unsigned char>(character.bytes.front()), 2);
        } else if (character.code == '"' && quotes == Quotes::kLiteral) {
            out += '"';
        } else {
            append_escaped(out, character);
        }
    }
}

bool needs_quotes(std::string_view text) {
    if (text.empty()) {
        return true;
    }
    while (!text.empty()) {
        const Character character = take_character(text);
        if (!character.valid || is_dangerous(character.code) || character.code == ' ' ||
            character.code == '"' || character.code == '=' || character.code == '\\') {
            return true;
        }
    }
    return false;
}

template <class T>
void append_number(std::string& out, T value) {
    std::array<char, 40> buffer{};
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    out.append(buffer.data(), result.ptr);
}

void append_plain(std::string& out, bool value) {
    out += value ? "true" : "false";
}
void append_plain(std::string& out, std::int64_t value) {
    append_number(out, value);
}
void append_plain(std::string& out, std::uint64_t value) {
    append_number(out, value);
}
void append_plain(std::string& out, double value) {
    append_number(out, value);
}

struct TextValue {
    std::string& out;

    void operator()(std::string_view text) const {
        if (!needs_quotes(text)) {
            out += text;
            return;
        }
        out += '"';
        append_text(out, text, Quotes::kEscaped);
        out += '"';
    }
    void operator()(auto value) const { append_plain(out, value); }
};

struct JsonValue {
    std::string& out;

    void operator()(std::string_view text) const { append_json_string(out, text); }
    void operator()(double value) const {
        if (std::isfinite(value)) {
            append_plain(out, value);
        } else {
            out += "null";  // JSON has no word for infinity
        }
    }
    void operator()(auto value) const { append_plain(out, value); }
};

}  // namespace

std::string format_text(const LogRecord& record, Colour colour) {
    const LevelName& level = name_of(record.level);
    std::string line(record.time);
    line += ' ';
    if (colour == Colour::kLevel) {
        line += level.colour;
    }
    line += level.text;
    if (colour == Colour::kLevel) {
        line += kColourOff;
    }
    line += ' ';
    append_text(line, record.message, Quotes::kLiteral);
    for (const Field& field : record.fields) {
        line += ' ';
        line += field.key;
        line += '=';
        std::visit(TextValue{line}, field.value.get());
    }
    return line;
}

std::string format_json(const LogRecord& record) {
    std::string line = R"({"time":)";
    append_json_string(line, record.time);
    line += R"(,"level":")";
    line += name_of(record.level).json;
    line += R"(","message":)";
    append_json_string(line, record.message);
    for (const Field& field : record.fields) {
        line += ',';
        append_json_string(line, field.key);
        line += ':';
        std::visit(JsonValue{line}, field.value.get());
    }
    line += '}';
    return line;
}

}  // namespace realm::telemetry
