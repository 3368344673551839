#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/tests/test_server.h"

namespace realm::net {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

// What the calls of a handler returned: the error's code, or "ok".
using Codes = std::vector<std::string>;

std::string code_of(const Result<void>& result) {
    return result ? "ok" : result.error().code;
}

asio::awaitable<void> stream(HttpRequest /*request*/, ResponseWriter& writer) {
    const Headers headers{{"Content-Type", "text/event-stream"}};
    EXPECT_TRUE((co_await writer.begin(200, headers)).has_value());
    EXPECT_TRUE((co_await writer.write("hello")).has_value());
    EXPECT_TRUE((co_await writer.write("")).has_value());
    const std::string large(0x1234, 'x');
    EXPECT_TRUE((co_await writer.write(large)).has_value());
    EXPECT_TRUE((co_await writer.end()).has_value());
}

TEST(Response, StreamsInChunks) {
    TestServer server(stream);
    EXPECT_EQ(
        converse(server, std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n") + std::string(kGet)), [] {
            const std::string start =
                "HTTP/1.1 200 OK\r\nServer: realm\r\nContent-Type: text/event-stream\r\n"
                "Transfer-Encoding: chunked\r\n";
            const std::string body =
                "\r\n5\r\nhello\r\n1234\r\n" + std::string(0x1234, 'x') + "\r\n0\r\n\r\n";
            return start + body + start + "Connection: close\r\n" + body;
        }());
}

TEST(Response, StreamsToHttp10UntilTheEnd) {
    TestServer server(stream);
    EXPECT_EQ(converse(server, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nServer: realm\r\nContent-Type: text/event-stream\r\n"
              "Connection: close\r\n\r\nhello" +
                  std::string(0x1234, 'x'));
}

TEST(Response, StreamsNothingToHead) {
    TestServer server(stream);
    EXPECT_EQ(converse(server, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nServer: realm\r\nContent-Type: text/event-stream\r\n"
              "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

asio::awaitable<void> fail_at_once(HttpRequest /*request*/, ResponseWriter& /*writer*/) {
    throw std::runtime_error("secret");
    co_return;
}

asio::awaitable<void> fail_with_an_int(HttpRequest /*request*/, ResponseWriter& /*writer*/) {
    throw 7;
    co_return;
}

asio::awaitable<void> say_nothing(HttpRequest /*request*/, ResponseWriter& /*writer*/) {
    co_return;
}

asio::awaitable<void> send_a_bad_field(HttpRequest /*request*/, ResponseWriter& writer) {
    HttpResponse response;
    response.headers = {{"X", "a\r\nInjected: 1"}};
    const Result<void> sent = co_await writer.send(std::move(response));
    EXPECT_EQ(code_of(sent), "invalid_response");
}

TEST(Response, IsA500WhenTheHandlerGivesNone) {
    const std::string body = "500 no_response: The server failed to answer this request.";
    const std::string expected =
        "HTTP/1.1 500 Internal Server Error\r\nServer: realm\r\nContent-Type: text/plain\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
    for (const HttpHandler& handler : {HttpHandler(fail_at_once), HttpHandler(fail_with_an_int),
                                       HttpHandler(say_nothing), HttpHandler(send_a_bad_field)}) {
        TestServer server(handler);
        EXPECT_EQ(converse(server, kGet), expected);
    }
}

asio::awaitable<void> fail_half_way(HttpRequest /*request*/, ResponseWriter& writer) {
    const Headers headers;
    static_cast<void>(co_await writer.begin(200, headers));
    static_cast<void>(co_await writer.write("part"));
    throw std::runtime_error("secret");
}

asio::awaitable<void> stop_half_way(HttpRequest /*request*/, ResponseWriter& writer) {
    const Headers headers;
    static_cast<void>(co_await writer.begin(200, headers));
    static_cast<void>(co_await writer.write("part"));
}

TEST(Response, IsCutShortWhenTheHandlerStopsHalfWay) {
    for (const HttpHandler& handler : {HttpHandler(fail_half_way), HttpHandler(stop_half_way)}) {
        TestServer server(handler);
        EXPECT_EQ(converse(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                  "HTTP/1.1 200 OK\r\nServer: realm\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "4\r\npart\r\n");
    }
}

asio::awaitable<void> fail_afterwards(HttpRequest request, ResponseWriter& writer) {
    co_await echo(std::move(request), writer);
    throw std::runtime_error("too late");
}

TEST(Response, StandsWhenTheHandlerFailsAfterIt) {
    TestServer server(fail_afterwards);
    TestClient client(server);
    for (int i = 0; i < 2; ++i) {
        client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_EQ(client.read_response(),
                  "HTTP/1.1 200 OK\r\nServer: realm\r\nContent-Length: 8\r\n\r\nGET /a?|");
    }
}

asio::awaitable<void> call_in_every_order(HttpRequest /*request*/, ResponseWriter& writer,
                                          Codes& codes) {
    const Headers headers;
    codes.push_back(code_of(co_await writer.write("x")));
    codes.push_back(code_of(co_await writer.end()));
    codes.push_back(code_of(co_await writer.begin(200, headers)));
    codes.push_back(code_of(co_await writer.begin(200, headers)));
    HttpResponse response;
    codes.push_back(code_of(co_await writer.send(std::move(response))));
    codes.push_back(code_of(co_await writer.end()));
    codes.push_back(code_of(co_await writer.end()));
    codes.push_back(code_of(co_await writer.write("x")));
}

TEST(Response, CallsOutOfOrderAreRefused) {
    Codes codes;
    {
        TestServer server([&codes](HttpRequest request, ResponseWriter& writer) {
            return call_in_every_order(std::move(request), writer, codes);
        });
        EXPECT_TRUE(converse(server, kGet).ends_with("\r\n\r\n0\r\n\r\n"));
    }
    const std::string refused = "response_out_of_order";
    EXPECT_EQ(codes, (Codes{refused, refused, "ok", refused, refused, "ok", refused, refused}));
}

asio::awaitable<void> send_no_content(HttpRequest /*request*/, ResponseWriter& writer) {
    HttpResponse response;
    response.status = 204;
    response.body = "dropped";
    static_cast<void>(co_await writer.send(std::move(response)));
}

TEST(Response, WithoutContentHasNoBody) {
    TestServer server(send_no_content);
    EXPECT_EQ(converse(server, kGet),
              "HTTP/1.1 204 No Content\r\nServer: realm\r\nConnection: close\r\n\r\n");
}

asio::awaitable<void> write_until_it_fails(HttpRequest /*request*/, ResponseWriter& writer,
                                           std::promise<Codes>& done) {
    const Headers headers;
    const std::string data(std::size_t{1} << 20, 'x');
    Result<void> written = co_await writer.begin(200, headers);
    while (written) {
        written = co_await writer.write(data);
    }
    Codes codes{code_of(written)};
    EXPECT_EQ(written.error().type, ErrorType::kCancelled);
    codes.push_back(code_of(co_await writer.write("more")));
    codes.push_back(code_of(co_await writer.end()));
    done.set_value(codes);
}

TEST(Response, FailsWhenTheClientDoesNotRead) {
    HttpServerOptions options;
    options.write_timeout = std::chrono::milliseconds(50);
    std::promise<Codes> done;
    TestServer server(
        [&done](HttpRequest request, ResponseWriter& writer) {
            return write_until_it_fails(std::move(request), writer, done);
        },
        options);
    TestClient client(server);
    client.send(kGet);
    auto codes = done.get_future();
    ASSERT_EQ(codes.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(codes.get(), (Codes{"write_timeout", "client_gone", "client_gone"}));
}

TEST(Response, FailsWhenTheClientIsGone) {
    std::promise<Codes> done;
    TestServer server([&done](HttpRequest request, ResponseWriter& writer) {
        return write_until_it_fails(std::move(request), writer, done);
    });
    TestClient client(server);
    client.send(kGet);
    client.read_through("\r\n\r\n");
    client.reset();
    auto codes = done.get_future();
    ASSERT_EQ(codes.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(codes.get(), (Codes{"client_gone", "client_gone", "client_gone"}));
}

}  // namespace
}  // namespace realm::net
