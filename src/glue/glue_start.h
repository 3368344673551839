// Functions of a glue file that make the module: init() and its like.
#pragma once

#include <map>
#include <string_view>

#include "glue/glue_scope.h"

namespace realm::glue {

// Whether an exported function is one of them. Here the module is made already.
bool starts_module(const Js& function);

// What the variables hold that such functions, or those that call one, set to say that they have
// run: a value by name.
std::map<std::string_view, const Js*> set_by_start(const GlueScope& scope);

}  // namespace realm::glue
