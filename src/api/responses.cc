#include "api/responses.h"

#include "api/chat_shape.h"
#include "envelope/error_table.h"

namespace realm::api {

net::HttpResponse json_response(int status, const envelope::Json& body) {
    return {.status = status,
            .headers = {{"Content-Type", "application/json"}},
            .body = envelope::dump(body) + "\n"};
}

net::HttpResponse error_response(const Error& error) {
    return error_response(envelope::error_row(error.type).http_status, error);
}

net::HttpResponse error_response(int status, const Error& error) {
    net::HttpResponse response = json_response(status, openai_error(error));
    if (error.retry_after_ms) {
        response.headers.emplace_back("Retry-After",
                                      std::to_string((*error.retry_after_ms + 999) / 1000));
    }
    if (status == 401) {
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
    }
    return response;
}

std::string sse(std::string_view data) {
    std::string event = "data: ";
    event += data;
    event += "\n\n";
    return event;
}

net::Headers sse_headers() {
    return {{"Content-Type", "text/event-stream"},
            {"Cache-Control", "no-cache"},
            {"X-Accel-Buffering", "no"}};
}

}  // namespace realm::api
