// Runs another program to its end: arguments as a list, never through a shell.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace realm::registry {

// Where a child's standard output goes. Its standard input is empty, its standard error is kept.
enum class ChildOutput : std::uint8_t { kDiscard, kToStderr };

struct ChildRequest {
    std::vector<std::string> arguments;  // the first is the program, looked up in PATH
    std::filesystem::path directory;     // where it runs
    std::vector<std::pair<std::string, std::string>> environment;  // added to ours
    ChildOutput output = ChildOutput::kDiscard;
    std::stop_token stop;
};

struct ChildResult {
    int exit_code = 0;       // 128 + the signal where one ended it
    std::string error_text;  // the last 64 KiB of its standard error
};

// Waits for the child. Errors: program_missing (not in PATH), child_failed (could not be started),
// cancelled (stopped, and the child ended first).
Result<ChildResult> run_child(const ChildRequest& request);

}  // namespace realm::registry
