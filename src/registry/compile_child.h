// One compilation in a process of its own. Internal to this folder.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "registry/compile_broker.h"
#include "registry/compile_protocol.h"

namespace realm::registry {

struct ChildFiles {
    int module = -1;  // sealed
    int code = -1;    // empty, for the result
    int errors = -1;  // becomes standard error
    pid_t broker = -1;
};

// The whole life of a child that the broker has forked.
[[noreturn]] void compile_in_child(const CompileJob& job, const ChildFiles& files,
                                   const ConfineChild& confine) noexcept;

// What the exit status of such a child means.
CompileEnd end_of_exit_code(int code);

// True for what Rust, Wasmtime or the C library say where they got no memory.
bool is_out_of_memory(std::string_view message);

}  // namespace realm::registry
