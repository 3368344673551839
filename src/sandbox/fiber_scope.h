// Tells sanitizers what they cannot see about callbacks that run on a guest's fiber. Internal.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace realm::sandbox {

#if defined(__SANITIZE_ADDRESS__)

// First in each callback. AddressSanitizer clears its marks on the frames that an exception skips,
// and has to know on which stack: while this lives, that is what lies below.
class FiberScope {
public:
    [[gnu::always_inline]] FiberScope() {
        constexpr std::size_t kReach = std::size_t{512} << 10;
        auto* const top = static_cast<char*>(__builtin_frame_address(0));
        __sanitizer_start_switch_fiber(&fake_stack_, top - kReach, kReach);
        __sanitizer_finish_switch_fiber(nullptr, &thread_bottom_, &thread_size_);
    }
    ~FiberScope() {
        void* ignored = nullptr;
        __sanitizer_start_switch_fiber(&ignored, thread_bottom_, thread_size_);
        __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
    }
    FiberScope(const FiberScope&) = delete;
    FiberScope& operator=(const FiberScope&) = delete;

private:
    void* fake_stack_ = nullptr;
    const void* thread_bottom_ = nullptr;
    std::size_t thread_size_ = 0;
};

#elif defined(__SANITIZE_THREAD__)

// First in each callback. Wasmtime, which is not instrumented, hands a fiber's stack from one
// thread to another; ThreadSanitizer learns of it here, for this part of this stack alone.
class FiberScope {
public:
    [[gnu::always_inline]] FiberScope()
        : top_(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) / kBlock) {
        for (std::uintptr_t i = 0; i < kBlocks; ++i) {
            __tsan_acquire(reinterpret_cast<void*>((top_ - i) * kBlock));
        }
    }
    ~FiberScope() {
        for (std::uintptr_t i = 0; i < kBlocks; ++i) {
            __tsan_release(reinterpret_cast<void*>((top_ - i) * kBlock));
        }
    }
    FiberScope(const FiberScope&) = delete;
    FiberScope& operator=(const FiberScope&) = delete;

private:
    static constexpr std::uintptr_t kBlock = 65536;
    static constexpr std::uintptr_t kBlocks = 3;

    const std::uintptr_t top_;
};

#else

class FiberScope {};

#endif

}  // namespace realm::sandbox
