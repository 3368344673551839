#include "sandbox/foreign_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace realm::sandbox {
namespace {

using Json = nlohmann::json;

std::uint32_t u32(const Value& value) {
    return static_cast<std::uint32_t>(std::get<std::int32_t>(value));
}

}  // namespace

Result<Values> words_in_area(const GuestMemory& memory, std::uint32_t area_at,
                             const ExportConvention* shape) {
    Values words;
    const auto types =
        shape != nullptr ? words_of(*shape) : std::vector<ValueType>(kProbeWords, ValueType::kI32);
    const AreaLayout layout = layout_of(types);
    for (std::size_t i = 0; i < types.size(); ++i) {
        const std::uint32_t at = area_at + layout.offsets[i];
        const auto bytes = memory.span<std::byte>(at, 8);
        if (!bytes) {
            return fail(ErrorType::kProgramTrap, "bad_pointer", "the return area is gone");
        }
        std::int32_t narrow = 0;
        std::int64_t wide = 0;
        std::memcpy(&narrow, bytes->data(), sizeof(narrow));
        std::memcpy(&wide, bytes->data(), sizeof(wide));
        if (shape == nullptr && static_cast<std::uint32_t>(narrow) == kUnwrittenWord) {
            break;
        }
        switch (types[i]) {
            case ValueType::kI32:
                words.emplace_back(narrow);
                break;
            case ValueType::kI64:
                words.emplace_back(wide);
                break;
            case ValueType::kF32:
                words.emplace_back(std::bit_cast<float>(narrow));
                break;
            case ValueType::kF64:
                words.emplace_back(std::bit_cast<double>(wide));
        }
    }
    return words;
}

std::optional<ExportConvention> guess_shape(const Values& words) {
    std::vector<std::uint32_t> plain;
    for (const Value& word : words) {
        if (word.index() != 0) {
            return std::nullopt;
        }
        plain.push_back(u32(word));
    }
    return guess_result(plain);
}

Json numbers_json(const Values& words) {
    if (words.empty()) {
        return nullptr;
    }
    if (words.size() == 1) {
        return to_json(words.front(), Passing::kI32);
    }
    Json list = Json::array();
    for (const Value& word : words) {
        list.push_back(to_json(word, Passing::kI32));
    }
    return list;
}

Json object_json(const std::string& class_name, std::uint32_t pointer) {
    return {{"$class", class_name}, {"$pointer", pointer}};
}

Result<Json> c_string_json(const Guest& guest, const GuestMemory& memory, std::uint32_t pointer) {
    const std::size_t left = memory.size() - std::min<std::size_t>(pointer, memory.size());
    const auto rest = memory.span<const char>(pointer, static_cast<std::uint32_t>(left));
    const auto end = rest ? std::ranges::find(*rest, '\0') : std::span<const char>::iterator{};
    if (!rest || left == 0 || end == rest->end()) {
        return fail(ErrorType::kProgramTrap, "bad_pointer",
                    fmt::format("program '{}' gave text at {} that does not end in its memory",
                                guest.program_name(), pointer));
    }
    return text_json(std::string(rest->begin(), end));
}

Json text_json(std::string text) {
    return base::is_utf8(text) ? Json(std::move(text)) : bytes_json(text);
}

}  // namespace realm::sandbox
