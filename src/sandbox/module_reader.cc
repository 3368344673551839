#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "sandbox/marker.h"
#include "sandbox/module_info.h"
#include "sandbox/wasm_cursor.h"

namespace realm::sandbox {
namespace {

enum SectionId : std::uint8_t {
    kCustom = 0,
    kType = 1,
    kImport = 2,
    kFunction = 3,
    kTable = 4,
    kMemory = 5,
    kGlobal = 6,
    kExport = 7,
    kCode = 10,
};

constexpr std::uint8_t kHighestSection = 13;
constexpr std::array<std::uint8_t, 8> kHeader = {0, 'a', 's', 'm', 1, 0, 0, 0};
constexpr std::array<std::uint8_t, 8> kComponentHeader = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
constexpr std::string_view kMarker = "realm_abi_version";

// Reads one module; its parts point into the caller's bytes.
class Reader {
public:
    explicit Reader(std::span<const std::byte> wasm) : cursor_(wasm) {}

    ModuleInfo read();

private:
    void header();
    void section(std::uint8_t id, WasmCursor body);
    void types(WasmCursor& body);
    void sub_type(WasmCursor& body);
    void composite_type(WasmCursor& body, std::uint8_t form);
    void field_type(WasmCursor& body);
    // Nothing for a reference or a vector: its bytes are read all the same.
    std::optional<ValueType> value_type(WasmCursor& body);
    void finish_value_type(WasmCursor& body, std::uint8_t form, std::optional<ValueType>& type);
    std::optional<Signature> function_type(WasmCursor& body);
    void imports(WasmCursor& body);
    void limits(WasmCursor& body);
    void functions(WasmCursor& body);
    void exports(WasmCursor& body);
    void read_marker();
    [[nodiscard]] AbiVersion marker_function(std::uint32_t index) const;
    [[nodiscard]] AbiVersion marker_global(std::uint32_t index) const;
    [[nodiscard]] std::optional<Signature> signature_of(std::uint32_t function_index,
                                                        const WasmCursor& at) const;

