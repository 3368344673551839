// The types of a module as its bytes spell them. Internal to this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sandbox/host_function.h"
#include "sandbox/module_info.h"
#include "sandbox/wasm_cursor.h"

namespace realm::sandbox {

// A value type; `text` is how WebAssembly's text format writes it, `number` nothing for a
// reference or a vector.
struct AnyType {
    std::string text;
    std::optional<ValueType> number;
};

// Throws Malformed for a form that it does not know, as everything here does.
AnyType read_value_type(WasmCursor& body);
// The same where its first byte was read already.
AnyType read_value_type(WasmCursor& body, std::uint8_t form);
// Reads the bytes of one and keeps nothing.
void skip_value_type(WasmCursor& body);

// The parameters and results of a function type, behind its form.
void skip_function_type(WasmCursor& body);
// Nothing unless all are numbers.
std::optional<Signature> read_signature(WasmCursor body);
// (i32, externref) -> i32
std::string function_type_text(WasmCursor body);

MemoryInfo read_memory_type(WasmCursor& body);
TableInfo read_table_type(WasmCursor& body, std::uint8_t form);
// "i32", "mut f64"
std::string read_global_type(WasmCursor& body);

// Steps over a constant expression and its `end`; false at an instruction that it does not know.
bool skip_constant(WasmCursor& body);

// "1..16 pages", "4.. externref"
std::string shown(const MemoryInfo& memory);
std::string shown(const TableInfo& table);

}  // namespace realm::sandbox
