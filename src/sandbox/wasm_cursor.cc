#include "sandbox/wasm_cursor.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"

namespace realm::sandbox {

void WasmCursor::reject(std::string reason) const {
    throw Malformed{.reason = std::move(reason), .offset = offset()};
}

std::uint8_t WasmCursor::byte(const char* what) {
    if (at_end()) {
        reject(fmt::format("ends within {}", what));
    }
    return std::to_integer<std::uint8_t>(bytes_[at_++]);
}

std::span<const std::byte> WasmCursor::bytes(std::uint64_t count, const char* what) {
    if (count > remaining()) {
        reject(fmt::format("ends within {}", what));
    }
    const auto found = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += found.size();
    return found;
}

std::uint64_t WasmCursor::leb(unsigned bits, bool is_signed, const char* what) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        const std::uint8_t next = byte(what);
        value |= std::uint64_t{next & 0x7fU} << shift;
        if ((next & 0x80U) == 0) {
            const unsigned used = shift + 7;
            if (is_signed && used < 64 && (next & 0x40U) != 0) {
                value |= ~std::uint64_t{0} << used;
            }
            return value;
        }
    }
    reject(fmt::format("has a number that is too long in {}", what));
}

std::uint32_t WasmCursor::u32(const char* what) {
    const std::uint64_t value = leb(32, false, what);
    if (value > UINT32_MAX) {
        reject(fmt::format("has a number above 32 bits in {}", what));
    }
    return static_cast<std::uint32_t>(value);
}

std::int32_t WasmCursor::s32(const char* what) {
    const auto value = static_cast<std::int64_t>(leb(32, true, what));
    if (value < INT32_MIN || value > INT32_MAX) {
        reject(fmt::format("has a number above 32 bits in {}", what));
    }
    return static_cast<std::int32_t>(value);
}

std::int64_t WasmCursor::s64(const char* what) {
    return static_cast<std::int64_t>(leb(64, true, what));
}

std::uint64_t WasmCursor::u64(const char* what) {
    return leb(64, false, what);
}

std::string WasmCursor::name(const char* what) {
    const auto found = bytes(u32(what), what);
    std::string text(base::as_text(found));
    if (!base::is_utf8(text)) {
        reject(fmt::format("has a name that is not UTF-8 in {}", what));
    }
    return text;
}

WasmCursor WasmCursor::part(std::uint64_t count, const char* what) {
    const std::size_t start = offset();
    return WasmCursor(bytes(count, what), start);
}

}  // namespace realm::sandbox
