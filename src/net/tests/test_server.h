// A server on a free port of this machine with a thread of its own, and a client that sends and
// reads raw bytes. Both fail loudly instead of hanging.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "net/http.h"

namespace realm::net {

// Longer than anything takes; only a broken test waits so long.
inline constexpr std::chrono::seconds kPatience{20};

// "<status> <code>: <message>", so that tests can compare all of it.
HttpResponse plain_error(int status, const Error& error);

class TestServer {
public:
    explicit TestServer(HttpHandler handler, const HttpServerOptions& options = {});
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] HttpServer& http() { return *server_; }
    [[nodiscard]] boost::asio::io_context& io() { return io_; }

    // Runs `call` on the server's thread and returns what it returns.
    template <class Call>
    auto on_thread(Call call) {
        std::packaged_task<decltype(call())()> task(std::move(call));
        auto result = task.get_future();
        boost::asio::post(io_, std::move(task));
        return result.get();
    }

private:
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::unique_ptr<HttpServer> server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

class TestClient {
public:
    explicit TestClient(const TestServer& server);

    void send(std::string_view bytes);
    // Like send(), but false when the connection breaks on the way.
    bool try_send(std::string_view bytes);
    // Through the end of the first `mark`.
    std::string read_through(std::string_view mark);
    std::string read_exactly(std::size_t count);
    // Everything until the server closes; throws when it breaks the connection instead.
    std::string read_to_end();
    // One response with Content-Length, the Date field left out.
    std::string read_response();
    void close();
    // Closes so that the server's system is told with a reset.
    void reset();
    void close_sending();

private:
    bool fill();

    boost::asio::io_context io_;
    boost::asio::ip::tcp::socket socket_;
    std::string buffer_;
};

// Sends `bytes`, reads to the end, leaves out the Date field.
std::string converse(const TestServer& server, std::string_view bytes);

std::string without_date(std::string text);

// 200 with "METHOD path?query|body".
boost::asio::awaitable<void> echo(HttpRequest request, ResponseWriter& writer);

}  // namespace realm::net
