// JSON on one side, WebAssembly's numbers on the other: the conversions that need no memory, and
// the words of results. Internal.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/conventions.h"
#include "sandbox/guest.h"

namespace realm::sandbox {

// How a described type lies in words, in order.
std::vector<ValueType> words_of(const PassedType& type);
// Those of a whole result: the type's, then, where it is fallible, the error's handle and the flag.
std::vector<ValueType> words_of(const ExportConvention& convention);

// Where each word lies in a return area, and the area's size, a multiple of 16.
struct AreaLayout {
    std::vector<std::uint32_t> offsets;
    std::uint32_t bytes = 0;
};
AreaLayout layout_of(std::span<const ValueType> words);

// A JSON number or boolean as a number of WebAssembly; the error says what does not fit.
Result<Value> to_value(const nlohmann::json& json, ValueType type, const PassedType* described);

// A number as JSON; unsigned and boolean only where described so.
nlohmann::json to_json(const Value& value, Passing passing);

// What the results of an export without a description probably mean, from the count of its words:
// Result<()> or text, Result<value>, Result<text>. Nothing: numbers, as they are.
std::optional<ExportConvention> guess_result(std::span<const std::uint32_t> words);

// Text and bytes that a step may pass: a string, {"$bytes": base64}; nothing for anything else.
Result<std::optional<std::string>> bytes_of(const nlohmann::json& json);
nlohmann::json bytes_json(std::string_view bytes);

}  // namespace realm::sandbox
