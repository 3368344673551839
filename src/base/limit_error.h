// The error for a limit that was reached, the same for every limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace realm {

struct LimitReached {
    std::string_view limit;    // the error's code: "memory"
    std::string_view setting;  // what raises it: "limits.memory_bytes"
    std::uint64_t value = 0;
    std::optional<std::uint64_t> asked = std::nullopt;  // where that is known
};

// `what` says what was asked and which value the limit has; how to raise it is added. Details are
// {"limit", "value", "setting"} and, where it is known, "asked". program_limit, unless another
// type is given.
Error limit_error(const LimitReached& reached, std::string_view what,
                  ErrorType type = ErrorType::kProgramLimit);

}  // namespace realm
