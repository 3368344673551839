// Where a suspended guest and whoever completes its call meet.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "sandbox/host_function.h"

namespace realm::sandbox {

// Implemented by the executor's run, and by a test that wants to see what a bound method answers.
// Completion calls one of the three, once. Any thread; neither may throw nor block.
class Waiter {
public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual ~Waiter() = default;

    virtual void resolve(std::int32_t value) = 0;
    virtual void resolve_with(Finish finish) = 0;
    // `error` ends the guest.
    virtual void trap(Error error) = 0;
};

}  // namespace realm::sandbox
