#include "api/router.h"

#include <utility>

#include "api/responses.h"

namespace realm::api {
namespace {

bool matches(std::string_view route, std::string_view path) {
    return route.ends_with('/') ? path.size() > route.size() && path.starts_with(route)
                                : path == route;
}

net::HttpResponse unknown_url(const net::HttpRequest& request) {
    const auto error = fail(ErrorType::kNotFound, "unknown_url",
                            "Unknown request URL: " + request.method + " " + request.path +
                                ". See GET /v1/models and POST /v1/chat/completions.");
    return error_response(error.error());
}

net::HttpResponse wrong_method(const net::HttpRequest& request, const std::string& allowed) {
    const auto error = fail(ErrorType::kInvalidRequest, "method_not_allowed",
                            request.path + " takes " + allowed + ", not " + request.method + ".");
    net::HttpResponse response = error_response(405, error.error());
    response.headers.emplace_back("Allow", allowed);
    return response;
}

}  // namespace

void Router::add(std::string method, std::string path, RouteHandler handler) {
    routes_.push_back(
        {.method = std::move(method), .path = std::move(path), .handler = std::move(handler)});
}

boost::asio::awaitable<void> Router::handle(const net::HttpRequest& request,
                                            net::ResponseWriter& writer) const {
    std::string allowed;
    for (const Route& route : routes_) {
        if (!matches(route.path, request.path)) {
            continue;
        }
        if (route.method == request.method || (route.method == "GET" && request.method == "HEAD")) {
            co_await route.handler(request, request.path.substr(route.path.size()), writer);
            co_return;
        }
        allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    net::HttpResponse response =
        allowed.empty() ? unknown_url(request) : wrong_method(request, allowed);
    co_await writer.send(std::move(response));
}

}  // namespace realm::api
