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

// How many pages a memory or elements a table has, at its start and at most.
struct SizeRange {
    std::uint64_t minimum = 0;
    std::optional<std::uint64_t> maximum;
    friend bool operator==(const SizeRange&, const SizeRange&) = default;
};

struct MemoryInfo {
    SizeRange pages;
    std::uint64_t page_bytes = 65536;
    bool shared = false;
    bool is_64 = false;
    friend bool operator==(const MemoryInfo&, const MemoryInfo&) = default;
};

struct TableInfo {
    std::string element;  // "funcref"
    SizeRange elements;
    friend bool operator==(const TableInfo&, const TableInfo&) = default;
};

struct ImportInfo {
    std::string module;
    std::string name;
    ExternKind kind = ExternKind::kFunction;
    std::optional<Signature> signature;  // of functions whose types are all numbers
    std::string type;                    // in words: "(i32, externref) -> ()", "1..16 pages"
};

struct ExportInfo {
    std::string name;
    ExternKind kind = ExternKind::kFunction;
    std::optional<Signature> signature;
    std::string type;  // as above; empty where it lies behind what the reader does not know
};

// A section that WebAssembly itself gives no meaning: names, debug information, a manifest.
struct CustomSection {
    std::string name;
    std::size_t bytes = 0;
    friend bool operator==(const CustomSection&, const CustomSection&) = default;
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
    std::vector<MemoryInfo> memories;  // this and what follows: defined by the module itself
    std::vector<TableInfo> tables;
    std::uint32_t functions = 0;
    std::uint32_t globals = 0;
    std::uint32_t data_segments = 0;
    std::uint32_t element_segments = 0;
    std::size_t code_bytes = 0;
    std::size_t data_bytes = 0;
    std::vector<CustomSection> custom;   // the first 100
    std::optional<std::uint32_t> start;  // index of the function that runs at instantiation
    std::optional<AbiVersion> abi;       // what its export realm_abi_version returns

    [[nodiscard]] const ExportInfo* find_export(std::string_view name) const;
    // True when it was written for Realm: it exports realm_run or imports an env.realm_* function.
    [[nodiscard]] bool is_realm_program() const;
};

// Reads the sections of a module. The bytes are untrusted; the error says what is wrong and where
// (invalid_request). It does not validate code: Wasmtime does. The marker must be a function
// () -> i32 whose body is a constant, or an immutable i32 global, so that it can be read unrun.
// What it keeps is bounded: 100,000 imports and as many exports, 1,000 parameters or results.
Result<ModuleInfo> read_module(std::span<const std::byte> wasm);

}  // namespace realm::sandbox
