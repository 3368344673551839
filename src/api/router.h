// Paths and methods to handlers; what matches nothing gets a clear 404 or 405.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace realm::api {

// Called on the gateway's io_context. `rest` is what follows a route that ends in '/'.
using RouteHandler = std::function<boost::asio::awaitable<void>(
    const net::HttpRequest& request, std::string rest, net::ResponseWriter& writer)>;

// Filled before serving, read-only afterwards.
class Router {
public:
    // `path` is matched whole; one that ends in '/' matches what lies below it, not itself.
    // GET answers HEAD too.
    void add(std::string method, std::string path, RouteHandler handler);

    boost::asio::awaitable<void> handle(const net::HttpRequest& request,
                                        net::ResponseWriter& writer) const;

private:
    struct Route {
        std::string method;
        std::string path;
        RouteHandler handler;
    };

    std::vector<Route> routes_;
};

}  // namespace realm::api
