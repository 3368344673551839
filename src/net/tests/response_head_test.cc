#include "net/response_head.h"

#include <optional>
#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace realm::net {
namespace {

ResponseFrame frame(std::optional<std::size_t> length, bool chunked, ConnectionField connection) {
    return {.length = length, .chunked = chunked, .connection = connection};
}

TEST(ResponseHead, HasTheFieldsThatItMust) {
    EXPECT_EQ(format_head(200, {{"Content-Type", "text/plain"}},
                          frame(5, false, ConnectionField::kNone), "D"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nServer: realm\r\nContent-Type: text/plain\r\n"
              "Content-Length: 5\r\n\r\n");
    EXPECT_EQ(format_head(413, {}, frame(0, false, ConnectionField::kClose), "D"),
              "HTTP/1.1 413 Payload Too Large\r\nDate: D\r\nServer: realm\r\nContent-Length: 0\r\n"
              "Connection: close\r\n\r\n");
    EXPECT_EQ(format_head(200, {}, frame(std::nullopt, true, ConnectionField::kKeepAlive), "D"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nServer: realm\r\nTransfer-Encoding: chunked\r\n"
              "Connection: keep-alive\r\n\r\n");
}

TEST(ResponseHead, FramingFieldsOfTheHandlerAreReplaced) {
    EXPECT_EQ(
        format_head(200,
                    {{"content-length", "99"},
                     {"TRANSFER-ENCODING", "gzip"},
                     {"Connection", "x"},
                     {"date", "x"},
                     {"server", "x"},
                     {"X-Kept", ""}},
                    frame(1, false, ConnectionField::kNone), "D"),
        "HTTP/1.1 200 OK\r\nDate: D\r\nServer: realm\r\nX-Kept: \r\nContent-Length: 1\r\n\r\n");
}

TEST(ResponseHead, FieldsCannotSmuggleLines) {
    for (const auto& [name, value] : Headers{{"A\r\nB", "x"},
                                             {"", "x"},
                                             {"A B", "x"},
                                             {"A:", "x"},
                                             {"A", "x\r\nB: y"},
                                             {"A", "x\ny"},
                                             {"A", std::string("x\0y", 3)},
                                             {"Date", "x\r\n"}}) {
        const auto head =
            format_head(200, {{name, value}}, frame(0, false, ConnectionField::kNone), "D");
        ASSERT_FALSE(head.has_value()) << name;
        EXPECT_EQ(head.error().type, ErrorType::kInternal);
        EXPECT_EQ(head.error().code, "invalid_response");
    }
}

TEST(ResponseHead, StatusIsChecked) {
    const ResponseFrame empty = frame(0, false, ConnectionField::kNone);
    EXPECT_TRUE(format_head(200, {}, empty, "D").has_value());
    EXPECT_TRUE(format_head(599, {}, empty, "D").has_value());
    for (const int status : {-1, 0, 100, 199, 600, 1000}) {
        EXPECT_EQ(format_head(status, {}, empty, "D").error().message,
                  "a response cannot have the status " + std::to_string(status));
    }
}

TEST(ResponseHead, DateHasTheShapeOfHttp) {
    EXPECT_TRUE(std::regex_match(
        http_date_now(),
        std::regex("(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3]\\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|"
                   "Oct|Nov|Dec) 20\\d\\d [0-2]\\d:[0-5]\\d:[0-6]\\d GMT")))
        << http_date_now();
}

}  // namespace
}  // namespace realm::net
