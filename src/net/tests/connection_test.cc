#include <boost/asio/awaitable.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "net/tests/test_server.h"

namespace realm::net {
namespace {

std::string answer(std::string_view body, std::string_view connection = "") {
    return "HTTP/1.1 200 OK\r\nServer: realm\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(connection) + "\r\n" + std::string(body);
}

constexpr std::string_view kClose = "Connection: close\r\n";

TEST(Connection, AnswersManyRequestsInTurn) {
    TestServer server(echo);
    TestClient client(server);
    for (int i = 0; i < 50; ++i) {
        const std::string path = "/" + std::to_string(i);
        client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        ASSERT_EQ(client.read_response(), answer("GET " + path + "?|"));
    }
    client.send("GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(without_date(client.read_to_end()), answer("GET /last?|", kClose));
}

TEST(Connection, AnswersPipelinedRequestsInOrder) {
    TestServer server(echo);
    std::string requests;
    std::string answers;
    for (int i = 0; i < 200; ++i) {
        const std::string body = std::string(static_cast<std::size_t>(i), 'b');
        requests += "POST /" + std::to_string(i) +
                    " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(i) + "\r\n\r\n" +
                    body;
        answers += answer("POST /" + std::to_string(i) + "?|" + body);
    }
    requests +=
        "POST /z HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked"
        "\r\n\r\n1\r\nz\r\n0\r\n\r\n";
    answers += answer("POST /z?|z", kClose);
    EXPECT_EQ(converse(server, requests), answers);
}

TEST(Connection, TakesARequestByteByByte) {
    TestServer server(echo);
    TestClient client(server);
    const std::string request =
        "\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    for (const char byte : request) {
        client.send(std::string_view(&byte, 1));
    }
    EXPECT_EQ(without_date(client.read_to_end()), answer("POST /a?|abc", kClose));
}

TEST(Connection, ReadsChunkedBodiesAndDropsTrailers) {
    TestServer server(echo);
    TestClient client(server);
    client.send(
        "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;e=1\r\nhello\r\n");
    client.send("1\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: 1\r\nContent-Length: 7\r\n\r\n");
    EXPECT_EQ(client.read_response(), answer("POST /c?|hello world"));
    client.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_response(), answer("GET /next?|"));
}

TEST(Connection, SaysContinueOnlyWhenTheBodyIsAwaited) {
    TestServer server(echo);
    TestClient client(server);
    client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    EXPECT_EQ(client.read_response(), answer("POST /e?|ok"));
    client.send(
        "POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        "Expect: 100-continue\r\n\r\nok");
    EXPECT_EQ(client.read_response(), answer("POST /f?|ok"));
    client.send("GET /g HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_response(), answer("GET /g?|"));
}

TEST(Connection, AnswersHeadWithoutABody) {
    TestServer server(echo);
    EXPECT_EQ(converse(server,
                       "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n"
                       "GET /n HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nServer: realm\r\nContent-Length: 9\r\n\r\n" +
                  answer("GET /n?|", kClose));
}

TEST(Connection, SpeaksHttp10) {
    TestServer server(echo);
    EXPECT_EQ(converse(server, "GET /a HTTP/1.0\r\n\r\n"), answer("GET /a?|", kClose));
    TestClient client(server);
    client.send("GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(client.read_response(), answer("GET /b?|", "Connection: keep-alive\r\n"));
    client.send("GET /c HTTP/1.0\r\n\r\n");
    EXPECT_EQ(without_date(client.read_to_end()), answer("GET /c?|", kClose));
}

TEST(Connection, DecodesThePathAndKeepsTheQuery) {
    TestServer server(echo);
    EXPECT_EQ(
        converse(server,
                 "GET /a%20%C3%BC%2Fb?c=%20d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        answer("GET /a \xc3\xbc/b?c=%20d|", kClose));
}

std::string refusal(std::string_view status, std::string_view body) {
    return "HTTP/1.1 " + std::string(status) +
           "\r\nServer: realm\r\nContent-Type: text/plain\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + std::string(body);
}

TEST(Connection, RefusesWhatIsNoHttpAtOnce) {
    TestServer server(echo);
    const std::string control =
        refusal("400 Bad Request",
                "400 malformed_request: The request is not valid HTTP: its header has a byte that "
                "does not belong there.");
    EXPECT_EQ(converse(server, "\x16\x03\x01\x02"), control);
    EXPECT_EQ(converse(server, "GET / HTTP/1.1\nHost: x\n\n"), control);
    EXPECT_EQ(converse(server, "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
              refusal("400 Bad Request",
                      "400 malformed_request: The request is not valid HTTP: its target is no "
                      "path, or has a broken percent escape."));
    EXPECT_EQ(converse(server, "GET / HTTP/1.1\r\n\r\n"),
              refusal("400 Bad Request",
                      "400 malformed_request: The request is not valid HTTP: it needs one Host "
                      "field."));
    EXPECT_EQ(converse(server, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
              refusal("505 HTTP Version Not Supported",
                      "505 unsupported_http_version: This server speaks HTTP/1.1 and HTTP/1.0."));
    EXPECT_EQ(converse(server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nzz"),
              refusal("501 Not Implemented",
                      "501 unsupported_transfer_encoding: The only Transfer-Encoding that this "
                      "server reads is chunked."));
    EXPECT_EQ(
        converse(server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        refusal("400 Bad Request",
                "400 malformed_request: The request is not valid HTTP: a chunk of its body is "
                "broken."));
}

TEST(Connection, AnswersWhatWasGoodBeforeWhatIsBad) {
    TestServer server(echo);
    const std::string all =
        converse(server, "GET /good HTTP/1.1\r\nHost: x\r\n\r\nBAD\r\n\r\nGET /never HTTP/1.1\r\n");
    const std::string good = answer("GET /good?|");
    EXPECT_EQ(all.substr(0, good.size()), good);
    EXPECT_EQ(all.substr(good.size(), 28), "HTTP/1.1 400 Bad Request\r\nSe");
    EXPECT_EQ(all.find("never"), std::string::npos);
}

TEST(Connection, ClosesQuietlyWhenTheClientGoesHalfWay) {
    TestServer server(echo);
    for (const char* part :
         {"", "GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"}) {
        TestClient client(server);
        client.send(part);
        client.close_sending();
        EXPECT_EQ(client.read_to_end(), "") << part;
    }
}

boost::asio::awaitable<void> tell_peer(HttpRequest request, ResponseWriter& writer) {
    HttpResponse response;
    response.body = request.peer.substr(0, request.peer.find(':') + 1);
    static_cast<void>(co_await writer.send(std::move(response)));
}

TEST(Connection, KnowsItsPeer) {
    TestServer server(tell_peer);
    TestClient client(server);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_response(), answer("127.0.0.1:"));
}

}  // namespace
}  // namespace realm::net
