// What a glue file offers: its functions, classes and enums, and the imports that it fills.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "glue/glue_scope.h"

namespace realm::glue {

// By the name outside, the name or the function, class or value here.
struct Offered {
    std::string_view outside;
    std::string_view inside;  // empty where `node` has no name
    const Js* node = nullptr;
};

// In the order of the file. Without any export statement: all functions and classes that call the
// module.
std::vector<Offered> offered_by(const GlueScope& scope, const ModuleShape& module);

// The values given to the names of the module's imports, wherever they are.
std::map<std::string_view, const Js*> filled_imports(const GlueScope& scope,
                                                     const ModuleShape& module);

}  // namespace realm::glue
