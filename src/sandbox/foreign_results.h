// What a module that was not written for Realm gave, read from its words and memory. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "sandbox/conventions.h"
#include "sandbox/foreign_values.h"
#include "sandbox/guest.h"
#include "sandbox/guest_memory.h"

namespace realm::sandbox {

// What a return area is filled with before the call, so that one whose shape is unknown tells which
// of its words were written; and how many words such a one has.
constexpr std::uint32_t kUnwrittenWord = 0xa5a5a5a5;
constexpr std::size_t kProbeWords = 8;

// The words in the return area at `area_at`; where `shape` is null, those that were written.
Result<Values> words_in_area(const GuestMemory& memory, std::uint32_t area_at,
                             const ExportConvention* shape);
std::optional<ExportConvention> guess_shape(const Values& words);

// null, a number, or an array of numbers.
nlohmann::json numbers_json(const Values& words);
nlohmann::json object_json(const std::string& class_name, std::uint32_t pointer);
// Text that is not UTF-8 goes out as bytes, so that nothing is lost.
nlohmann::json text_json(std::string text);
// program_trap/bad_pointer where no text ends in the memory there.
Result<nlohmann::json> c_string_json(const Guest& guest, const GuestMemory& memory,
                                     std::uint32_t pointer);

}  // namespace realm::sandbox
