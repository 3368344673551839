#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "sandbox/marker.h"
#include "sandbox/module_info.h"
#include "sandbox/wasm_cursor.h"
#include "sandbox/wasm_types.h"

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
    kStart = 8,
    kElement = 9,
    kCode = 10,
    kData = 11,
    kDataCount = 12,
    kTag = 13,
};

// As WebAssembly orders them; a custom section may stand anywhere.
constexpr std::array kOrder =
    std::to_array<std::uint8_t>({kType, kImport, kFunction, kTable, kMemory, kTag, kGlobal, kExport,
                                 kStart, kElement, kDataCount, kCode, kData});
constexpr std::array<std::uint8_t, 8> kHeader = {0, 'a', 's', 'm', 1, 0, 0, 0};
constexpr std::array<std::uint8_t, 8> kComponentHeader = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
constexpr std::string_view kMarker = "realm_abi_version";

// Bounds on what is kept of a module: all of it comes from bytes that nobody has validated.
constexpr std::uint32_t kMostTypes = 1'000'000;
constexpr std::uint32_t kMostFunctions = 1'000'000;
constexpr std::uint32_t kMostExterns = 100'000;
constexpr std::uint32_t kMostSpaces = 1'000;  // memories, tables
constexpr std::size_t kMostTextBytes = std::size_t{16} << 20;
constexpr std::size_t kMostCustomSections = 100;

// A count that is no more than `most`.
std::uint32_t bounded(WasmCursor& body, const char* what, std::uint32_t most) {
    const std::uint32_t count = body.u32(what);
    if (count > most) {
        body.reject(fmt::format("has {} of {}; {} are allowed", count, what, most));
    }
    return count;
}

// Reads one module; its parts point into the caller's bytes.
class Reader {
public:
    explicit Reader(std::span<const std::byte> wasm) : cursor_(wasm) {}

    ModuleInfo read();

private:
    void header();
    void check_order(std::uint8_t id);
    void section(std::uint8_t id, WasmCursor body);
    void types(WasmCursor& body);
    void sub_type(WasmCursor& body);
    void composite_type(WasmCursor& body, std::uint8_t form);
    static void field_type(WasmCursor& body);
    void imports(WasmCursor& body);
    void import_extern(WasmCursor& body, ImportInfo& import);
    void functions(WasmCursor& body);
    void tables(WasmCursor& body);
    void memories(WasmCursor& body);
    void globals(WasmCursor& body);
    void custom(WasmCursor& body);
    void exports(WasmCursor& body);
    [[nodiscard]] std::string type_of(ExternKind kind, std::uint32_t index, const WasmCursor& at);
    // Of a function with that type; keeps account of what such texts take.
    [[nodiscard]] std::string text_of_type(const WasmCursor& type, const WasmCursor& at);
    void read_marker();
    [[nodiscard]] AbiVersion marker_function(std::uint32_t index) const;
    [[nodiscard]] AbiVersion marker_global(std::uint32_t index) const;
    // The parameters and results of a function; rejects one that has no such type.
    [[nodiscard]] const WasmCursor& function_type(std::uint32_t function_index,
                                                  const WasmCursor& at) const;

