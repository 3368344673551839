#include "net/target.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace realm::net {
namespace {

constexpr std::string_view kAnything = "*";
constexpr std::string_view kAuthorityMark = "://";

// Takes "http://host" off the front of an absolute target; leaves any other text alone.
std::string_view without_authority(std::string_view text) {
    const std::size_t mark = text.find(kAuthorityMark);
    if (text.starts_with('/') || mark == std::string_view::npos) {
        return text;
    }
    const std::size_t path = text.find_first_of("/?", mark + kAuthorityMark.size());
    return path == std::string_view::npos ? "/" : text.substr(path);
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto byte = base::byte_of_hex(text.substr(i + 1, 2));
        if (!byte || *byte == std::byte{0}) {
            return std::nullopt;
        }
        out += static_cast<char>(*byte);
        i += 2;
    }
    return out;
}

std::optional<Target> parse_target(std::string_view text) {
    if (text == kAnything) {
        return Target{.path = std::string(kAnything), .query = {}};
    }
    const std::string_view local = without_authority(text);
    const std::size_t mark = local.find('?');
    const std::string_view raw_path = local.substr(0, mark);
    const bool is_path = raw_path.starts_with('/') || (raw_path.empty() && local != text);
    if (!is_path || local.find('#') != std::string_view::npos) {
        return std::nullopt;
    }
    auto path = percent_decode(raw_path.empty() ? "/" : raw_path);
    if (!path) {
        return std::nullopt;
    }
    const std::string_view query =
        mark == std::string_view::npos ? std::string_view() : local.substr(mark + 1);
    return Target{.path = std::move(*path), .query = std::string(query)};
}

}  // namespace realm::net
