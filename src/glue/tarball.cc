#include "glue/tarball.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

namespace realm::glue {
namespace {

constexpr std::size_t kBlock = 512;

std::unexpected<Error> invalid(std::string_view what) {
    return fail(ErrorType::kInvalidRequest, "invalid_tarball",
                fmt::format("the package is no .tgz file as npm makes it: {}", what));
}

struct InflateEnd {
    void operator()(z_stream* stream) const { inflateEnd(stream); }
};

// A field of a header up to its first zero byte.
std::string_view text_field(std::string_view header, std::size_t at, std::size_t size) {
    const std::string_view field = header.substr(at, size);
    return field.substr(0, std::min(field.find('\0'), field.size()));
}

std::optional<std::uint64_t> octal(std::string_view field) {
    const std::size_t first = field.find_first_not_of(' ');
    if (first == std::string_view::npos) {
        return 0;
    }
    field = field.substr(first, field.find_first_of(std::string_view(" \0", 2), first) - first);
    std::uint64_t value = 0;
    const auto read = std::from_chars(field.data(), field.data() + field.size(), value, 8);
    return read.ec == std::errc() && read.ptr == field.data() + field.size() ? std::optional(value)
                                                                             : std::nullopt;
}

bool checksum_fits(std::string_view header) {
    constexpr std::size_t kAt = 148;
    constexpr std::size_t kSize = 8;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const bool own = i >= kAt && i < kAt + kSize;
        sum += own ? ' ' : static_cast<unsigned char>(header[i]);
    }
    return octal(text_field(header, kAt, kSize)) == sum;
}

// The path in records "length path=value\n".
std::optional<std::string> pax_path(std::string_view records) {
    std::optional<std::string> path;
    while (!records.empty()) {
        std::size_t length = 0;
        const auto read = std::from_chars(records.data(), records.data() + records.size(), length);
        const auto digits = static_cast<std::size_t>(read.ptr - records.data());
        if (read.ec != std::errc() || length <= digits + 1 || length > records.size()) {
            break;
        }
        const std::string_view record = records.substr(digits + 1, length - digits - 2);
        if (record.starts_with("path=")) {
            path = record.substr(5);
        }
        records.remove_prefix(length);
    }
    return path;
}

}  // namespace

Result<std::string> gunzip(std::string_view bytes, std::uint64_t limit) {
    z_stream stream{};
    constexpr int kGzipOnly = 15 + 16;
    if (inflateInit2(&stream, kGzipOnly) != Z_OK) {
        return fail(ErrorType::kInternal, "zlib", "zlib cannot be started");
    }
    const std::unique_ptr<z_stream, InflateEnd> owner(&stream);
    // zlib's interface takes no const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(std::min<std::size_t>(bytes.size(), UINT32_MAX));
    std::string out;
    std::array<char, std::size_t{64} << 10> part{};
    while (true) {
        stream.next_out = reinterpret_cast<Bytef*>(part.data());
        stream.avail_out = part.size();
        const int state = inflate(&stream, Z_NO_FLUSH);
        if (state != Z_OK && state != Z_STREAM_END) {
            return invalid("its compressed data are damaged or cut off");
        }
        const std::size_t got = part.size() - stream.avail_out;
        if (got > limit - out.size()) {
            return fail(ErrorType::kInvalidRequest, "package_too_large",
                        fmt::format("the package unpacks to more than {} bytes", limit));
        }
        out.append(part.data(), got);
        if (state == Z_STREAM_END) {
            return out;
        }
        if (got == 0 && stream.avail_in == 0) {
            return invalid("it is cut off");
        }
    }
}

Result<void> for_each_tar_entry(
    std::string_view tar,
    const std::function<Result<void>(std::string_view, std::string_view)>& take) {
    std::optional<std::string> long_name;
    std::size_t at = 0;
    while (at + kBlock <= tar.size()) {
        const std::string_view header = tar.substr(at, kBlock);
        if (std::ranges::all_of(header, [](char c) { return c == '\0'; })) {
            return {};
        }
        const auto size = octal(text_field(header, 124, 12));
        if (!size || !checksum_fits(header)) {
            return invalid("an entry's header is damaged");
        }
        at += kBlock;
        if (*size > tar.size() - at) {
            return invalid("an entry is longer than the archive");
        }
        const std::string_view content = tar.substr(at, *size);
        at += (*size + kBlock - 1) / kBlock * kBlock;
        const char kind = header[156];
        if (kind == 'x') {
            long_name = pax_path(content);
        } else if (kind == 'L') {
            long_name = std::string(text_field(content, 0, content.size()));
        } else if (kind == '0' || kind == '\0') {
            std::string path(text_field(header, 0, 100));
            const std::string_view prefix = text_field(header, 345, 155);
            if (text_field(header, 257, 5) == "ustar" && !prefix.empty()) {
                path = fmt::format("{}/{}", prefix, path);
            }
            if (auto taken = take(long_name.value_or(path), content); !taken) {
                return taken;
            }
            long_name.reset();
        } else if (kind != 'g') {
            long_name.reset();
        }
    }
    return invalid("it is cut off");
}

}  // namespace realm::glue
