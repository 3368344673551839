#include "net/request_head.h"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace realm::net {
namespace {

TEST(ScanHead, FindsTheEnd) {
    const std::string_view text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
    for (std::size_t size = 0; size < 27; ++size) {
        EXPECT_EQ(scan_head(text.substr(0, size), 0).state, HeadState::kMore) << size;
    }
    for (std::size_t seen = 0; seen < 27; ++seen) {
        const HeadScan scan = scan_head(text, seen);
        EXPECT_EQ(scan.state, HeadState::kComplete);
        EXPECT_EQ(scan.size, 27U);
    }
}

TEST(ScanHead, SeesEarlyWhatIsNoHttp) {
    EXPECT_EQ(scan_head("\n", 0).state, HeadState::kMalformed);
    EXPECT_EQ(scan_head("GET / HTTP/1.1\n", 0).state, HeadState::kMalformed);
    EXPECT_EQ(scan_head("GET / HTTP/1.1\r\nA: \x01", 0).state, HeadState::kMalformed);
    EXPECT_EQ(scan_head("\x16\x03\x01", 0).state, HeadState::kMalformed);  // a TLS greeting
    EXPECT_EQ(scan_head(std::string_view("\0", 1), 0).state, HeadState::kMalformed);
    EXPECT_EQ(scan_head("\x7f", 0).state, HeadState::kMalformed);
    EXPECT_EQ(scan_head("GET /\t\xff", 0).state, HeadState::kMore);
}

RequestHead parsed(const std::string& text) {
    auto head = parse_head(text);
    if (!head) {
        ADD_FAILURE() << head.error().status << " " << head.error().error.message;
        return {};
    }
    return std::move(*head);
}

TEST(ParseHead, ReadsEverything) {
    const RequestHead head = parsed(
        "POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-One:  1 \r\nx-one: 2\r\n"
        "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n");
    EXPECT_EQ(head.request.method, "POST");
    EXPECT_EQ(head.request.path, "/a b");
    EXPECT_EQ(head.request.query, "c=d");
    EXPECT_EQ(head.request.headers, (Headers{{"Host", "x"},
                                             {"X-One", "1"},
                                             {"x-one", "2"},
                                             {"Content-Length", "12"},
                                             {"Expect", "100-Continue"}}));
    EXPECT_EQ(head.request.header("X-ONE"), "1");
    EXPECT_EQ(head.request.header("nothing"), "");
    EXPECT_TRUE(head.http_1_1);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_TRUE(head.expects_continue);
    EXPECT_EQ(head.body, BodyKind::kLength);
    EXPECT_EQ(head.length, 12U);
}

TEST(ParseHead, KnowsBodies) {
    EXPECT_EQ(parsed("GET / HTTP/1.1\r\nHost: x\r\n\r\n").body, BodyKind::kNone);
    EXPECT_EQ(parsed("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").body,
              BodyKind::kNone);
    EXPECT_EQ(parsed("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n").body,
              BodyKind::kChunked);
}

TEST(ParseHead, KnowsKeepAlive) {
    EXPECT_TRUE(parsed("GET / HTTP/1.1\r\nHost: x\r\n\r\n").keep_alive);
    EXPECT_FALSE(parsed("GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n").keep_alive);
    EXPECT_FALSE(parsed("GET / HTTP/1.0\r\n\r\n").keep_alive);
    EXPECT_TRUE(parsed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
    EXPECT_FALSE(parsed("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

std::string refusal_of(const std::string& text) {
    const auto head = parse_head(text);
    if (head) {
        return "accepted";
    }
    return std::to_string(head.error().status) + " " + head.error().error.code;
}

TEST(ParseHead, RefusesMalformedRequests) {
    for (const char* text :
         {"\r\n\r\n",
          "GET\r\n\r\n",
          "GET /\r\n\r\n",
          "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
          "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
          " GET / HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET / HTTX/1.1\r\nHost: x\r\n\r\n",
          "GET / HTTP/11\r\nHost: x\r\n\r\n",
          "GET a HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET / HTTP/1.1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nA : c\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\n: c\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
          "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        EXPECT_EQ(refusal_of(text), "400 malformed_request") << text;
    }
}

TEST(ParseHead, RefusesWhatItDoesNotSpeak) {
    for (const char* version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"}) {
        EXPECT_EQ(refusal_of("GET / " + std::string(version) + "\r\nHost: x\r\n\r\n"),
                  "505 unsupported_http_version")
            << version;
    }
    for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "identity", ""}) {
        EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " +
                             std::string(coding) + "\r\n\r\n"),
                  "501 unsupported_transfer_encoding")
            << coding;
    }
    EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n"),
              "417 unsupported_expectation");
}

TEST(ParseHead, SurvivesEveryPrefixAndRandomChanges) {
    const std::string good =
        "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_EQ(refusal_of(good.substr(0, size)), "400 malformed_request") << size;
    }
    std::mt19937 random(11);
    for (int round = 0; round < 20'000; ++round) {
        std::string text = good;
        for (int change = 0; change < 3; ++change) {
            text[random() % (text.size() - 4)] = static_cast<char>(random() % 256);
        }
        const auto head = parse_head(text);
        if (!head) {
            EXPECT_GE(head.error().status, 400) << text;
        }
    }
}

}  // namespace
}  // namespace realm::net
