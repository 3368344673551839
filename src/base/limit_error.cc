#include "base/limit_error.h"

#include <utility>

namespace realm {

Error limit_error(const LimitReached& reached, std::string_view what, ErrorType type) {
    const std::string setting(reached.setting);
    Error error =
        std::move(fail(type, reached.limit,
                       std::string(what) + " (" + setting + " in the configuration raises it)")
                      .error());
    // None of the names needs escaping.
    error.details = R"({"limit":")" + std::string(reached.limit) + R"(","value":)" +
                    std::to_string(reached.value) + R"(,"setting":")" + setting + "\"";
    if (reached.asked) {
        error.details += ",\"asked\":" + std::to_string(*reached.asked);
    }
    error.details += "}";
    return error;
}

}  // namespace realm
