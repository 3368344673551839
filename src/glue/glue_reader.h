// Reads the JavaScript that wasm-bindgen generated for a module into the module's bindings. As it
// is text from a stranger, nothing of it is trusted and nothing runs: what is no known shape makes
// its import or export unsupported, with the reason.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "glue/bindings.h"

namespace realm::glue {

// What a module imports and exports, as its own sections say.
struct ModuleItem {
    std::string module{};  // of imports
    std::string name{};
    bool function = true;
    std::vector<std::string> parameters{};  // "i32", "externref", ...
    std::vector<std::string> results{};
};

struct ModuleShape {
    std::vector<ModuleItem> imports{};
    std::vector<ModuleItem> exports{};
    std::string wasm_bindgen{};  // its version, from the producers section; may be empty

    [[nodiscard]] const ModuleItem* find_export(std::string_view name) const;
};

// Splits "(i32, externref) -> (i32)" into the item's parameters and results.
void read_signature(std::string_view type, ModuleItem& item);

// The texts of a package around one module.
struct GlueText {
    std::string path{};
    std::string javascript{};
    std::string declarations{};                     // .d.ts; may be empty
    std::map<std::string, std::string> snippets{};  // by path as the glue names it
};

// Whether the text could be generated glue at all: it names one of the module's own exports or
// imports that begin with "__wb".
bool looks_like_glue(std::string_view javascript, const ModuleShape& module);

// Takes time and memory linear in the texts. invalid_request/invalid_glue: the text is no
// JavaScript, beyond a limit, or says nothing about this module.
Result<Bindings> read_glue(const ModuleShape& module, const GlueText& text);

}  // namespace realm::glue
