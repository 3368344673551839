// Reads the parts of WebAssembly's binary format, never beyond the end of what it was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace realm::sandbox {

// What a cursor throws; read_module turns it into an Error. Stays inside this folder.
struct Malformed {
    std::string reason;
    std::size_t offset = 0;
};

// Borrows the bytes. `base` is where they begin in the module, for error messages.
class WasmCursor {
public:
    explicit WasmCursor(std::span<const std::byte> bytes, std::size_t base = 0)
        : bytes_(bytes), base_(base) {}

    [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }
    [[nodiscard]] std::size_t offset() const { return base_ + at_; }
    [[nodiscard]] std::size_t remaining() const { return bytes_.size() - at_; }

    std::uint8_t byte(const char* what);
    std::span<const std::byte> bytes(std::uint64_t count, const char* what);
    // LEB128, at most 5 (10) bytes.
    std::uint32_t u32(const char* what);
    std::int32_t s32(const char* what);
    std::int64_t s64(const char* what);
    std::uint64_t u64(const char* what);
    // A length, then as many bytes of UTF-8.
    std::string name(const char* what);
    // A cursor over the next `count` bytes, which this one skips.
    WasmCursor part(std::uint64_t count, const char* what);

    [[noreturn]] void reject(std::string reason) const;

private:
    std::uint64_t leb(unsigned bits, bool is_signed, const char* what);

    std::span<const std::byte> bytes_;
    std::size_t base_ = 0;
    std::size_t at_ = 0;
};

}  // namespace realm::sandbox
