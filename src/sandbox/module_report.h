// What a look at a module says about running it here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "sandbox/host_function.h"
#include "sandbox/module_info.h"

namespace realm::sandbox {

// What a program's manifest allows its imports.
struct ImportRules {
    bool strict = false;  // what the host does not have is refused instead of stubbed
    // Whether the program may import this function of the host; empty: all of them.
    std::function<bool(const HostFunction&)> granted;
};

enum class ImportState : std::uint8_t {
    kProvided,
    kStubbed,  // traps with its full name when it is called
    kRefused,
};

struct ImportCheck {
    ImportState state = ImportState::kProvided;
    std::string reason;  // why it is refused
};

struct ModuleReport {
    ModuleInfo info;
    std::vector<ImportCheck> imports;  // of each of info.imports
    std::vector<Error> refusals;       // the first 100, as they were found; none: it may run
};

}  // namespace realm::sandbox
