#include "registry/http_request.h"

#include <gtest/gtest.h>

#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

TEST(HttpRequest, BringsStatusAndBodyWhateverTheyAre) {
    test::TestServer server([](const test::Request&) {
        return test::Reply{.head = "HTTP/1.1 404 Not Found\r\nContent-Length: 2", .body = "no"};
    });
    HttpRequest request;
    request.method = "DELETE";
    request.url = server.url("/v1/programs/a%20b");
    request.bearer_token = "key";
    request.accept = "application/json";
    const auto answer = send_request(request);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 404);
    EXPECT_EQ(answer->body, "no");
    const auto seen = server.requests();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].method, "DELETE");
    EXPECT_EQ(seen[0].path, "/v1/programs/a%20b");
    EXPECT_EQ(seen[0].header("authorization"), "Bearer key");
    EXPECT_EQ(seen[0].header("accept"), "application/json");
}

TEST(HttpRequest, AnAnswerMayBeTooLong) {
    test::TestServer server([](const test::Request&) {
        return test::Reply{.head = "HTTP/1.1 200 OK\r\nContent-Length: 5", .body = "12345"};
    });
    HttpRequest request;
    request.url = server.url("/");
    request.max_answer_bytes = 5;
    EXPECT_EQ(send_request(request)->body, "12345");
    request.max_answer_bytes = 4;
    EXPECT_EQ(send_request(request).error().code, "server_unreachable");
}

TEST(HttpRequest, NoServerIsAnErrorThatNamesTheUrl) {
    HttpRequest request;
    request.url = "http://127.0.0.1:1/x";
    const auto answer = send_request(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(answer.error().code, "server_unreachable");
    EXPECT_TRUE(answer.error().message.starts_with("http://127.0.0.1:1/x: "));
    request.url = "file:///etc/hostname";
    EXPECT_EQ(send_request(request).error().code, "server_unreachable");
}

TEST(HttpRequest, PartsOfPathsAreEncoded) {
    EXPECT_EQ(url_part("name-1.0_x~@2"), "name-1.0_x~@2");
    EXPECT_EQ(url_part("a/b c?\xff"), "a%2Fb%20c%3F%FF");
}

}  // namespace
}  // namespace realm::registry
