// What files a process may still open: Linux's Landlock, by raw system calls. It binds the calling
// thread and those it starts later, so it comes before any other thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"

namespace realm::process {

// What remains. Nothing may be executed, no device be controlled, nothing outside be signalled.
struct FileRules {
    // Files, or directories with all below them. What is not there is left out.
    std::vector<std::filesystem::path> read;
    // Directories in which files may be read, written, made, renamed and removed. They must exist.
    std::vector<std::filesystem::path> write;
    // TCP ports that may be listened on; 0 is any free one. None may be connected to.
    std::vector<std::uint16_t> listen;
};

// The newest ABI that both this kernel and we know; 0 where it has no Landlock. Any thread.
int landlock_abi();

// Applies the rules as far as `abi` goes: 1 files, 2 renames between directories, 3 truncation,
// 4 TCP ports, 5 control of devices, 6 signals and abstract sockets. Call it while the process has
// one thread. unavailable/landlock_missing for ABI 0, internal/lockdown_failed.
Result<void> confine_files(const FileRules& rules, int abi = landlock_abi());

}  // namespace realm::process
