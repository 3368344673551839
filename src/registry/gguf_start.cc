#include "registry/gguf_start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/bytes.h"
#include "registry/file_util.h"

namespace realm::registry {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr unsigned kOldestVersion = 2;
constexpr unsigned kNewestVersion = 3;

std::string looks_like(std::string_view text) {
    struct Known {
        std::string_view start;
        std::string_view name;
    };
    static constexpr std::array kKnown = {
        Known{"version https://git-lfs", "a Git LFS pointer, not the file it stands for"},
        Known{"PK\x03\x04", "a zip archive"},
        Known{"\x1f\x8b", "a gzip archive"},
        Known{"\x93NUMPY", "a NumPy file"},
        Known{"ggml", "a model in the old GGML format"},
        Known{"lmgg", "a model in the old GGML format"},
        Known{"tjgg", "a model in the old GGML format"},
        Known{"FUGG", "a GGUF file for big-endian machines"},
    };
    if (text.empty()) {
        return "an empty file";
    }
    for (const Known& known : kKnown) {
        if (text.starts_with(known.start)) {
            return std::string(known.name);
        }
    }
    const std::size_t first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
    const char character = first == std::string_view::npos ? ' ' : text[first];
    if (character == '<') {
        return "a web page (HTML or XML)";
    }
    if (character == '{') {
        return "JSON";
    }
    // safetensors: the length of a JSON header in 8 bytes, then the header.
    if (text.size() > 8 && text[8] == '{') {
        return "a safetensors file";
    }
    return fmt::format("a file that starts with the bytes {}",
                       base::to_hex(base::as_bytes(text.substr(0, 8))));
}

}  // namespace

Result<void> check_gguf_start(std::span<const std::byte> bytes, std::string_view what) {
    const std::string_view text = base::as_text(bytes);
    if (!text.starts_with(kMagic)) {
        return fail(ErrorType::kInvalidRequest, "not_gguf",
                    fmt::format("{} is no GGUF model: it is {}", what, looks_like(text)));
    }
    if (bytes.size() < kGgufStartBytes) {
        return fail(ErrorType::kInvalidRequest, "not_gguf",
                    fmt::format("{} is no GGUF model: it ends after {} bytes", what, bytes.size()));
    }
    unsigned version = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        version |= std::to_integer<unsigned>(bytes[4 + i]) << (8 * i);
    }
    if (version < kOldestVersion || version > kNewestVersion) {
        return fail(ErrorType::kInvalidRequest, "not_gguf",
                    fmt::format("{} has GGUF version {}; versions {} to {} can be read", what,
                                version, kOldestVersion, kNewestVersion));
    }
    return {};
}

Result<void> check_gguf_file(const std::filesystem::path& path, std::string_view what) {
    auto file = open_file(path, O_RDONLY, "read");
    if (!file) {
        return std::unexpected(file.error());
    }
    std::array<std::byte, kGgufStartBytes> start{};
    std::size_t size = 0;
    while (size < start.size()) {
        const ssize_t count = ::read(file->get(), start.data() + size, start.size() - size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return std::unexpected(file_error(errno, "read", path));
        }
        if (count == 0) {
            break;
        }
        size += static_cast<std::size_t>(count);
    }
    return check_gguf_start(std::span(start).first(size), what);
}

}  // namespace realm::registry
