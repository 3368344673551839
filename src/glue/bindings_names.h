// The words of the sidecar's JSON; only for what writes and reads it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "glue/bindings.h"

namespace realm::glue {

struct HelperRow {
    std::string_view name;
    std::string Helpers::* field;
};

inline constexpr std::array kHelpers{
    HelperRow{.name = "malloc", .field = &Helpers::malloc},
    HelperRow{.name = "realloc", .field = &Helpers::realloc},
    HelperRow{.name = "free", .field = &Helpers::free},
    HelperRow{.name = "stack_pointer", .field = &Helpers::stack_pointer},
    HelperRow{.name = "exn_store", .field = &Helpers::exn_store},
    HelperRow{.name = "table", .field = &Helpers::table},
    HelperRow{.name = "table_alloc", .field = &Helpers::table_alloc},
    HelperRow{.name = "table_dealloc", .field = &Helpers::table_dealloc},
    HelperRow{.name = "drop_slice", .field = &Helpers::drop_slice},
    HelperRow{.name = "start", .field = &Helpers::start},
    HelperRow{.name = "function_table", .field = &Helpers::function_table},
};

inline constexpr std::array<std::string_view, 22> kKinds{
    "unknown", "nothing", "bool",    "i8",    "u8",     "i16", "u16", "i32",
    "u32",     "i64",     "u64",     "i128",  "u128",   "f32", "f64", "char",
    "string",  "slice",   "handles", "value", "object", "enum"};

inline constexpr std::array<std::string_view, 8> kExportKinds{
    "function", "constructor", "method",        "static_method",
    "getter",   "setter",      "static_getter", "static_setter"};

inline constexpr std::array<std::string_view, 3> kHandleModes{"none", "slab", "table"};

}  // namespace realm::glue
