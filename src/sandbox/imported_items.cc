#include "sandbox/imported_items.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace realm::sandbox {
namespace {

constexpr std::uint32_t kTableElements = 4096;

using TableTypeHandle = WasmtimeHandle<wasm_tabletype_t, wasm_tabletype_delete>;

wasmtime_val_t null_of(wasm_valkind_t kind) {
    wasmtime_val_t value{};
    if (kind == WASM_FUNCREF) {
        value.kind = WASMTIME_FUNCREF;
        wasmtime_funcref_set_null(&value.of.funcref);
    } else {
        value.kind = WASMTIME_EXTERNREF;
        wasmtime_externref_set_null(&value.of.externref);
    }
    return value;
}

wasmtime_error_t* new_table(wasmtime_context_t* context, const wasm_tabletype_t& declared,
                            wasmtime_extern_t& item) {
    const wasm_limits_t wanted = *wasm_tabletype_limits(&declared);
    const wasm_limits_t limits{
        .min = std::min(std::max(kTableElements, wanted.min), wanted.max),
        .max = wanted.max,
    };
    const wasm_valtype_t* const element = wasm_tabletype_element(&declared);
    const TableTypeHandle type(wasm_tabletype_new(wasm_valtype_copy(element), &limits));
    const wasmtime_val_t null = null_of(wasm_valtype_kind(element));
    item.kind = WASMTIME_EXTERN_TABLE;
    return wasmtime_table_new(context, type.get(), &null, &item.of.table);
}

// Leaves `item` as it is for what is neither a table nor a memory.
wasmtime_error_t* new_item(wasmtime_context_t* context, const wasm_externtype_t& type,
                           wasmtime_extern_t& item) {
    if (const auto* const table = wasm_externtype_as_tabletype_const(&type)) {
        return new_table(context, *table, item);
    }
    if (const auto* const memory = wasm_externtype_as_memorytype_const(&type)) {
        item.kind = WASMTIME_EXTERN_MEMORY;
        return wasmtime_memory_new(context, memory, &item.of.memory);
    }
    return nullptr;
}

}  // namespace

ProvidedItems provide_imported_items(wasmtime_linker_t* linker, wasmtime_context_t* context,
                                     const wasmtime_module_t* module) {
    ProvidedItems provided;
    OwnedImports imports;
    wasmtime_module_imports(module, &imports.value);
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (const wasm_importtype_t* import :
         std::span<wasm_importtype_t*>(imports.value.data, imports.value.size)) {
        const std::string_view from = text_of(*wasm_importtype_module(import));
        const std::string_view name = text_of(*wasm_importtype_name(import));
        wasmtime_extern_t item{};
        item.kind = WASMTIME_EXTERN_FUNC;
        const wasm_externtype_t& type = *wasm_importtype_type(import);
        if (wasm_externtype_kind(&type) == WASM_EXTERN_FUNC || !seen.emplace(from, name).second) {
            continue;
        }
        provided.failure.reset(new_item(context, type, item));
        if (!provided.failure && item.kind != WASMTIME_EXTERN_FUNC) {
            provided.failure.reset(wasmtime_linker_define(linker, context, from.data(), from.size(),
                                                          name.data(), name.size(), &item));
        }
        if (provided.failure) {
            return provided;
        }
        if (item.kind == WASMTIME_EXTERN_MEMORY && !provided.memory) {
            provided.memory = item.of.memory;
        }
        if (item.kind == WASMTIME_EXTERN_TABLE && !provided.references &&
            wasm_valtype_kind(wasm_tabletype_element(wasm_externtype_as_tabletype_const(&type))) ==
                WASM_EXTERNREF) {
            provided.references = item.of.table;
        }
    }
    return provided;
}

}  // namespace realm::sandbox
