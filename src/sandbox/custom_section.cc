#include "sandbox/custom_section.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/bytes.h"
#include "sandbox/wasm_cursor.h"

namespace realm::sandbox {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr std::uint8_t kCustom = 0;

std::unexpected<Error> malformed(const Malformed& problem) {
    return fail(ErrorType::kInvalidRequest, "invalid_module",
                fmt::format("the module {} (at byte {})", problem.reason, problem.offset));
}

// Calls `see(content)` for each custom section of that name and
// `other(whole section)` for the rest. Throws Malformed.
template <class See, class Other>
void for_each_section(std::span<const std::byte> wasm, std::string_view name, See see,
                      Other other) {
    WasmCursor cursor(wasm);
    static_cast<void>(cursor.bytes(kHeaderBytes, "the header"));
    while (!cursor.at_end()) {
        const std::size_t start = cursor.offset();
        const std::uint8_t id = cursor.byte("a section");
        WasmCursor body = cursor.part(cursor.u32("a section's size"), "a section");
        const auto whole = wasm.subspan(start, cursor.offset() - start);
        if (id == kCustom && body.name("a custom section") == name) {
            see(wasm.subspan(body.offset(), body.remaining()));
        } else {
            other(whole);
        }
    }
}

void append_u32(std::vector<std::byte>& to, std::size_t value) {
    while (value >= 0x80) {
        to.push_back(static_cast<std::byte>(0x80U | (value & 0x7fU)));
        value >>= 7;
    }
    to.push_back(static_cast<std::byte>(value));
}

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

Result<std::optional<std::span<const std::byte>>> find_custom_section(
    std::span<const std::byte> wasm, std::string_view name) {
    std::optional<std::span<const std::byte>> found;
    try {
        for_each_section(
            wasm, name,
            [&](std::span<const std::byte> content) {
                if (!found) {
                    found = content;
                }
            },
            [](std::span<const std::byte>) {});
    } catch (const Malformed& problem) {
        return malformed(problem);
    }
    return found;
}

Result<std::vector<std::byte>> with_custom_section(std::span<const std::byte> wasm,
                                                   std::string_view name,
                                                   std::span<const std::byte> content) {
    std::vector<std::byte> section;
    append_u32(section, name.size());
    append(section, base::as_bytes(name));
    append(section, content);
    std::vector<std::byte> out;
    out.reserve(wasm.size() + section.size() + 6);
    try {
        append(out, WasmCursor(wasm).bytes(kHeaderBytes, "the header"));
        for_each_section(
            wasm, name, [](std::span<const std::byte>) {},
            [&](std::span<const std::byte> whole) { append(out, whole); });
    } catch (const Malformed& problem) {
        return malformed(problem);
    }
    out.push_back(std::byte{kCustom});
    append_u32(out, section.size());
    append(out, section);
    return out;
}

}  // namespace realm::sandbox
