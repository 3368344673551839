#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "net/tests/test_server.h"

namespace realm::net {
namespace {

namespace asio = boost::asio;

// A handler that waits until the test lets it go. The timer lives in the handler.
struct Hold {
    std::promise<void> started;
    asio::steady_timer* timer = nullptr;  // used on the server's thread
};

asio::awaitable<void> wait_then_echo(HttpRequest request, ResponseWriter& writer, Hold& hold) {
    if (request.path == "/wait") {
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
        hold.timer = &timer;
        hold.started.set_value();
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_await echo(std::move(request), writer);
}

HttpHandler handler_of(Hold& hold) {
    return [&hold](HttpRequest request, ResponseWriter& writer) {
        return wait_then_echo(std::move(request), writer, hold);
    };
}

bool is_ready(std::future<void>& future) {
    return future.wait_for(kPatience) == std::future_status::ready;
}

bool can_connect(std::uint16_t port) {
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    boost::system::error_code failed;
    socket.connect({asio::ip::make_address("127.0.0.1"), port}, failed);
    return !failed;
}

TEST(Server, NamesWhatItCannotListenOn) {
    asio::io_context io;
    HttpServerOptions options;
    options.address = "not-an-address";
    options.port = 81;
    auto server = HttpServer::listen(io, options, echo, plain_error);
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(server.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(server.error().code, "cannot_listen");
    EXPECT_EQ(server.error().message,
              "cannot listen on address not-an-address, port 81: this is no IP address");

    TestServer other(echo);
    options.address = "127.0.0.1";
    options.port = other.port();
    server = HttpServer::listen(io, options, echo, plain_error);
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(server.error().message, "cannot listen on address 127.0.0.1, port " +
                                          std::to_string(other.port()) +
                                          ": Address already in use");
}

TEST(Server, ListensOnLocalhostAndIpv6) {
    for (const char* address : {"localhost", "127.0.0.1", "::1"}) {
        asio::io_context io;
        HttpServerOptions options;
        options.address = address;
        const auto server = HttpServer::listen(io, options, echo, plain_error);
        ASSERT_TRUE(server.has_value()) << server.error().message;
        EXPECT_NE((*server)->port(), 0);
    }
}

TEST(Server, CountsActiveRequests) {
    Hold hold;
    TestServer server(handler_of(hold));
    const auto active = [&server] { return server.http().active_requests(); };
    EXPECT_EQ(server.on_thread(active), 0U);
    TestClient client(server);
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    auto started = hold.started.get_future();
    ASSERT_TRUE(is_ready(started));
    EXPECT_EQ(server.on_thread(active), 1U);
    server.on_thread([&hold] { hold.timer->cancel(); });
    EXPECT_TRUE(client.read_response().ends_with("GET /wait?|"));
    // The next response comes after the first request has ended.
    client.send("GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(client.read_to_end().ends_with("GET /b?|"));
    EXPECT_EQ(server.on_thread(active), 0U);
}

TEST(Server, DrainsRunningRequestsAndClosesIdleConnections) {
    Hold hold;
    TestServer server(handler_of(hold));
    TestClient idle(server);
    idle.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(idle.read_response().ends_with("GET /b?|"));
    TestClient busy(server);
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    auto started = hold.started.get_future();
    ASSERT_TRUE(is_ready(started));

    std::promise<void> drained;
    auto done = drained.get_future();
    server.on_thread([&] { server.http().drain([&drained] { drained.set_value(); }); });
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_FALSE(can_connect(server.port()));
    EXPECT_EQ(done.wait_for(std::chrono::seconds(0)), std::future_status::timeout);

    server.on_thread([&hold] { hold.timer->cancel(); });
    EXPECT_TRUE(busy.read_to_end().ends_with("GET /wait?|"));
    EXPECT_TRUE(is_ready(done));
}

TEST(Server, DrainsAtOnceWhenNothingRuns) {
    TestServer server(echo);
    TestClient idle(server);
    idle.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(idle.read_response().ends_with("GET /b?|"));
    std::promise<void> drained;
    auto done = drained.get_future();
    server.on_thread([&] { server.http().drain([&drained] { drained.set_value(); }); });
    EXPECT_TRUE(is_ready(done));
    EXPECT_EQ(idle.read_to_end(), "");
}

TEST(Server, CloseCutsEverything) {
    Hold hold;
    TestServer server(handler_of(hold));
    TestClient idle(server);
    TestClient busy(server);
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    auto started = hold.started.get_future();
    ASSERT_TRUE(is_ready(started));
    server.on_thread([&server] { server.http().close(); });
    EXPECT_EQ(busy.read_to_end(), "");
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_FALSE(can_connect(server.port()));
    server.on_thread([&hold] { hold.timer->cancel(); });
}

TEST(Server, MayBeDestroyedWhileRequestsRun) {
    Hold hold;
    auto server = std::make_unique<TestServer>(handler_of(hold));
    TestClient client(*server);
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    auto started = hold.started.get_future();
    ASSERT_TRUE(is_ready(started));
    server.reset();
    EXPECT_EQ(client.read_to_end(), "");
}

HttpResponse broken_error_body(int /*status*/, const Error& /*error*/) {
    throw std::runtime_error("no body");
}

TEST(Server, AnswersErrorsEvenWhenTheirBodyFails) {
    asio::io_context io;
    const HttpServerOptions options;
    const auto server = HttpServer::listen(io, options, echo, broken_error_body);
    ASSERT_TRUE(server.has_value());
    std::thread thread([&io] { io.run(); });
    asio::io_context client_io;
    asio::ip::tcp::socket socket(client_io);
    socket.connect({asio::ip::make_address("127.0.0.1"), (*server)->port()});
    asio::write(socket, asio::buffer(std::string_view("BAD\r\n\r\n")));
    std::string text;
    boost::system::error_code end;
    asio::read(socket, asio::dynamic_buffer(text), end);
    io.stop();
    thread.join();
    EXPECT_EQ(end, asio::error::eof);
    EXPECT_TRUE(text.starts_with("HTTP/1.1 400 Bad Request\r\n")) << text;
    EXPECT_TRUE(text.find("Content-Type: text/plain; charset=utf-8\r\n") != std::string::npos);
}

}  // namespace
}  // namespace realm::net
