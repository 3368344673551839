// Guesses what follows a text from what followed its end before.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "inference/model.h"

namespace realm::inference {

// Fewer equal tokens at two places say little of what comes next.
inline constexpr std::size_t kLeastMatch = 3;

// Up to `most` tokens that followed the place before the end of `tokens` which agrees with the end
// in most tokens, the latest of several; none where fewer than kLeastMatch agree. A text that
// repeats itself up to its end is continued in the same way. Looks at the last 16,384 tokens.
[[nodiscard]] std::vector<Token> look_up(std::span<const Token> tokens, std::size_t most);

}  // namespace realm::inference
