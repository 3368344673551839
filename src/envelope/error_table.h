// One table: how each kind of error looks on the wire, over HTTP, to other APIs and to a shell.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"

namespace realm::envelope {

struct ErrorRow {
    ErrorType type;
    std::string_view name;  // in envelopes and program errors
    int http_status;
    std::string_view openai_type;  // error.type of OpenAI's API
    int exit_code;                 // of the realm command
    bool retryable;                // unless the error says otherwise
};

// All rows, in the order of ErrorType.
std::span<const ErrorRow> error_table();

const ErrorRow& error_row(ErrorType type);

std::optional<ErrorType> error_type_from_name(std::string_view name);

}  // namespace realm::envelope
