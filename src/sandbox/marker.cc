#include "sandbox/marker.h"

#include <fmt/format.h>

#include <vector>

#include "sandbox/wasm_types.h"

namespace realm::sandbox {
namespace {

enum Opcode : std::uint8_t {
    kEnd = 0x0b,
    kReturn = 0x0f,
    kLocalGet = 0x20,
    kLocalSet = 0x21,
    kLocalTee = 0x22,
    kI32Const = 0x41,
};

constexpr std::uint8_t kTypeI32 = 0x7f;
constexpr std::uint32_t kMaxLocals = 64;

AbiVersion unpack(std::int32_t value) {
    const auto bits = static_cast<std::uint32_t>(value);
    return {.major = static_cast<std::uint16_t>(bits >> 16),
            .minor = static_cast<std::uint16_t>(bits & 0xffff)};
}

// The declared locals of the marker, all 0. Only i32 ones can take part in its constant.
std::vector<std::int32_t> read_locals(WasmCursor& body) {
    std::uint64_t total = 0;
    const std::uint32_t groups = body.u32("a function's locals");
    for (std::uint32_t i = 0; i < groups; ++i) {
        total += body.u32("a function's locals");
        if (body.byte("a function's locals") != kTypeI32 || total > kMaxLocals) {
            body.reject(marker_advice("does more than return a constant"));
        }
    }
    return std::vector<std::int32_t>(static_cast<std::size_t>(total));
}

}  // namespace

std::string marker_advice(std::string_view problem) {
    return fmt::format(
        "has an export realm_abi_version that {}: let it be a function () -> i32 "
        "that returns a constant (major << 16 | minor), or an immutable i32 global",
        problem);
}

AbiVersion evaluate_marker_function(WasmCursor body) {
    constexpr const char* kWhat = "the code of realm_abi_version";
    std::vector<std::int32_t> locals = read_locals(body);
    std::vector<std::int32_t> stack;
    const auto pop = [&] {
        if (stack.empty()) {
            body.reject(marker_advice("returns nothing"));
        }
        const std::int32_t top = stack.back();
        stack.pop_back();
        return top;
    };
    const auto local = [&]() -> std::int32_t& {
        const std::uint32_t index = body.u32(kWhat);
        if (index >= locals.size()) {
            body.reject(marker_advice("names a local that does not exist"));
        }
        return locals[index];
    };
    for (;;) {
        switch (body.byte(kWhat)) {
            case kI32Const:
                stack.push_back(body.s32(kWhat));
                break;
            case kLocalGet:
                stack.push_back(local());
                break;
            case kLocalSet: {
                std::int32_t& place = local();
                place = pop();
                break;
            }
            case kLocalTee: {
                std::int32_t& place = local();
                place = pop();
                stack.push_back(place);
                break;
            }
            case kReturn:
            case kEnd:
                return unpack(pop());
            default:
                body.reject(marker_advice("does more than return a constant"));
        }
    }
}

AbiVersion evaluate_marker_global(WasmCursor globals, std::uint32_t index) {
    const std::uint32_t count = globals.u32("the globals");
    if (index >= count) {
        globals.reject(marker_advice("does not exist"));
    }
    for (std::uint32_t i = 0;; ++i) {
        const std::uint8_t type = globals.byte("a global");
        if (type == 0x63 || type == 0x64) {
            static_cast<void>(globals.s64("a global"));
        }
        const std::uint8_t is_mutable = globals.byte("a global");
        if (i < index) {
            if (!skip_constant(globals)) {
                globals.reject(marker_advice("follows a global too complex to be read"));
            }
            continue;
        }
        if (type != kTypeI32 || is_mutable != 0) {
            globals.reject(marker_advice("is a global but no immutable i32"));
        }
        if (globals.byte("a global") != kI32Const) {
            globals.reject(marker_advice("is a global without a constant"));
        }
        const std::int32_t value = globals.s32("a global");
        if (globals.byte("a global") != kEnd) {
            globals.reject(marker_advice("is a global without a constant"));
        }
        return unpack(value);
    }
}

}  // namespace realm::sandbox
