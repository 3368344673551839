// Data that only its mutex's holder can reach.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

namespace realm::base {

// Owns a T and the mutex that guards it. Any thread. Do not keep references beyond a call.
template <class T>
class Guarded {
public:
    template <class... Args>
    explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

    // Runs `use(T&)` with the lock held and returns what it returns.
    template <class Use>
    decltype(auto) with(Use&& use) {
        const std::lock_guard lock(mutex_);
        return std::forward<Use>(use)(value_);
    }

    template <class Use>
    decltype(auto) with(Use&& use) const {
        const std::lock_guard lock(mutex_);
        return std::forward<Use>(use)(value_);
    }

private:
    mutable std::mutex mutex_;
    T value_;
};

}  // namespace realm::base
