#include "envelope/error_table.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace realm::envelope {
namespace {

using enum ErrorType;

constexpr std::array kRows = {
    ErrorRow{kInvalidRequest, "invalid_request", 400, "invalid_request_error", 2, false},
    ErrorRow{kUnauthenticated, "unauthenticated", 401, "invalid_request_error", 4, false},
    ErrorRow{kPermissionDenied, "permission_denied", 403, "permission_error", 4, false},
    ErrorRow{kNotFound, "not_found", 404, "invalid_request_error", 3, false},
    ErrorRow{kConflict, "conflict", 409, "invalid_request_error", 1, false},
    ErrorRow{kRateLimited, "rate_limited", 429, "rate_limit_error", 5, true},
    ErrorRow{kQuotaExceeded, "quota_exceeded", 429, "insufficient_quota", 5, false},
    ErrorRow{kProgramTrap, "program_trap", 422, "program_error", 6, false},
    ErrorRow{kProgramLimit, "program_limit", 422, "program_error", 6, false},
    ErrorRow{kOverloaded, "overloaded", 503, "overloaded_error", 5, true},
    ErrorRow{kDeadlineExceeded, "deadline_exceeded", 504, "timeout_error", 5, false},
    ErrorRow{kCancelled, "cancelled", 499, "cancelled_error", 130, false},
    ErrorRow{kUnavailable, "unavailable", 503, "server_error", 5, true},
    ErrorRow{kInternal, "internal", 500, "server_error", 70, false},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        if (static_cast<std::size_t>(kRows[i].type) != i) {
            return false;
        }
    }
    return kRows.size() == static_cast<std::size_t>(kInternal) + 1;
}
static_assert(in_order());

}  // namespace

std::span<const ErrorRow> error_table() {
    return kRows;
}

const ErrorRow& error_row(ErrorType type) {
    return kRows.at(static_cast<std::size_t>(type));
}

std::optional<ErrorType> error_type_from_name(std::string_view name) {
    const auto* const row = std::ranges::find(kRows, name, &ErrorRow::name);
    if (row == kRows.end()) {
        return std::nullopt;
    }
    return row->type;
}

}  // namespace realm::envelope
