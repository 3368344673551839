// The lists of system calls: what the server needs once it listens, what a compiler needs.
#pragma once

#include "process/call_filter.h"

namespace realm::process {

// Memory, threads, time, connections that are there, files as far as Landlock lets it. No new
// sockets, no processes.
CallFilter server_calls();

// Memory, threads, time, and descriptors that are open. Opens nothing.
CallFilter compiler_calls();

}  // namespace realm::process
