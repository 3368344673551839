#include "sandbox/wasm_types.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::uint32_t kMostValues = 1000;  // as Wasmtime
constexpr unsigned kHasMaximum = 1;
constexpr unsigned kShared = 2;
constexpr unsigned kIs64 = 4;
constexpr unsigned kHasPageSize = 8;
constexpr std::uint64_t kBytesOf32Bits = std::uint64_t{1} << 32;

const char* heap_type_name(std::int64_t type) {
    switch (type) {
        case -0x10:
            return "func";
        case -0x11:
            return "extern";
        case -0x12:
            return "any";
        case -0x13:
            return "eq";
        case -0x14:
            return "i31";
        case -0x15:
            return "struct";
        case -0x16:
            return "array";
        case -0x17:
            return "exn";
        default:
            return nullptr;
    }
}

AnyType heap_reference(WasmCursor& body, bool nullable) {
    const std::int64_t type = body.s64("a reference type");
    const char* const name = heap_type_name(type);
    const std::string shown_type = name != nullptr ? name : std::to_string(type);
    return {.text = fmt::format("(ref {}{})", nullable ? "null " : "", shown_type), .number = {}};
}

std::uint32_t value_count(WasmCursor& body) {
    const std::uint32_t count = body.u32("a function type");
    if (count > kMostValues) {
        body.reject(fmt::format("has a function with {} parameters or results; {} are allowed",
                                count, kMostValues));
    }
    return count;
}

unsigned read_flags(WasmCursor& body, const char* what, unsigned known) {
    const unsigned flags = body.byte("limits");
    if ((flags & ~known) != 0) {
        body.reject(fmt::format("has {} with unknown flags {:#04x}", what, flags));
    }
    return flags;
}

SizeRange read_range(WasmCursor& body, unsigned flags) {
    SizeRange range{.minimum = body.u64("limits"), .maximum = {}};
    if ((flags & kHasMaximum) != 0) {
        range.maximum = body.u64("limits");
    }
    return range;
}

// A size that no limit could allow is a fault of the module, not a limit that it reached.
void check_range(const WasmCursor& body, const char* what, const SizeRange& range,
                 std::uint64_t addressable) {
    const std::uint64_t maximum = range.maximum.value_or(range.minimum);
    if (maximum < range.minimum) {
        body.reject(fmt::format("has {} that begin with {} and have at most {}", what,
                                range.minimum, maximum));
    }
    if (maximum > addressable) {
        body.reject(fmt::format("has {} up to {}; 32 bits address {}", what, maximum, addressable));
    }
}

std::string shown(const SizeRange& range) {
    return range.maximum ? fmt::format("{}..{}", range.minimum, *range.maximum)
                         : fmt::format("{}..", range.minimum);
}

}  // namespace

AnyType read_value_type(WasmCursor& body) {
    return read_value_type(body, body.byte("a value type"));
}

AnyType read_value_type(WasmCursor& body, std::uint8_t form) {
    switch (form) {
        case 0x7f:
            return {.text = "i32", .number = ValueType::kI32};
        case 0x7e:
            return {.text = "i64", .number = ValueType::kI64};
        case 0x7d:
            return {.text = "f32", .number = ValueType::kF32};
        case 0x7c:
            return {.text = "f64", .number = ValueType::kF64};
        case 0x7b:
            return {.text = "v128", .number = {}};
        case 0x70:
            return {.text = "funcref", .number = {}};
        case 0x6f:
            return {.text = "externref", .number = {}};
        case 0x63:
            return heap_reference(body, true);
        case 0x64:
            return heap_reference(body, false);
        default:
            break;
    }
    // The other one-byte references.
    if (form < 0x68 || form > 0x75) {
        body.reject(fmt::format("has a value type of unknown form {:#04x}", form));
    }
    const char* const name = heap_type_name(static_cast<std::int64_t>(form) - 0x80);
    return {.text = name != nullptr ? fmt::format("{}ref", name) : fmt::format("ref {:#04x}", form),
            .number = {}};
}

void skip_value_type(WasmCursor& body) {
    const std::uint8_t form = body.byte("a value type");
    if (form < 0x7b || form > 0x7f) {
        static_cast<void>(read_value_type(body, form));
    }
}

