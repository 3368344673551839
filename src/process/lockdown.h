// The small room around a process: whoever escapes from the WebAssembly sandbox finds no files but
// the ones named, no new sockets and no other programs. docs/security.md says what is in it.
#pragma once

#include <cstddef>

#include "base/error.h"
#include "process/landlock.h"

namespace realm::process {

// Files first, while the process has one thread (landlock.h). no_new_privileges comes with either.

// Every thread, now and later: no system calls but those that a server needs once it listens.
// Calls that only an attack makes kill the process, others fail with EPERM.
Result<void> confine_server_calls();

// For the child process that compiles, while it has one thread: no calls but memory, threads and
// those on descriptors that are open already, and no files (where there is Landlock).
Result<void> lock_down_compiler(int landlock = landlock_abi());

// Threads of this process; 0 when that cannot be read. What binds one thread binds the process only
// while there is no other.
std::size_t thread_count();

// Whether this is a build whose checker makes calls that no room has (it looks into other threads).
bool built_with_sanitizer();

}  // namespace realm::process
