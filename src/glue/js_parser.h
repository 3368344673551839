// Reads JavaScript into a tree in linear time, or says why it cannot.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "glue/js_lexer.h"
#include "glue/js_tree.h"

namespace realm::glue {

inline constexpr std::size_t kMaxGlueBytes = std::size_t{16} << 20;
inline constexpr std::size_t kMaxTreeNodes = 2'000'000;
inline constexpr std::size_t kMaxTreeDepth = 250;

// The body of a function that it does not understand becomes a kUnread and is stepped over by its
// brackets. invalid_request/invalid_glue where not even that is possible, or a limit is reached.
Result<JsTree> parse_javascript(std::string_view source);

}  // namespace realm::glue
