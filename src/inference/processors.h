// The processors that this process may use, and its compute threads' places on them. Internal.
#pragma once

#include <cstdint>
#include <vector>

namespace realm::inference {

// Their numbers, ascending; never empty. From any thread, though it is the calling thread's mask
// that counts: ask before a thread is given its own processor.
std::vector<std::uint32_t> usable_processors();

// A processor for each of `threads` compute threads when there are exactly as many; else none, and
// the kernel places them. Pinned, because a guest that spins keeps one processor busy and the
// kernel then runs two compute threads, which wait for each other, on the other one (measured: the
// 99th percentile of a stream's token gaps 2.6 times as long; pinned, 1.1 times).
std::vector<std::uint32_t> places_for(std::uint32_t threads,
                                      const std::vector<std::uint32_t>& processors);

}  // namespace realm::inference
