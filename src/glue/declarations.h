// The .d.ts beside the glue: what it declares, as far as wasm-bindgen writes such files.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace realm::glue {

struct DeclaredParameter {
    std::string name;
    std::string type;
    bool optional = false;
    friend bool operator==(const DeclaredParameter&, const DeclaredParameter&) = default;
};

struct Declared {
    std::vector<DeclaredParameter> parameters;
    std::string result;
    friend bool operator==(const Declared&, const Declared&) = default;
};

// By "name" and "Class.name"; a constructor is "Class.constructor", a field's result is its type.
// Time linear in the text. What it does not know it steps over.
std::map<std::string, Declared> read_declarations(std::string_view text);

}  // namespace realm::glue
