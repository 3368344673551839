// Writing JSON, as chunks, replies and errors want it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace realm {

// Appends `text`, which must be UTF-8, as a JSON string with its quotes.
inline void append_json_string(std::string& out, std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

inline std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

// Writes one JSON object: JsonObject().text("role", "user").number("age", 3).finish().
class JsonObject {
public:
    JsonObject& text(std::string_view key, std::string_view value) {
        append_key(key);
        append_json_string(out_, value);
        return *this;
    }
    JsonObject& number(std::string_view key, std::int64_t value) {
        return json(key, std::to_string(value));
    }
    JsonObject& boolean(std::string_view key, bool value) {
        return json(key, value ? "true" : "false");
    }
    // `value` is JSON already.
    JsonObject& json(std::string_view key, std::string_view value) {
        append_key(key);
        out_ += value;
        return *this;
    }
    std::string finish() { return std::move(out_) + "}"; }

private:
    void append_key(std::string_view key) {
        if (out_.size() > 1) {
            out_ += ',';
        }
        append_json_string(out_, key);
        out_ += ':';
    }

    std::string out_ = "{";
};

}  // namespace realm
