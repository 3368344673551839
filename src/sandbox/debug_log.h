// What the sandbox says at the log's debug level, which is off by default: signatures, calls with
// their arguments (a guest's pointers are offsets into its memory), sizes of memories and tables.
// Internal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sandbox/guest.h"
#include "sandbox/host_function.h"
#include "sandbox/module_info.h"
#include "telemetry/log.h"

namespace realm::sandbox {

// Borrows the logger and the program's name. Used where that level is on.
class DebugLog {
public:
    DebugLog(const telemetry::Logger& logger, std::string_view program)
        : logger_(logger), program_(program) {}

    // A record for each import and export, memory and table of a module.
    void module(const ModuleInfo& info) const;
    // Of an instance that was brought up.
    void memory(std::uint64_t bytes) const;
    void table(std::string_view name, std::uint64_t elements) const;
    void stack_pointer(std::int32_t value) const;
    void call(std::string_view name, const Signature& signature, const Values& arguments) const;
    void host_call(const HostFunction& function, std::span<const RawValue> arguments) const;

private:
    const telemetry::Logger& logger_;
    std::string_view program_;
};

}  // namespace realm::sandbox