    WasmCursor cursor_;
    ModuleInfo info_;
    std::vector<std::optional<Signature>> types_;
    std::vector<std::uint32_t> function_types_;  // imported first
    std::uint32_t imported_functions_ = 0;
    std::uint32_t imported_globals_ = 0;
    std::uint32_t defined_functions_ = 0;
    std::uint32_t code_bodies_ = 0;
    std::optional<WasmCursor> export_section_;
    std::optional<WasmCursor> global_section_;
    std::optional<WasmCursor> code_section_;
    std::optional<std::pair<ExternKind, std::uint32_t>> marker_;
};

ModuleInfo Reader::read() {
    header();
    while (!cursor_.at_end()) {
        const std::uint8_t id = cursor_.byte("a section");
        const std::uint32_t size = cursor_.u32("a section's size");
        if (id > kHighestSection) {
            cursor_.reject(fmt::format("has a section of unknown kind {}", id));
        }
        section(id, cursor_.part(size, "a section"));
    }
    if (defined_functions_ != code_bodies_) {
        cursor_.reject(fmt::format("declares {} functions and has the code of {}",
                                   defined_functions_, code_bodies_));
    }
    if (export_section_) {
        exports(*export_section_);
    }
    read_marker();
    return std::move(info_);
}

void Reader::header() {
    const auto matches = [](std::span<const std::byte> found, auto& wanted) {
        return std::ranges::equal(found, wanted, {},
                                  [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    };
    if (cursor_.remaining() < kHeader.size()) {
        cursor_.reject("is too short to be WebAssembly");
    }
    const auto found = cursor_.bytes(kHeader.size(), "the header");
    if (matches(found, kComponentHeader)) {
        cursor_.reject("is a component; this server runs core modules");
    }
    if (!matches(found, kHeader)) {
        cursor_.reject("does not begin with the header of WebAssembly, version 1");
    }
}

void Reader::section(std::uint8_t id, WasmCursor body) {
    const auto once = [&](std::optional<WasmCursor>& place) {
        if (place) {
            body.reject(fmt::format("has section {} twice", id));
        }
        place = body;
    };
    switch (id) {
        case kType:
            types(body);
            break;
        case kImport:
            imports(body);
            break;
        case kFunction:
            functions(body);
            break;
        case kMemory:
            info_.memories += body.u32("the memories");
            break;
        case kGlobal:
            once(global_section_);
            break;
        case kExport:
            once(export_section_);
            break;
        case kCode:
            once(code_section_);
            code_bodies_ = body.u32("the code");
            break;
        default:
            break;
    }
}

void Reader::types(WasmCursor& body) {
    constexpr std::uint8_t kRecursiveGroup = 0x4e;
    const std::uint32_t count = body.u32("the types");
    for (std::uint32_t i = 0; i < count; ++i) {
        WasmCursor ahead = body;
        if (ahead.byte("a type") != kRecursiveGroup) {
            sub_type(body);
            continue;
        }
        body = ahead;
        const std::uint32_t members = body.u32("a group of types");
        for (std::uint32_t k = 0; k < members; ++k) {
            sub_type(body);
        }
    }
}

void Reader::sub_type(WasmCursor& body) {
    constexpr std::uint8_t kSub = 0x50;
    constexpr std::uint8_t kFinalSub = 0x4f;
    std::uint8_t form = body.byte("a type");
    if (form == kSub || form == kFinalSub) {
        const std::uint32_t parents = body.u32("a subtype");
        for (std::uint32_t i = 0; i < parents; ++i) {
            static_cast<void>(body.u32("a subtype"));
        }
        form = body.byte("a type");
    }
    composite_type(body, form);
}

void Reader::composite_type(WasmCursor& body, std::uint8_t form) {
    switch (form) {
        case 0x60:
            types_.push_back(function_type(body));
            return;
        case 0x5f: {
            const std::uint32_t fields = body.u32("a struct type");
            for (std::uint32_t i = 0; i < fields; ++i) {
                field_type(body);
            }
            break;
        }
        case 0x5e:
            field_type(body);
            break;
        default:
            body.reject(fmt::format("has a type of unknown form {:#04x}", form));
    }
    types_.emplace_back(std::nullopt);
}

void Reader::field_type(WasmCursor& body) {
    constexpr std::uint8_t kI8 = 0x78;
    constexpr std::uint8_t kI16 = 0x77;
    const std::uint8_t form = body.byte("a field");
    if (form != kI8 && form != kI16) {
        std::optional<ValueType> ignored;
        finish_value_type(body, form, ignored);
    }
    static_cast<void>(body.byte("a field"));
}

std::optional<ValueType> Reader::value_type(WasmCursor& body) {
    std::optional<ValueType> type;
    finish_value_type(body, body.byte("a value type"), type);
    return type;
}

void Reader::finish_value_type(WasmCursor& body, std::uint8_t form,
                               std::optional<ValueType>& type) {
    switch (form) {
        case 0x7f:
            type = ValueType::kI32;
            return;
        case 0x7e:
            type = ValueType::kI64;
            return;
        case 0x7d:
            type = ValueType::kF32;
            return;
        case 0x7c:
            type = ValueType::kF64;
            return;
        case 0x63:
        case 0x64:
            static_cast<void>(body.s64("a reference type"));
            return;
        default:
            // Vectors and the one-byte reference types.
            if (form != 0x7b && (form < 0x68 || form > 0x75)) {
                body.reject(fmt::format("has a value type of unknown form {:#04x}", form));
            }
    }
}

std::optional<Signature> Reader::function_type(WasmCursor& body) {
    Signature signature;
    bool numbers_only = true;
    for (auto* list : {&signature.parameters, &signature.results}) {
        const std::uint32_t count = body.u32("a function type");
        for (std::uint32_t i = 0; i < count; ++i) {
            const auto type = value_type(body);
            numbers_only = numbers_only && type.has_value();
            if (type) {
                list->push_back(*type);
            }
        }
    }
    return numbers_only ? std::optional(std::move(signature)) : std::nullopt;
}

void Reader::imports(WasmCursor& body) {
    const std::uint32_t count = body.u32("the imports");
    for (std::uint32_t i = 0; i < count; ++i) {
        ImportInfo import;
        import.module = body.name("an import");
        import.name = body.name("an import");
        const std::uint8_t kind = body.byte("an import");
        switch (kind) {
            case 0:
                function_types_.push_back(body.u32("an import"));
                import.signature = signature_of(imported_functions_++, body);
                break;
            case 1:
                static_cast<void>(value_type(body));
                limits(body);
                break;
            case 2:
                limits(body);
                break;
            case 3:
                static_cast<void>(value_type(body));
                static_cast<void>(body.byte("an import"));
                ++imported_globals_;
                break;
            case 4:
                static_cast<void>(body.byte("an import"));
                static_cast<void>(body.u32("an import"));
                break;
            default:
                body.reject(fmt::format("has an import of unknown kind {}", kind));
        }
        import.kind = static_cast<ExternKind>(kind);
        info_.imports.push_back(std::move(import));
    }
}

void Reader::limits(WasmCursor& body) {
    constexpr unsigned kHasMaximum = 1;
    constexpr unsigned kHasPageSize = 8;
    const unsigned flags = body.byte("limits");
    static_cast<void>(body.s64("limits"));
    if ((flags & kHasMaximum) != 0) {
        static_cast<void>(body.s64("limits"));
    }
    if ((flags & kHasPageSize) != 0) {
        static_cast<void>(body.u32("limits"));
    }
}

void Reader::functions(WasmCursor& body) {
    const std::uint32_t count = body.u32("the functions");
    for (std::uint32_t i = 0; i < count; ++i) {
        function_types_.push_back(body.u32("a function"));
    }
    defined_functions_ += count;
}

std::optional<Signature> Reader::signature_of(std::uint32_t function_index,
                                              const WasmCursor& at) const {
    if (function_index >= function_types_.size() ||
        function_types_[function_index] >= types_.size()) {
        at.reject("names a function or a type that does not exist");
    }
    return types_[function_types_[function_index]];
}

void Reader::exports(WasmCursor& body) {
    constexpr std::uint8_t kHighestKind = 4;
    const std::uint32_t count = body.u32("the exports");
    for (std::uint32_t i = 0; i < count; ++i) {
        ExportInfo found;
        found.name = body.name("an export");
        const std::uint8_t kind = body.byte("an export");
        const std::uint32_t index = body.u32("an export");
        if (kind > kHighestKind) {
            body.reject(fmt::format("has an export of unknown kind {}", kind));
        }
        found.kind = static_cast<ExternKind>(kind);
        if (found.kind == ExternKind::kFunction) {
            found.signature = signature_of(index, body);
        }
        if (found.name == kMarker) {
            marker_ = {found.kind, index};
        }
        info_.exports.push_back(std::move(found));
    }
}

void Reader::read_marker() {
    if (!marker_) {
        return;
    }
    switch (marker_->first) {
        case ExternKind::kFunction:
            info_.abi = marker_function(marker_->second);
            return;
        case ExternKind::kGlobal:
            info_.abi = marker_global(marker_->second);
            return;
        default:
            cursor_.reject(marker_advice("is neither a function nor a global"));
    }
}

AbiVersion Reader::marker_function(std::uint32_t index) const {
    const auto signature = signature_of(index, cursor_);
    if (signature != Signature{.parameters = {}, .results = {ValueType::kI32}}) {
        cursor_.reject(marker_advice("does not have the type () -> i32"));
    }
    if (index < imported_functions_ || !code_section_) {
        cursor_.reject(marker_advice("is imported"));
    }
    WasmCursor code = *code_section_;
    static_cast<void>(code.u32("the code"));
    for (std::uint32_t i = imported_functions_; i < index; ++i) {
        static_cast<void>(code.part(code.u32("the code"), "a function's code"));
    }
    return evaluate_marker_function(code.part(code.u32("the code"), "a function's code"));
}

AbiVersion Reader::marker_global(std::uint32_t index) const {
    if (index < imported_globals_ || !global_section_) {
        cursor_.reject(marker_advice("is imported"));
    }
    return evaluate_marker_global(*global_section_, index - imported_globals_);
}

}  // namespace

const ExportInfo* ModuleInfo::find_export(std::string_view name) const {
    const auto found = std::ranges::find(exports, name, &ExportInfo::name);
    return found == exports.end() ? nullptr : &*found;
}

Result<ModuleInfo> read_module(std::span<const std::byte> wasm) {
    try {
        return Reader(wasm).read();
    } catch (const Malformed& malformed) {
        return fail(ErrorType::kInvalidRequest, "invalid_module",
                    fmt::format("the module {} (at byte {})", malformed.reason, malformed.offset));
    }
}

}  // namespace realm::sandbox
