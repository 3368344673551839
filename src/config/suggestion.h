// "Did you mean": the known name nearest to one that was mistyped.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace realm::config {

// Insertions, deletions and replacements that turn one text into the other.
std::size_t edit_distance(std::string_view left, std::string_view right);

// The nearest of `known`, at most 3 edits (and less than half of its length) away; else one that
// has the same last part in another section ("port" for "server.port"); else none.
std::optional<std::string> suggest(std::string_view name, std::span<const std::string_view> known);

}  // namespace realm::config
