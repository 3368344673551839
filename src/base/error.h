// The one error type of Realm: what callers handle, what clients and guests are told.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace realm {

// The kinds of failure that a client can tell apart. envelope/error_table.h maps each to its
// name on the wire, an HTTP status, the shapes of other APIs and an exit code.
enum class ErrorType : std::uint8_t {
    kInvalidRequest,
    kUnauthenticated,
    kPermissionDenied,
    kNotFound,
    kConflict,
    kRateLimited,
    kQuotaExceeded,
    kProgramTrap,
    kProgramLimit,
    kOverloaded,
    kDeadlineExceeded,
    kCancelled,
    kUnavailable,
    kInternal,
};

// A value; cheap to move. `message` is for people and says what to do next where that is known;
// `code` is for programs ("model_not_found"). `details` is JSON text, empty when there is none.
// `context` says around what it happened, from the inside to the outside; empty for most.
struct Error {
    ErrorType type = ErrorType::kInternal;
    std::string code;
    std::string message;
    bool retryable = false;
    std::optional<std::int64_t> retry_after_ms;
    std::string details;
    std::vector<std::string> context{};

    friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

// Builds an error ready to be returned from a function of any Result type.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorType type, std::string_view code,
                                                 std::string message) {
    const bool retryable = type == ErrorType::kOverloaded || type == ErrorType::kUnavailable ||
                           type == ErrorType::kRateLimited;
    return std::unexpected(Error{.type = type,
                                 .code = std::string(code),
                                 .message = std::move(message),
                                 .retryable = retryable,
                                 .retry_after_ms = std::nullopt,
                                 .details = {}});
}

}  // namespace realm