    WasmCursor cursor_;
    const std::uint8_t* next_section_ = kOrder.begin();  // the first that may still follow
    ModuleInfo info_;
    std::vector<std::optional<WasmCursor>> types_;  // behind the form; nothing: no function
    std::vector<std::uint32_t> function_types_;     // imported first, as in what follows
    std::vector<std::string> table_types_;
    std::vector<std::string> memory_types_;
    std::vector<std::string> global_types_;  // ends at the first that is too complex to read
    std::size_t text_bytes_ = 0;
    std::uint32_t imported_functions_ = 0;
    std::uint32_t imported_globals_ = 0;
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
        check_order(id);
        section(id, cursor_.part(size, "a section"));
    }
    if (info_.functions != code_bodies_) {
        cursor_.reject(fmt::format("declares {} functions and has the code of {}", info_.functions,
                                   code_bodies_));
    }
    if (global_section_) {
        WasmCursor section = *global_section_;  // read again for the marker
        globals(section);
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

void Reader::check_order(std::uint8_t id) {
    if (id == kCustom) {
        return;
    }
    const auto* const place = std::ranges::find(kOrder, id);
    if (place == kOrder.end()) {
        cursor_.reject(fmt::format("has a section of unknown kind {}", id));
    }
    if (place < next_section_) {
        const std::uint8_t last = *std::prev(next_section_);
        cursor_.reject(id == last ? fmt::format("has section {} twice", id)
                                  : fmt::format("has section {} behind section {}", id, last));
    }
    next_section_ = std::next(place);
}

void Reader::section(std::uint8_t id, WasmCursor body) {
    switch (id) {
        case kCustom:
            custom(body);
            break;
        case kType:
            types(body);
            break;
        case kImport:
            imports(body);
            break;
        case kFunction:
            functions(body);
            break;
        case kTable:
            tables(body);
            break;
        case kMemory:
            memories(body);
            break;
        case kGlobal:
            global_section_ = body;
            info_.globals = WasmCursor(body).u32("the globals");
            break;
        case kExport:
            export_section_ = body;
            break;
        case kStart:
            info_.start = body.u32("the start function");
            break;
        case kElement:
            info_.element_segments = body.u32("the elements");
            break;
        case kCode:
            code_section_ = body;
            info_.code_bytes = body.remaining();
            code_bodies_ = body.u32("the code");
            break;
        case kData:
            info_.data_bytes = body.remaining();
            info_.data_segments = body.u32("the data");
            break;
        default:
            break;
    }
}

void Reader::types(WasmCursor& body) {
    constexpr std::uint8_t kRecursiveGroup = 0x4e;
    const std::uint32_t count = bounded(body, "the types", kMostTypes);
    for (std::uint32_t i = 0; i < count; ++i) {
        WasmCursor ahead = body;
        if (ahead.byte("a type") != kRecursiveGroup) {
            sub_type(body);
            continue;
        }
        body = ahead;
        const std::uint32_t members = bounded(body, "a group of types", kMostTypes);
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
            types_.emplace_back(body);
            skip_function_type(body);
            break;
        case 0x5f: {
            const std::uint32_t fields = body.u32("a struct type");
            for (std::uint32_t i = 0; i < fields; ++i) {
                field_type(body);
            }
            types_.emplace_back(std::nullopt);
            break;
        }
        case 0x5e:
            field_type(body);
            types_.emplace_back(std::nullopt);
            break;
        default:
            body.reject(fmt::format("has a type of unknown form {:#04x}", form));
    }
    if (types_.size() > kMostTypes) {
        body.reject(fmt::format("has more than {} types", kMostTypes));
    }
}

void Reader::field_type(WasmCursor& body) {
    constexpr std::uint8_t kI8 = 0x78;
    constexpr std::uint8_t kI16 = 0x77;
    const std::uint8_t form = body.byte("a field");
    if (form != kI8 && form != kI16) {
        static_cast<void>(read_value_type(body, form));
    }
    static_cast<void>(body.byte("a field"));
}

void Reader::imports(WasmCursor& body) {
    const std::uint32_t count = bounded(body, "the imports", kMostExterns);
    for (std::uint32_t i = 0; i < count; ++i) {
        ImportInfo import;
        import.module = body.name("an import");
        import.name = body.name("an import");
        import_extern(body, import);
        info_.imports.push_back(std::move(import));
    }
}

void Reader::import_extern(WasmCursor& body, ImportInfo& import) {
    const std::uint8_t kind = body.byte("an import");
    switch (kind) {
        case 0: {
            function_types_.push_back(body.u32("an import"));
            const WasmCursor& type = function_type(imported_functions_++, body);
            import.signature = read_signature(type);
            import.type = text_of_type(type, body);
            break;
        }
        case 1:
            import.type = shown(read_table_type(body, body.byte("an import")));
            table_types_.push_back(import.type);
            break;
        case 2:
            import.type = shown(read_memory_type(body));
            memory_types_.push_back(import.type);
            break;
        case 3:
            import.type = read_global_type(body);
            global_types_.push_back(import.type);
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
}

void Reader::functions(WasmCursor& body) {
    const std::uint32_t count = bounded(body, "the functions", kMostFunctions);
    for (std::uint32_t i = 0; i < count; ++i) {
        function_types_.push_back(body.u32("a function"));
    }
    info_.functions = count;
}

void Reader::tables(WasmCursor& body) {
    constexpr std::uint8_t kWithInitialiser = 0x40;
    const std::uint32_t count = bounded(body, "the tables", kMostSpaces);
    for (std::uint32_t i = 0; i < count; ++i) {
        std::uint8_t form = body.byte("a table");
        const bool initialised = form == kWithInitialiser;
        if (initialised) {
            static_cast<void>(body.byte("a table"));
            form = body.byte("a table");
        }
        info_.tables.push_back(read_table_type(body, form));
        table_types_.push_back(shown(info_.tables.back()));
        if (initialised && !skip_constant(body)) {
            body.reject("has a table whose first element is too complex to be read");
        }
    }
}

void Reader::memories(WasmCursor& body) {
    const std::uint32_t count = bounded(body, "the memories", kMostSpaces);
    for (std::uint32_t i = 0; i < count; ++i) {
        info_.memories.push_back(read_memory_type(body));
        memory_types_.push_back(shown(info_.memories.back()));
    }
}

void Reader::globals(WasmCursor& body) {
    const std::uint32_t count = bounded(body, "the globals", kMostFunctions);
    for (std::uint32_t i = 0; i < count; ++i) {
        global_types_.push_back(read_global_type(body));
        if (!skip_constant(body)) {
            return;
        }
    }
}

void Reader::custom(WasmCursor& body) {
    const std::size_t bytes = body.remaining();
    std::string name = body.name("a custom section");
    if (info_.custom.size() < kMostCustomSections) {
        info_.custom.push_back({.name = std::move(name), .bytes = bytes});
    }
}

const WasmCursor& Reader::function_type(std::uint32_t function_index, const WasmCursor& at) const {
    if (function_index >= function_types_.size() ||
        function_types_[function_index] >= types_.size() ||
        !types_[function_types_[function_index]]) {
        at.reject("names a function or a type that does not exist");
    }
    return *types_[function_types_[function_index]];
}

std::string Reader::text_of_type(const WasmCursor& type, const WasmCursor& at) {
    std::string text = function_type_text(type);
    text_bytes_ += text.size();
    if (text_bytes_ > kMostTextBytes) {
        at.reject("has imports and exports with too many parameters");
    }
    return text;
}

std::string Reader::type_of(ExternKind kind, std::uint32_t index, const WasmCursor& at) {
    const auto in = [&](const std::vector<std::string>& types) {
        return index < types.size() ? types[index] : std::string();
    };
    switch (kind) {
        case ExternKind::kFunction:
            return text_of_type(function_type(index, at), at);
        case ExternKind::kTable:
            return in(table_types_);
        case ExternKind::kMemory:
            return in(memory_types_);
        case ExternKind::kGlobal:
            return in(global_types_);
        case ExternKind::kTag:
            break;
    }
    return {};
}

void Reader::exports(WasmCursor& body) {
    constexpr std::uint8_t kHighestKind = 4;
    const std::uint32_t count = bounded(body, "the exports", kMostExterns);
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
            found.signature = read_signature(function_type(index, body));
        }
        found.type = type_of(found.kind, index, body);
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
    const auto signature = read_signature(function_type(index, cursor_));
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

bool ModuleInfo::is_realm_program() const {
    return find_export("realm_run") != nullptr ||
           std::ranges::any_of(imports, [](const ImportInfo& import) {
               return import.module == "env" && import.name.starts_with("realm_");
           });
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
