// Time as Realm uses it: steady for limits, wall-clock only to show, CPU time for accounts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace realm::base {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;

// CPU time that the calling thread has used so far.
std::chrono::nanoseconds thread_cpu_time();

// Now as RFC 3339 in UTC with milliseconds: 2026-01-31T12:00:00.000Z.
std::string rfc3339_now();

// Seconds since the Unix epoch, as OpenAI's `created` wants them.
std::int64_t unix_seconds_now();

}  // namespace realm::base
