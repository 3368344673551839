// What stands in for the parts of the C++ library that print through WASI or throw. realm.hpp
// includes it.
#pragma once

#include <realm/log.hpp>

#include <cstddef>
#include <cstdlib>
#include <string>

#if defined(__wasm__)
// The library's own versions print through WASI, which a program does not import; these log and
// trap. Weak, so that each file of a program may include this header.
[[gnu::weak]] void* operator new(std::size_t size) {
    void* memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        REALM_LOG(error, "out of memory");
        __builtin_trap();
    }
    return memory;
}
[[gnu::weak]] void* operator new[](std::size_t size) {
    return operator new(size);
}
[[gnu::weak]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::weak]] void operator delete[](void* memory) noexcept {
    std::free(memory);
}
[[gnu::weak]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::weak]] void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

extern "C" [[gnu::weak]] void abort_message(const char* format, ...) {
    REALM_LOG(error, format);
    __builtin_trap();
}

// What is behind the library's stderr, which even strtod refers to: there is nothing.
extern "C" [[gnu::weak]] std::size_t __stdio_write(void*, const unsigned char*,
                                                   std::size_t length) {
    return length;
}
extern "C" [[gnu::weak]] long long __stdio_seek(void*, long long, int) {
    return -1;
}
extern "C" [[gnu::weak]] int __stdio_close(void*) {
    return 0;
}

#if defined(_LIBCPP_VERSION)
_LIBCPP_BEGIN_NAMESPACE_STD
[[gnu::weak]] void __libcpp_verbose_abort(const char* format, ...) {
    REALM_LOG(error, format);
    __builtin_trap();
}
_LIBCPP_END_NAMESPACE_STD
#endif
#endif
