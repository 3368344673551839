// Responses that every route makes alike.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "envelope/envelope.h"
#include "net/http.h"

namespace realm::api {

net::HttpResponse json_response(int status, const envelope::Json& body);

// In OpenAI's shape, with Retry-After where the error has one; the status is that of its type.
net::HttpResponse error_response(const Error& error);
// The same with a status of its own (404, 405, 413, ...).
net::HttpResponse error_response(int status, const Error& error);

// One server-sent event.
std::string sse(std::string_view data);

// The headers of a stream of them.
net::Headers sse_headers();

}  // namespace realm::api
