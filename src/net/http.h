// HTTP/1.1 as the rest of Realm sees it: requests as values, responses through a writer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace realm::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;  // upper case
    std::string path;    // percent-decoded, without the query
    std::string query;   // raw, without '?'
    Headers headers;     // as received
    std::string body;
    std::string peer;  // "127.0.0.1:40312"

    // The first header of that name, whatever its case; empty when there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct HttpResponse {
    int status = 200;
    Headers headers;  // Content-Length, Date, Server and Connection are added
    std::string body;
};

// Answers one request; used only on the gateway's io_context. Lives as long as its handler runs.
class ResponseWriter {
public:
    virtual ~ResponseWriter() = default;

    // The whole response at once. At most one of send() and begin() may be called, once.
    virtual boost::asio::awaitable<Result<void>> send(HttpResponse response) = 0;
    // Starts a response of unknown length (chunked); write() sends at once; end() completes it.
    // Errors are `cancelled`: the client is gone or does not read within the write timeout.
    virtual boost::asio::awaitable<Result<void>> begin(int status, Headers headers) = 0;
    virtual boost::asio::awaitable<Result<void>> write(std::string_view data) = 0;
    virtual boost::asio::awaitable<Result<void>> end() = 0;

    // `gone` is called once, on the io_context, when the client closes its connection before the
    // response is complete. At most one callback; reset by passing nullptr.
    virtual void on_disconnect(std::move_only_function<void()> gone) = 0;
};

// Answers a request; must send or begin a response (else the client gets a 500). Exceptions that
// escape become a 500 too.
using HttpHandler =
    std::function<boost::asio::awaitable<void>(HttpRequest request, ResponseWriter& writer)>;

// A request that never reaches the handler (malformed, too large, ...): its error body in the
// shape that the API speaks. `status` is chosen by net.
using HttpErrorBody = std::function<HttpResponse(int status, const Error& error)>;

// How large a request's body may be, and the setting that says so.
struct BodyLimit {
    std::size_t bytes = std::size_t{8} << 20;
    std::string_view setting = "limits.body_bytes";
};

struct HttpServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
    std::size_t max_body_bytes = BodyLimit{}.bytes;
    // The limit of a request, told from its head; empty: max_body_bytes for each.
    std::function<BodyLimit(const HttpRequest& head)> body_limit;
    std::size_t max_header_bytes = std::size_t{32} << 10;
    std::size_t max_connections = 1024;
    std::chrono::milliseconds header_timeout{15'000};  // from the first byte of a request
    std::chrono::milliseconds body_timeout{60'000};
    std::chrono::milliseconds idle_timeout{60'000};   // between requests of a connection
    std::chrono::milliseconds write_timeout{60'000};  // for one write
};

// Listens and serves connections as coroutines on one io_context, which its owner runs on one
// thread. All members are called on that thread, or before it runs.
class HttpServer {
public:
    // unavailable with a message that names address and port when it cannot listen there.
    static Result<std::unique_ptr<HttpServer>> listen(boost::asio::io_context& io,
                                                      const HttpServerOptions& options,
                                                      HttpHandler handler,
                                                      HttpErrorBody error_body);
    virtual ~HttpServer() = default;

    [[nodiscard]] virtual std::uint16_t port() const = 0;
    [[nodiscard]] virtual std::size_t active_requests() const = 0;
    // Stops accepting and closes idle connections; running requests go on. Calls `drained` once
    // no request runs any more.
    virtual void drain(std::move_only_function<void()> drained) = 0;
    // Closes every connection now.
    virtual void close() = 0;
};

}  // namespace realm::net
