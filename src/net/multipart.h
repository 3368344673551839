// The parts of a multipart/form-data body (RFC 7578), as curl -F and browsers send it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace realm::net {

// Borrows the body.
struct FormPart {
    std::string name;
    std::string_view content;
};

// Whether a Content-Type says that a body is such a form.
bool is_multipart_form(std::string_view content_type);

// The parts in order. invalid_request/invalid_form says what is wrong: no boundary, no end, a part
// without a name, more than 16 parts.
Result<std::vector<FormPart>> parse_multipart_form(std::string_view content_type,
                                                   std::string_view body);

}  // namespace realm::net
