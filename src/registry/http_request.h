// One HTTP request and its whole answer, for commands that talk to a server.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace realm::registry {

struct HttpFormPart {
    std::string name;
    std::string content;
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;                 // http or https
    std::string bearer_token;        // empty: none
    std::string accept;              // empty: anything
    std::vector<HttpFormPart> form;  // sent as multipart/form-data where there is any
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds timeout{600'000};
    std::size_t max_answer_bytes = std::size_t{1} << 30;
};

struct HttpAnswer {
    int status = 0;
    std::string body;
};

// Blocks. Any status is an answer; no redirects are followed. unavailable/server_unreachable,
// with the URL and what failed, where there is none.
Result<HttpAnswer> send_request(const HttpRequest& request);

// A text as one part of a path, percent-encoded.
std::string url_part(std::string_view text);

}  // namespace realm::registry
