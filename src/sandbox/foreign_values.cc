#include "sandbox/foreign_values.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <limits>

#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBytesKey = "$bytes";

std::unexpected<Error> misfit(const Json& json, std::string_view wanted) {
    return fail(ErrorType::kInvalidRequest, "bad_arguments",
                fmt::format("the argument {} is not {}", shown(json.dump()), wanted));
}

Result<std::int64_t> integer(const Json& json, std::int64_t minimum, std::int64_t maximum,
                             std::string_view wanted) {
    if (json.is_boolean()) {
        return json.get<bool>() ? 1 : 0;
    }
    const bool too_large = json.is_number_unsigned() &&
                           json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
    if (!json.is_number_integer() || too_large || json.get<std::int64_t>() < minimum ||
        json.get<std::int64_t>() > maximum) {
        return misfit(json, wanted);
    }
    return json.get<std::int64_t>();
}

Result<Value> to_i32(const Json& json, const PassedType* described) {
    constexpr std::int64_t kUnsigned = std::numeric_limits<std::uint32_t>::max();
    constexpr std::int64_t kLowest = std::numeric_limits<std::int32_t>::min();
    constexpr std::int64_t kHighest = std::numeric_limits<std::int32_t>::max();
    Result<std::int64_t> number = 0;
    if (described != nullptr && described->passing == Passing::kBool) {
        if (!json.is_boolean()) {
            return misfit(json, "true or false");
        }
        number = json.get<bool>() ? 1 : 0;
    } else if (described != nullptr && described->passing == Passing::kI32) {
        number = integer(json, kLowest, kHighest, "a signed 32-bit integer");
    } else if (described != nullptr && described->passing == Passing::kU32) {
        number = integer(json, 0, kUnsigned, "an unsigned 32-bit integer");
    } else {
        number = integer(json, kLowest, kUnsigned, "a 32-bit integer");
    }
    if (!number) {
        return std::unexpected(std::move(number.error()));
    }
    return Value(static_cast<std::int32_t>(*number));
}

Result<Value> to_i64(const Json& json) {
    if (json.is_number_unsigned()) {
        return Value(static_cast<std::int64_t>(json.get<std::uint64_t>()));
    }
    auto number = integer(json, std::numeric_limits<std::int64_t>::min(),
                          std::numeric_limits<std::int64_t>::max(), "a 64-bit integer");
    if (!number) {
        return std::unexpected(std::move(number.error()));
    }
    return Value(*number);
}

}  // namespace

std::vector<ValueType> words_of(const PassedType& type) {
    switch (type.passing) {
        case Passing::kNothing:
            return {};
        case Passing::kI64:
        case Passing::kU64:
            return {ValueType::kI64};
        case Passing::kF32:
            return {ValueType::kF32};
        case Passing::kF64:
            return {ValueType::kF64};
        case Passing::kString:
        case Passing::kBytes:
            return {ValueType::kI32, ValueType::kI32};
        default:
            return {ValueType::kI32};
    }
}

std::vector<ValueType> words_of(const ExportConvention& convention) {
    auto words = words_of(convention.result);
    if (convention.fallible) {
        words.insert(words.end(), 2, ValueType::kI32);
    }
    return words;
}

AreaLayout layout_of(std::span<const ValueType> words) {
    AreaLayout layout;
    for (const ValueType word : words) {
        const bool wide = word == ValueType::kI64 || word == ValueType::kF64;
        const std::uint32_t size = wide ? 8 : 4;
        layout.bytes = (layout.bytes + size - 1) / size * size;
        layout.offsets.push_back(layout.bytes);
        layout.bytes += size;
    }
    layout.bytes = (layout.bytes + 15) / 16 * 16;
    return layout;
}

Result<Value> to_value(const Json& json, ValueType type, const PassedType* described) {
    if (!json.is_number() && !json.is_boolean()) {
        return misfit(json, "a number");
    }
    switch (type) {
        case ValueType::kI32:
            return to_i32(json, described);
        case ValueType::kI64:
            return to_i64(json);
        case ValueType::kF32:
            return Value(json.is_boolean() ? static_cast<float>(json.get<bool>())
                                           : json.get<float>());
        case ValueType::kF64:
            break;
    }
    return Value(json.is_boolean() ? static_cast<double>(json.get<bool>()) : json.get<double>());
}

Json to_json(const Value& value, Passing passing) {
    if (const auto* number = std::get_if<std::int32_t>(&value)) {
        switch (passing) {
            case Passing::kBool:
                return *number != 0;
            case Passing::kU32:
            case Passing::kHandle:
                return static_cast<std::uint32_t>(*number);
            default:
                return *number;
        }
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return passing == Passing::kU64 ? Json(static_cast<std::uint64_t>(*number)) : Json(*number);
    }
    if (const auto* number = std::get_if<float>(&value)) {
        return *number;
    }
    return std::get<double>(value);
}

std::optional<ExportConvention> guess_result(std::span<const std::uint32_t> words) {
    const auto shape = [](Passing passing, bool fallible) {
        return ExportConvention{.parameters = {},
                                .result = {.passing = passing, .class_name = ""},
                                .fallible = fallible};
    };
    switch (words.size()) {
        case 2:
            return words[1] == 1 || (words[0] == 0 && words[1] == 0)
                       ? shape(Passing::kNothing, true)
                       : shape(Passing::kString, false);
        case 3:
            return shape(Passing::kI32, true);
        case 4:
            return shape(Passing::kString, true);
        default:
            return std::nullopt;
    }
}

Result<std::optional<std::string>> bytes_of(const Json& json) {
    if (json.is_string()) {
        return json.get<std::string>();
    }
    if (!json.is_object() || !json.contains(kBytesKey)) {
        return std::nullopt;
    }
    const Json& encoded = json.at(kBytesKey);
    if (!encoded.is_string() || encoded.get_ref<const std::string&>().size() % 4 != 0) {
        return misfit(json, "base64 text");
    }
    const auto& text = encoded.get_ref<const std::string&>();
    std::string bytes(text.size() / 4 * 3, '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
    if (length < 0) {
        return misfit(json, "base64 text");
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    bytes.resize(static_cast<std::size_t>(length) - padding);
    return bytes;
}

Json bytes_json(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    return {{std::string(kBytesKey), std::move(text)}};
}

}  // namespace realm::sandbox
