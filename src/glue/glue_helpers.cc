#include "glue/glue_helpers.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace realm::glue {
namespace {

bool passes_references(const ModuleShape& module) {
    const auto passes = [](const ModuleItem& item) {
        return item.name.starts_with("__wbindgen_init_externref_table") ||
               std::ranges::find(item.parameters, "externref") != item.parameters.end() ||
               std::ranges::find(item.results, "externref") != item.results.end();
    };
    return std::ranges::any_of(module.imports, passes) ||
           std::ranges::any_of(module.exports, passes);
}

void find_by_names(Helpers& helpers, const ModuleShape& module) {
    const auto by_prefix = [&](std::string& helper, std::string_view prefix) {
        for (const ModuleItem& item : module.exports) {
            if (helper.empty() && item.name.starts_with(prefix)) {
                helper = item.name;
            }
        }
    };
    by_prefix(helpers.malloc, "__wbindgen_malloc");
    by_prefix(helpers.realloc, "__wbindgen_realloc");
    by_prefix(helpers.free, "__wbindgen_free");
    by_prefix(helpers.stack_pointer, "__wbindgen_add_to_stack_pointer");
    by_prefix(helpers.exn_store, "__wbindgen_exn_store");
    by_prefix(helpers.start, "__wbindgen_start");
    by_prefix(helpers.table, "__wbindgen_externrefs");
    by_prefix(helpers.table_alloc, "__externref_table_alloc");
    by_prefix(helpers.table_dealloc, "__externref_table_dealloc");
    by_prefix(helpers.drop_slice, "__externref_drop_slice");
}

// Those whose names say nothing, by how they are called.
void find_unnamed(const Node& node, Helpers& helpers) {
    const auto number = [&](std::size_t i) {
        return node.operands.size() > i && node.operands[i].op == Op::kNumber
                   ? node.operands[i].number
                   : 0;
    };
    if (node.op == Op::kWasmCall && node.text.starts_with("__wbindgen_export")) {
        const bool area =
            node.operands.size() == 1 && number(0) < 0 && static_cast<int>(number(0)) % 16 == 0;
        if (area && helpers.stack_pointer.empty()) {
            helpers.stack_pointer = node.text;
        }
        if (node.operands.size() == 3 && number(2) > 0 && helpers.free.empty()) {
            helpers.free = node.text;
        }
    }
    for (const Node& operand : node.operands) {
        find_unnamed(operand, helpers);
    }
}

}  // namespace

void find_helpers(Bindings& bindings, const ModuleShape& module) {
    Helpers& helpers = bindings.helpers;
    find_by_names(helpers, module);
    if (bindings.handles == HandleMode::kNone && passes_references(module)) {
        bindings.handles = HandleMode::kTable;
    }
    if (helpers.stack_pointer.empty() || helpers.free.empty()) {
        for (const Function& function : bindings.functions) {
            find_unnamed(function.body, helpers);
        }
    }
    bindings.returns =
        std::ranges::any_of(module.exports,
                            [](const ModuleItem& item) { return item.results.size() > 1; }) ||
                helpers.stack_pointer.empty()
            ? ReturnMode::kMultiValue
            : ReturnMode::kReturnArea;
}

}  // namespace realm::glue
