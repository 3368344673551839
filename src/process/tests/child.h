// Tests of what cannot be undone run in a child process.
#pragma once

#include <functional>
#include <string>

namespace realm::process {

// Runs `body` in a fork of this process and says how that ended: "exit 0" (what body returned) or
// "signal 31".
std::string in_child(const std::function<int()>& body);

// 0 when a system call succeeded, else its errno: what a body returns.
int outcome(long result);

}  // namespace realm::process
