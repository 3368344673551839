#include "net/response_head.h"

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

namespace realm::net {
namespace {

namespace beast = boost::beast;

constexpr std::string_view kServer = "realm";
constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
constexpr std::array<std::string_view, 5> kOurFields{"Content-Length", "Transfer-Encoding",
                                                     "Connection", "Date", "Server"};

bool is_ours(std::string_view name) {
    return std::ranges::any_of(
        kOurFields, [name](std::string_view ours) { return beast::iequals(ours, name); });
}

bool is_token(std::string_view name) {
    const auto is_token_character = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kTokenMarks.find(c) != std::string_view::npos;
    };
    return !name.empty() && std::ranges::all_of(name, is_token_character);
}

bool is_field_text(std::string_view value) {
    return std::ranges::none_of(value, [](char c) {
        const auto code = static_cast<unsigned char>(c);
        return (code < 0x20 && c != '\t') || code == 0x7f;
    });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

void append_frame(std::string& out, const ResponseFrame& frame) {
    if (frame.chunked) {
        append_field(out, "Transfer-Encoding", "chunked");
    } else if (frame.length) {
        append_field(out, "Content-Length", std::to_string(*frame.length));
    }
    if (frame.connection == ConnectionField::kClose) {
        append_field(out, "Connection", "close");
    } else if (frame.connection == ConnectionField::kKeepAlive) {
        append_field(out, "Connection", "keep-alive");
    }
}

std::unexpected<Error> invalid(std::string message) {
    return fail(ErrorType::kInternal, "invalid_response", std::move(message));
}

}  // namespace

bool is_bodiless(int status) {
    return status == 204 || status == 304;
}

Result<std::string> format_head(int status, const Headers& headers, const ResponseFrame& frame,
                                std::string_view date) {
    if (status < 200 || status > 599) {
        return invalid("a response cannot have the status " + std::to_string(status));
    }
    std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
    const auto reason =
        beast::http::obsolete_reason(beast::http::int_to_status(static_cast<unsigned>(status)));
    head.append(reason.data(), reason.size()).append("\r\n");
    append_field(head, "Date", date);
    append_field(head, "Server", kServer);
    for (const auto& [name, value] : headers) {
        if (!is_token(name) || !is_field_text(value)) {
            return invalid("a response field has characters that HTTP does not allow");
        }
        if (!is_ours(name)) {
            append_field(head, name, value);
        }
    }
    append_frame(head, frame);
    head += "\r\n";
    return head;
}

std::string http_date_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    // By hand: strftime would follow the locale.
    constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto two = [](int value) {
        return std::string{static_cast<char>('0' + value / 10),
                           static_cast<char>('0' + value % 10)};
    };
    std::string date(kDays[static_cast<std::size_t>(parts.tm_wday)]);
    date.append(", ").append(two(parts.tm_mday)).append(" ");
    date.append(kMonths[static_cast<std::size_t>(parts.tm_mon)]).append(" ");
    date.append(std::to_string(parts.tm_year + 1900)).append(" ").append(two(parts.tm_hour));
    date.append(":").append(two(parts.tm_min)).append(":").append(two(parts.tm_sec));
    return date.append(" GMT");
}

}  // namespace realm::net
