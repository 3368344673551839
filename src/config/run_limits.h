// The limits of one run: the server's, changed for a tenant, narrowed by a program's manifest.
#pragma once

#include "base/error.h"
#include "config/limits.h"

namespace realm::config {

// What a program may use that asks for `asked` and belongs to a tenant with these limits. A name
// that no limit of a run has, a value out of its range and one above the tenant's are refused
// (invalid_request/invalid_limit).
Result<Limits> narrowed(const Limits& tenant, const LimitValues& asked);

// `limits` with a tenant's own values, higher or lower. The same errors, but the last.
Result<Limits> overridden(const Limits& limits, const LimitValues& values);

}  // namespace realm::config
