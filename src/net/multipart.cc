#include "net/multipart.h"

#include <algorithm>
#include <optional>

namespace realm::net {
namespace {

constexpr std::string_view kForm = "multipart/form-data";
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeaderEnd = "\r\n\r\n";
constexpr std::size_t kMostParts = 16;
constexpr std::size_t kMostBoundaryBytes = 70;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_but_case(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) {
        return {};
    }
    return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

std::unexpected<Error> malformed(std::string_view why) {
    return fail(ErrorType::kInvalidRequest, "invalid_form",
                "The form in the body is not valid: " + std::string(why) + ".");
}

// The value of `key` among the parameters of a header: multipart/form-data; boundary="x".
std::optional<std::string> parameter(std::string_view header, std::string_view key) {
    std::size_t at = header.find(';');
    while (at != std::string_view::npos) {
        header.remove_prefix(at + 1);
        const std::size_t equals = header.find('=');
        if (equals == std::string_view::npos) {
            return std::nullopt;
        }
        const bool found = equal_but_case(trimmed(header.substr(0, equals)), key);
        header = header.substr(equals + 1);
        std::string value;
        header.remove_prefix(std::min(header.find_first_not_of(" \t"), header.size()));
        if (header.starts_with('"')) {
            const std::size_t end = header.find('"', 1);
            if (end == std::string_view::npos) {
                return std::nullopt;
            }
            value = header.substr(1, end - 1);
            header.remove_prefix(end + 1);
        } else {
            value = trimmed(header.substr(0, header.find(';')));
        }
        if (found) {
            return value;
        }
        at = header.find(';');
    }
    return std::nullopt;
}

// The name in the part's Content-Disposition.
std::optional<std::string> name_of(std::string_view headers) {
    while (!headers.empty()) {
        const std::size_t end = std::min(headers.find(kLineEnd), headers.size());
        const std::string_view line = headers.substr(0, end);
        headers.remove_prefix(std::min(end + kLineEnd.size(), headers.size()));
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos &&
            equal_but_case(trimmed(line.substr(0, colon)), "content-disposition")) {
            return parameter(line.substr(colon + 1), "name");
        }
    }
    return std::nullopt;
}

}  // namespace

bool is_multipart_form(std::string_view content_type) {
    return equal_but_case(trimmed(content_type.substr(0, content_type.find(';'))), kForm);
}

Result<std::vector<FormPart>> parse_multipart_form(std::string_view content_type,
                                                   std::string_view body) {
    const auto boundary = parameter(content_type, "boundary");
    if (!boundary || boundary->empty() || boundary->size() > kMostBoundaryBytes) {
        return malformed("Content-Type names no boundary of 1 to 70 bytes");
    }
    const std::string first = "--" + *boundary;
    const std::string next = std::string(kLineEnd) + first;
    // What comes before the first boundary is to be ignored.
    std::size_t at = body.starts_with(first) ? first.size() : body.find(next);
    if (at == std::string_view::npos) {
        return malformed("its boundary is not in the body");
    }
    at += body.starts_with(first) ? 0 : next.size();
    std::vector<FormPart> parts;
    while (true) {
        body.remove_prefix(at);
        if (body.starts_with("--")) {
            return parts;
        }
        if (!body.starts_with(kLineEnd)) {
            return malformed("a boundary does not end its line");
        }
        if (parts.size() == kMostParts) {
            return malformed("it has more than 16 parts");
        }
        // A part without headers has no name, either.
        const std::size_t headers = body.find(kHeaderEnd);
        const std::size_t start = std::min(headers, body.size()) + kHeaderEnd.size();
        const std::size_t end = body.find(next, start);
        if (end == std::string_view::npos) {
            return malformed("a part has no end");
        }
        auto name = name_of(body.substr(kLineEnd.size(), headers - kLineEnd.size()));
        if (!name) {
            return malformed("a part has no name");
        }
        parts.push_back({.name = std::move(*name), .content = body.substr(start, end - start)});
        at = end + next.size();
    }
}

}  // namespace realm::net
