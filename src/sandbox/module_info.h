// What a module asks for and offers, read from its bytes before anything is compiled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sandbox/host_function.h"

namespace realm::sandbox {

enum class ExternKind : std::uint8_t { kFunction, kTable, kMemory, kGlobal, kTag };

struct ImportInfo {
    std::string module;
    std::string name;
    ExternKind kind = ExternKind::kFunction;
    std::optional<Signature> signature;  // of functions whose types are all numbers
};

struct ExportInfo {
    std::string name;
    ExternKind kind = ExternKind::kFunction;
    std::optional<Signature> signature;
};

// The version of the program interface, packed as major << 16 | minor.
struct AbiVersion {
    std::uint16_t major = 0;
    std::uint16_t minor = 0;
    friend bool operator==(AbiVersion, AbiVersion) = default;
};

struct ModuleInfo {
    std::vector<ImportInfo> imports;
    std::vector<ExportInfo> exports;
    std::uint32_t memories = 0;     // defined by the module itself
    std::optional<AbiVersion> abi;  // what its export realm_abi_version returns

    [[nodiscard]] const ExportInfo* find_export(std::string_view name) const;
};

// Reads the sections of a module. The bytes are untrusted; the error says what is wrong and where
// (invalid_request). It does not validate code: Wasmtime does. The marker must be a function
// () -> i32 whose body is a constant, or an immutable i32 global, so that it can be read unrun.
Result<ModuleInfo> read_module(std::span<const std::byte> wasm);

}  // namespace realm::sandbox
