// What the server and the process that compiles for it say to each other. Both are the same
// executable. Internal to this folder.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "sandbox/machine_code.h"

namespace realm::registry {

// The broker's end of the socket.
inline constexpr int kBrokerSocket = 3;

// With it travel three descriptors: the sealed module, an empty file for the machine code (or, in
// its stead, for what Wasmtime says against the module) and a socket for the answer.
struct CompileJob {
    sandbox::CodeSettings settings;
    std::int64_t cpu_ms = 0;
    std::int64_t wall_ms = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t code_bytes = 0;
};
inline constexpr std::size_t kJobFiles = 3;

enum class CompileEnd : std::uint8_t {
    kCode,       // the file holds machine code
    kRefused,    // the file holds Wasmtime's message
    kFailed,     // the file holds a message about something else
    kCodeLimit,  // of the job
    kMemoryLimit,
    kCpuLimit,
    kWallLimit,
    kCrashed,     // the compiler itself; `signal` and its last words
    kNotStarted,  // no process could be made
};

struct CompileReply {
    CompileEnd end = CompileEnd::kNotStarted;
    std::int32_t signal = 0;
    std::array<char, 200> words{};  // text, zero at the end
};

static_assert(std::is_trivially_copyable_v<CompileJob>);
static_assert(std::is_trivially_copyable_v<CompileReply>);

}  // namespace realm::registry