void skip_function_type(WasmCursor& body) {
    for (int list = 0; list < 2; ++list) {
        const std::uint32_t count = value_count(body);
        for (std::uint32_t i = 0; i < count; ++i) {
            skip_value_type(body);
        }
    }
}

std::optional<Signature> read_signature(WasmCursor body) {
    Signature signature;
    for (auto* list : {&signature.parameters, &signature.results}) {
        const std::uint32_t count = value_count(body);
        for (std::uint32_t i = 0; i < count; ++i) {
            const AnyType type = read_value_type(body);
            if (!type.number) {
                return std::nullopt;
            }
            list->push_back(*type.number);
        }
    }
    return signature;
}

std::string function_type_text(WasmCursor body) {
    const auto list = [&](std::uint32_t count) {
        std::string text;
        for (std::uint32_t i = 0; i < count; ++i) {
            text += (i == 0 ? "" : ", ") + read_value_type(body).text;
        }
        return text;
    };
    const std::string parameters = list(value_count(body));
    const std::uint32_t count = value_count(body);
    const std::string results = list(count);
    return fmt::format("({}) -> {}", parameters, count == 1 ? results : "(" + results + ")");
}

MemoryInfo read_memory_type(WasmCursor& body) {
    const unsigned flags =
        read_flags(body, "a memory", kHasMaximum | kShared | kIs64 | kHasPageSize);
    MemoryInfo memory{.pages = read_range(body, flags),
                      .shared = (flags & kShared) != 0,
                      .is_64 = (flags & kIs64) != 0};
    if ((flags & kHasPageSize) != 0) {
        const std::uint32_t shift = body.u32("limits");
        if (shift > 16) {
            body.reject("has a memory with a page size above 64 KiB");
        }
        memory.page_bytes = std::uint64_t{1} << shift;
    }
    check_range(body, "pages of memory", memory.pages,
                memory.is_64 ? UINT64_MAX : kBytesOf32Bits / memory.page_bytes);
    return memory;
}

TableInfo read_table_type(WasmCursor& body, std::uint8_t form) {
    TableInfo table{.element = read_value_type(body, form).text, .elements = {}};
    const unsigned flags = read_flags(body, "a table", kHasMaximum | kShared | kIs64);
    table.elements = read_range(body, flags);
    check_range(body, "elements of a table", table.elements,
                (flags & kIs64) != 0 ? UINT64_MAX : UINT32_MAX);
    return table;
}

std::string read_global_type(WasmCursor& body) {
    const AnyType type = read_value_type(body);
    return body.byte("a global") == 0 ? type.text : "mut " + type.text;
}

bool skip_constant(WasmCursor& body) {
    for (;;) {
        switch (body.byte("a constant")) {
            case 0x0b:  // end
                return true;
            case 0x41:  // i32.const
            case 0x42:  // i64.const
            case 0xd0:  // ref.null
                static_cast<void>(body.s64("a constant"));
                break;
            case 0x23:  // global.get
            case 0xd2:  // ref.func
                static_cast<void>(body.u32("a constant"));
                break;
            case 0x43:  // f32.const
                static_cast<void>(body.bytes(4, "a constant"));
                break;
            case 0x44:  // f64.const
                static_cast<void>(body.bytes(8, "a constant"));
                break;
            case 0xfd:  // v128.const
                static_cast<void>(body.u32("a constant"));
                static_cast<void>(body.bytes(16, "a constant"));
                break;
            case 0x6a:  // extended constants: i32 and i64 add, sub, mul
            case 0x6b:
            case 0x6c:
            case 0x7c:
            case 0x7d:
            case 0x7e:
                break;
            default:
                return false;
        }
    }
}

std::string shown(const MemoryInfo& memory) {
    std::string text = shown(memory.pages) + " pages";
    if (memory.page_bytes != 65536) {
        text += fmt::format(" of {} bytes", memory.page_bytes);
    }
    return text + (memory.is_64 ? ", 64-bit" : "") + (memory.shared ? ", shared" : "");
}

std::string shown(const TableInfo& table) {
    return shown(table.elements) + " " + table.element;
}

}  // namespace realm::sandbox
