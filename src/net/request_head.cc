#include "net/request_head.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <expected>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "net/target.h"

namespace realm::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using Parser = http::request_parser<http::empty_body>;

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kVersionMark = " HTTP/";

std::string_view to_std(beast::string_view text) {
    return {text.data(), text.size()};
}

std::unexpected<Refusal> malformed(std::string message) {
    return std::unexpected(refusal(400, ErrorType::kInvalidRequest, "malformed_request",
                                   "The request is not valid HTTP: " + std::move(message) + "."));
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// True when the request line ends in a version of HTTP, whichever.
bool names_a_version(std::string_view head) {
    const std::string_view line = head.substr(0, head.find('\r'));
    const std::size_t mark = line.rfind(kVersionMark);
    if (mark == std::string_view::npos) {
        return false;
    }
    const std::string_view version = line.substr(mark + kVersionMark.size());
    return version.size() == 3 && is_digit(version[0]) && version[1] == '.' && is_digit(version[2]);
}

std::expected<void, Refusal> read_encoding(const Parser& parser, RequestHead& head) {
    const auto& message = parser.get();
    const auto count = message.count(http::field::transfer_encoding);
    if (count == 0) {
        const auto length = parser.content_length();
        if (length) {
            head.length = *length;
            head.body = *length > 0 ? BodyKind::kLength : BodyKind::kNone;
        }
        return {};
    }
    if (!head.http_1_1) {
        return malformed("HTTP/1.0 has no Transfer-Encoding");
    }
    const bool chunked =
        count == 1 && beast::iequals(message[http::field::transfer_encoding], "chunked");
    if (!chunked) {
        return std::unexpected(
            refusal(501, ErrorType::kInvalidRequest, "unsupported_transfer_encoding",
                    "The only Transfer-Encoding that this server reads is chunked."));
    }
    if (message.count(http::field::content_length) > 0) {
        return malformed("it has both Transfer-Encoding and Content-Length");
    }
    head.body = BodyKind::kChunked;
    return {};
}

std::expected<void, Refusal> read_expectation(const Parser& parser, RequestHead& head) {
    const auto& message = parser.get();
    // HTTP/1.0 knows no expectations: such a field is to be ignored.
    if (!head.http_1_1 || message.count(http::field::expect) == 0) {
        return {};
    }
    if (!beast::iequals(message[http::field::expect], "100-continue")) {
        return std::unexpected(refusal(417, ErrorType::kInvalidRequest, "unsupported_expectation",
                                       "The only expectation that this server meets is "
                                       "100-continue."));
    }
    head.expects_continue = true;
    return {};
}

std::expected<void, Refusal> read_target(const Parser& parser, RequestHead& head) {
    auto target = parse_target(to_std(parser.get().target()));
    if (!target) {
        return malformed("its target is no path, or has a broken percent escape");
    }
    head.request.path = std::move(target->path);
    head.request.query = std::move(target->query);
    return {};
}

}  // namespace

Refusal refusal(int status, ErrorType type, std::string_view code, std::string message) {
    return {.status = status, .error = fail(type, code, std::move(message)).error()};
}

HeadScan scan_head(std::string_view bytes, std::size_t seen) {
    for (std::size_t i = seen; i < bytes.size(); ++i) {
        const auto code = static_cast<unsigned char>(bytes[i]);
        if (code == '\n') {
            if (i == 0 || bytes[i - 1] != '\r') {
                return {.state = HeadState::kMalformed};
            }
            if (bytes.substr(0, i + 1).ends_with(kEnd)) {
                return {.state = HeadState::kComplete, .size = i + 1};
            }
        } else if ((code < 0x20 && code != '\r' && code != '\t') || code == 0x7f) {
            return {.state = HeadState::kMalformed};
        }
    }
    return {};
}

std::expected<RequestHead, Refusal> parse_head(std::string_view text) {
    Parser parser;
    // The caller bounds the head; the body is not this parser's.
    parser.header_limit(std::numeric_limits<std::uint32_t>::max());
    parser.body_limit(boost::none);
    beast::error_code failed;
    parser.put(boost::asio::buffer(text.data(), text.size()), failed);
    if (failed == http::error::bad_version && names_a_version(text)) {
        return std::unexpected(refusal(505, ErrorType::kInvalidRequest, "unsupported_http_version",
                                       "This server speaks HTTP/1.1 and HTTP/1.0."));
    }
    if (failed) {
        return malformed(failed.message());
    }
    if (!parser.is_header_done()) {
        return malformed("its header has no end");
    }
    const auto& message = parser.get();
    RequestHead head;
    head.http_1_1 = message.version() == 11;
    head.keep_alive = parser.keep_alive();
    head.request.method = std::string(to_std(message.method_string()));
    for (const auto& field : message) {
        head.request.headers.emplace_back(to_std(field.name_string()), to_std(field.value()));
    }
    const auto hosts = message.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && head.http_1_1)) {
        return malformed("it needs one Host field");
    }
    for (const auto read : {read_target, read_encoding, read_expectation}) {
        if (auto done = read(parser, head); !done) {
            return std::unexpected(std::move(done.error()));
        }
    }
    return head;
}

}  // namespace realm::net
