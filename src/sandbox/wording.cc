#include "sandbox/wording.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace realm::sandbox {
namespace {

constexpr std::size_t kLongestName = 100;

const char* type_name(ValueType type) {
    switch (type) {
        case ValueType::kI32:
            return "i32";
        case ValueType::kI64:
            return "i64";
        case ValueType::kF32:
            return "f32";
        case ValueType::kF64:
            return "f64";
    }
    return "?";
}

std::string list_of(const std::vector<ValueType>& types) {
    std::string text;
    for (const ValueType type : types) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", type_name(type));
    }
    return text;
}

}  // namespace

Error make_error(ErrorType type, std::string_view code, std::string message) {
    return std::move(fail(type, code, std::move(message)).error());
}

std::string shown(std::string_view name) {
    std::size_t length = std::min(name.size(), kLongestName);
    const auto continues = [&](std::size_t at) {
        return (static_cast<unsigned char>(name[at]) & 0xc0U) == 0x80U;
    };
    while (length > 0 && length < name.size() && continues(length)) {
        --length;
    }
    std::string text(name.substr(0, length));
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            c = '?';
        }
    }
    return length < name.size() ? text + "..." : text;
}

std::string shown(const std::vector<ValueType>& types) {
    return "(" + list_of(types) + ")";
}

std::string shown(const Signature& signature) {
    const auto& results = signature.results;
    return fmt::format("{} -> {}", shown(signature.parameters),
                       results.size() == 1 ? type_name(results.front()) : shown(results));
}

}  // namespace realm::sandbox
