// Makes tarballs for tests.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

namespace realm::glue::tests {

using Entries = std::vector<std::pair<std::string, std::string>>;

inline std::string octal(std::size_t number, std::size_t width) {
    std::string text(width, '0');
    for (std::size_t i = width - 1; number > 0; number /= 8, --i) {
        text[i] = static_cast<char>('0' + number % 8);
    }
    return text + '\0';
}

// A tar archive of regular files.
inline std::string tar_of(const Entries& entries, char kind = '0') {
    std::string tar;
    for (const auto& [path, content] : entries) {
        std::string header(512, '\0');
        header.replace(0, path.size(), path);
        header.replace(100, 8, octal(0644, 7));
        header.replace(124, 12, octal(content.size(), 11));
        header.replace(148, 8, std::string(8, ' '));
        header[156] = kind;
        header.replace(257, 5, "ustar");
        std::size_t sum = 0;
        for (const char c : header) {
            sum += static_cast<unsigned char>(c);
        }
        header.replace(148, 8, octal(sum, 6) + ' ');
        tar += header + content + std::string((512 - content.size() % 512) % 512, '\0');
    }
    return tar + std::string(1024, '\0');
}

inline std::string gzip(const std::string& text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    std::string in = text;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace realm::glue::tests
