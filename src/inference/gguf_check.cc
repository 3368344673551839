#include "inference/gguf_check.h"

#include <fmt/format.h>
#include <gguf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "inference/llama_log.h"

namespace realm::inference {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kOldestVersion = 2;  // version 1 had other sizes; llama.cpp dropped it

struct GgufDeleter {
    void operator()(gguf_context* context) const { gguf_free(context); }
};
using Gguf = std::unique_ptr<gguf_context, GgufDeleter>;

std::unexpected<Error> invalid(const std::filesystem::path& path, std::string_view reason) {
    return fail(ErrorType::kInvalidRequest, "model_file_invalid",
                fmt::format("model file '{}' {}", path.string(), reason));
}

Result<std::uint64_t> size_of(const std::filesystem::path& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) {
        return fail(ErrorType::kNotFound, "model_file_not_found",
                    fmt::format("model file '{}' does not exist", path.string()));
    }
    if (std::filesystem::is_directory(status)) {
        return invalid(path, "is a directory");
    }
    if (!std::filesystem::is_regular_file(status)) {
        return invalid(path, error ? "cannot be read: " + error.message() : "is no regular file");
    }
    const std::uint64_t size = std::filesystem::file_size(path, error);
    if (error) {
        return invalid(path, "cannot be read: " + error.message());
    }
    if (size == 0) {
        return invalid(path, "is empty");
    }
    return size;
}

// The eight bytes that every GGUF file begins with.
Result<void> check_magic(const std::filesystem::path& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return invalid(path, "cannot be read: " + std::generic_category().message(errno));
    }
    std::array<char, 8> start{};
    file.read(start.data(), start.size());
    const auto count = static_cast<std::size_t>(file.gcount());
    const std::string_view seen(start.data(), std::min(count, kMagic.size()));
    if (seen != kMagic.substr(0, seen.size())) {
        return invalid(path, "is not a GGUF file: it does not begin with 'GGUF'");
    }
    if (count < start.size()) {
        return invalid(path, "is cut short: its header is incomplete");
    }
    std::uint32_t version = 0;
    std::memcpy(&version, start.data() + kMagic.size(), sizeof version);
    if (version < kOldestVersion || version > GGUF_VERSION) {
        return invalid(
            path, fmt::format("has GGUF version {}, which is not supported ({} to {} are)", version,
                              kOldestVersion, GGUF_VERSION));
    }
    return {};
}

Result<void> check_contents(const std::filesystem::path& path, const gguf_context* gguf,
                            std::uint64_t size) {
    const std::int64_t key = gguf_find_key(gguf, "general.architecture");
    if (key < 0 || gguf_get_kv_type(gguf, key) != GGUF_TYPE_STRING) {
        return invalid(path, "does not say what architecture its model has");
    }
    const std::int64_t tensors = gguf_get_n_tensors(gguf);
    if (tensors == 0) {
        return invalid(path, "holds no tensors");
    }
    const std::uint64_t data = gguf_get_data_offset(gguf);
    std::uint64_t needed = data;
    for (std::int64_t i = 0; i < tensors; ++i) {
        const std::uint64_t offset = gguf_get_tensor_offset(gguf, i);
        const std::uint64_t bytes = gguf_get_tensor_size(gguf, i);
        std::uint64_t end = 0;
        if (__builtin_add_overflow(data, offset, &end) ||
            __builtin_add_overflow(end, bytes, &end)) {
            return invalid(path, "is corrupt: a tensor lies outside of any file");
        }
        needed = std::max(needed, end);
    }
    if (needed > size) {
        return invalid(
            path, fmt::format("is cut short: it has {} bytes, its tensors need {}", size, needed));
    }
    return {};
}

}  // namespace

Result<void> check_gguf(const std::filesystem::path& path) {
    static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian");
    const auto size = size_of(path);
    if (!size) {
        return std::unexpected(size.error());
    }
    if (auto magic = check_magic(path); !magic) {
        return magic;
    }
    const LlamaLogCapture log;
    const Gguf gguf(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}));
    if (!gguf) {
        return invalid(path, "is cut short or corrupt: " + log.problem("its header is broken"));
    }
    return check_contents(path, gguf.get(), *size);
}

}  // namespace realm::inference
