// The limits of one run: the server's, changed for a tenant, narrowed by a program's manifest.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "config/limits.h"

namespace realm::config {

// Values by name of the limit, without its section: {"cpu_ms", 500}.
using LimitValues = std::map<std::string, std::int64_t>;

// What a program may use that asks for `asked` and belongs to a tenant with these limits. A name
// that no limit of a run has, a value out of its range and one above the tenant's are refused
// (invalid_request/invalid_limit).
Result<Limits> narrowed(const Limits& tenant, const LimitValues& asked);

}  // namespace realm::config
