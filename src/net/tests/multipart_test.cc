#include "net/multipart.h"

#include <gtest/gtest.h>

namespace realm::net {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=B";

// "name=content" of each part, or the error.
std::string parts_of(std::string_view body, std::string_view type = kType) {
    const auto parts = parse_multipart_form(type, body);
    if (!parts) {
        EXPECT_EQ(parts.error().code, "invalid_form");
        return parts.error().message.substr(
            std::string_view("The form in the body is not valid: ").size());
    }
    std::string text;
    for (const FormPart& part : *parts) {
        text += part.name + "=" + std::string(part.content) + ";";
    }
    return text;
}

std::string part(const std::string& name, const std::string& content) {
    return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"f\"\r\n" +
           "Content-Type: application/octet-stream\r\n\r\n" + content + "\r\n";
}

TEST(Multipart, IsToldByTheContentType) {
    EXPECT_TRUE(is_multipart_form(kType));
    EXPECT_TRUE(is_multipart_form("Multipart/Form-Data ; charset=x"));
    EXPECT_FALSE(is_multipart_form("application/wasm"));
    EXPECT_FALSE(is_multipart_form(""));
}

TEST(Multipart, ReadsWhatCurlSends) {
    EXPECT_EQ(parts_of(part("a", "1") + part("b", "\r\n--C\r\n") + "--B--\r\n"),
              "a=1;b=\r\n--C\r\n;");
    EXPECT_EQ(parts_of(part("a", "") + "--B--"), "a=;");
    EXPECT_EQ(parts_of("ignored\r\n" + part("a", "x") + "--B--ignored"), "a=x;");
    EXPECT_EQ(parts_of("--B--"), "");
    EXPECT_EQ(parts_of(part("a", "x") + "--B--", "multipart/form-data; x=\"y;\"; BOUNDARY=\"B\""),
              "a=x;");
    EXPECT_EQ(parts_of("--B\r\ncontent-disposition:form-data;name=n\r\n\r\nx\r\n--B--"), "n=x;");
}

TEST(Multipart, RefusesWhatIsNone) {
    EXPECT_EQ(parts_of("x", "multipart/form-data"),
              "Content-Type names no boundary of 1 to 70 bytes.");
    EXPECT_EQ(parts_of("x"), "its boundary is not in the body.");
    EXPECT_EQ(parts_of("--Bx"), "a boundary does not end its line.");
    EXPECT_EQ(parts_of("--B\r\n\r\n"), "a part has no end.");
    EXPECT_EQ(parts_of(part("a", "x")), "a part has no end.");
    EXPECT_EQ(parts_of("--B\r\nX: y\r\n\r\nx\r\n--B--"), "a part has no name.");
    EXPECT_EQ(parts_of("x", "multipart/form-data; boundary=\"B"),
              "Content-Type names no boundary of 1 to 70 bytes.");
    EXPECT_EQ(parts_of("--" + std::string(70, 'b') + "--",
                       "multipart/form-data; boundary=" + std::string(70, 'b')),
              "");
    EXPECT_EQ(parts_of("x", "multipart/form-data; boundary=" + std::string(71, 'b')),
              "Content-Type names no boundary of 1 to 70 bytes.");
}

TEST(Multipart, HasAtMost16Parts) {
    std::string body;
    for (int i = 0; i < 16; ++i) {
        body += part("a", "");
    }
    EXPECT_EQ(parts_of(body + "--B--").size(), 16U * 3);
    EXPECT_EQ(parts_of(body + part("a", "") + "--B--"), "it has more than 16 parts.");
}

TEST(Multipart, EveryTruncationIsRefused) {
    const std::string body = part("a", "x") + part("b", "y") + "--B--";
    for (std::size_t size = 0; size < body.size(); ++size) {
        EXPECT_FALSE(parse_multipart_form(kType, std::string_view(body).substr(0, size))) << size;
    }
}

}  // namespace
}  // namespace realm::net
