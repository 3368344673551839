// The process that compiles for a server which can no longer start processes itself.
#pragma once

#include <functional>

#include "base/error.h"

namespace realm::registry {

// Called in each child after its limits are set and before it reads a byte of the module; from
// then on it needs its three open files, memory and the exit.
using ConfineChild = std::function<Result<void>()>;

// Serves the jobs of BrokerCompiler that come over its socket (descriptor 3), each in a child of
// its own with low priority and limits on processor time, time, memory and output; ends when the
// server closes the socket or dies. Keeps nothing between jobs. The process must have one thread.
// Fails where descriptor 3 is no socket.
Result<void> run_compile_broker(const ConfineChild& confine);

}  // namespace realm::registry
