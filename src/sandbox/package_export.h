// Calls of what a package exports with values of JavaScript's, for jobs that bring their own.
#pragma once

#include <string_view>

#include "base/error.h"
#include "sandbox/guest.h"
#include "values/world.h"

namespace realm::sandbox {

// Both belong to the guest and are valid as long as its job runs. `function` is called with
// values::call, awaited.
struct PackageExport {
    values::World* world = nullptr;
    values::Value function;
};

// Of a module with bindings, by its name in JavaScript; begins a call from outside: the steps that
// it may take are there again. invalid_request/no_such_export.
Result<PackageExport> find_package_export(Guest& guest, std::string_view name);

// What was thrown as an error: the message that JavaScript would show.
Error error_of_thrown(Guest& guest, const values::Thrown& thrown);

}  // namespace realm::sandbox
