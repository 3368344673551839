#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "net/tests/test_server.h"

namespace realm::net {
namespace {

using std::chrono::milliseconds;

std::string status_and_code(const std::string& response) {
    const std::size_t body = response.find("\r\n\r\n");
    if (body == std::string::npos) {
        return "no response: " + response;
    }
    return response.substr(body + 4, response.find(':', body + 4) - body - 4);
}

HttpServerOptions with_body_limit(std::size_t bytes) {
    HttpServerOptions options;
    options.max_body_bytes = bytes;
    return options;
}

std::string post(std::size_t size) {
    return "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
           std::to_string(size) + "\r\n\r\n" + std::string(size, 'b');
}

TEST(Limits, BodyLengthIsBoundedExactly) {
    TestServer server(echo, with_body_limit(1000));
    const std::string fits = converse(server, post(1000));
    EXPECT_TRUE(fits.ends_with("POST /p?|" + std::string(1000, 'b'))) << fits.substr(0, 100);
    const std::string large = converse(server, post(1001));
    EXPECT_TRUE(large.starts_with("HTTP/1.1 413 Payload Too Large\r\n")) << large;
    EXPECT_TRUE(
        large.ends_with("413 body_too_large: The body of the request has 1001 bytes; this "
                        "server accepts 1000 (limits.body_bytes)."))
        << large;
}

TEST(Limits, ChunkedBodiesAreBoundedExactly) {
    TestServer server(echo, with_body_limit(10));
    const std::string head =
        "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_TRUE(converse(server, head + "5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n")
                    .ends_with("POST /p?|1234567890"));
    EXPECT_EQ(status_and_code(converse(server, head + "5\r\n12345\r\n6\r\n")),
              "413 body_too_large");
}

TEST(Limits, ARequestMayHaveABodyLimitOfItsOwn) {
    HttpServerOptions options = with_body_limit(10);
    options.body_limit = [](const HttpRequest& head) {
        return head.path == "/p" && head.header("x") == "y"
                   ? BodyLimit{.bytes = 20, .setting = "limits.other"}
                   : BodyLimit{.bytes = 10};
    };
    TestServer server(echo, options);
    EXPECT_TRUE(converse(server, post(10)).starts_with("HTTP/1.1 200"));
    EXPECT_EQ(status_and_code(converse(server, post(11))), "413 body_too_large");
    const auto with_header = [&](std::size_t size) {
        std::string request = post(size);
        return converse(server, request.insert(request.find("Host"), "X: y\r\n"));
    };
    EXPECT_TRUE(with_header(20).starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(with_header(21).ends_with(
        "The body of the request has 21 bytes; this server accepts 20 (limits.other)."));
    const std::string chunked =
        "POST /p HTTP/1.1\r\nHost: x\r\nX: y\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n14\r\n12345678901234567890\r\n";
    EXPECT_TRUE(converse(server, chunked + "0\r\n\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_EQ(status_and_code(converse(server, chunked + "1\r\n")), "413 body_too_large");
}

TEST(Limits, LargeBodiesArriveWhole) {
    TestServer server(echo);
    const std::size_t size = std::size_t{8} << 20;
    const std::string response = converse(server, post(size));
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(response.ends_with("POST /p?|" + std::string(size, 'b')));
}

// The client sends all of it before it reads: the answer must survive that.
TEST(Limits, RefusalReachesAClientThatGoesOnSending) {
    TestServer server(echo);
    EXPECT_EQ(status_and_code(converse(server, post(std::size_t{10} << 20))), "413 body_too_large");
}

TEST(Limits, RefusalComesBeforeTheBody) {
    TestServer server(echo, with_body_limit(10));
    TestClient client(server);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(status_and_code(client.read_to_end()), "413 body_too_large");
}

TEST(Limits, HeaderIsBoundedExactly) {
    HttpServerOptions options;
    options.max_header_bytes = 200;
    TestServer server(echo, options);
    const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ";
    const std::string end = "\r\n\r\n";
    const std::string fits = start + std::string(200 - start.size() - end.size(), 'x') + end;
    ASSERT_EQ(fits.size(), 200U);
    EXPECT_TRUE(converse(server, fits).starts_with("HTTP/1.1 200 OK\r\n"));
    const std::string large = start + std::string(201 - start.size() - end.size(), 'x') + end;
    const std::string refused = converse(server, large);
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n")) << refused;
    EXPECT_TRUE(
        refused.ends_with("431 header_too_large: The header of the request is larger than "
                          "the 200 bytes that this server accepts (limits.header_bytes)."))
        << refused;
}

TEST(Limits, HeaderWithoutEndIsRefusedAtTheLimit) {
    HttpServerOptions options;
    options.max_header_bytes = 200;
    TestServer server(echo, options);
    TestClient client(server);
    std::string request = "GET / HTTP/1.1\r\nHost: x\r\n";
    while (request.size() < 200) {
        request += "A: b\r\n";
    }
    request.resize(200);
    for (const char byte : request) {
        client.send(std::string_view(&byte, 1));
    }
    EXPECT_EQ(status_and_code(client.read_to_end()), "431 header_too_large");
}

TEST(Limits, SlowHeaderIsToldAndClosed) {
    HttpServerOptions options;
    options.header_timeout = milliseconds(50);
    TestServer server(echo, options);
    const std::string response = converse(server, "GET / HTTP/1.1\r\nHost");
    EXPECT_TRUE(response.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << response;
    EXPECT_TRUE(response.ends_with(
        "408 request_timeout: The header of the request did not arrive in time."))
        << response;
}

TEST(Limits, SlowBodyIsToldAndClosed) {
    HttpServerOptions options;
    options.body_timeout = milliseconds(50);
    TestServer server(echo, options);
    EXPECT_EQ(status_and_code(
                  converse(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")),
              "408 request_timeout");
    EXPECT_EQ(status_and_code(converse(server,
                                       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
                                       "\r\n\r\n5\r\nab")),
              "408 request_timeout");
}

TEST(Limits, IdleConnectionIsClosedWithoutAWord) {
    HttpServerOptions options;
    options.idle_timeout = milliseconds(50);
    TestServer server(echo, options);
    TestClient silent(server);
    EXPECT_EQ(silent.read_to_end(), "");
    TestClient used(server);
    used.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(used.read_response().ends_with("GET /?|"));
    EXPECT_EQ(used.read_to_end(), "");
}

TEST(Limits, ConnectionsAreBounded) {
    HttpServerOptions options;
    options.max_connections = 2;
    TestServer server(echo, options);
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    TestClient first(server);
    TestClient second(server);
    first.send(request);
    second.send(request);
    EXPECT_TRUE(first.read_response().ends_with("GET /?|"));
    EXPECT_TRUE(second.read_response().ends_with("GET /?|"));

    const std::string refused = converse(server, request);
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << refused;
    EXPECT_EQ(status_and_code(refused), "503 too_many_connections");

    first.send(request);
    EXPECT_TRUE(first.read_response().ends_with("GET /?|"));
    // A connection that ends makes room for another.
    second.send("GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(second.read_to_end().ends_with("GET /end?|"));
    second.close();
    std::string response;
    for (int i = 0; i < 10'000 && !response.starts_with("HTTP/1.1 200"); ++i) {
        TestClient third(server);
        third.send(request);
        response = third.read_response();
    }
    EXPECT_TRUE(response.ends_with("GET /?|")) << response;
}

}  // namespace
}  // namespace realm::net
