// How calls of the host succeed or fail in C++, and what their wrappers share.
#pragma once

#include <realm/realm.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace realm {

// A call that failed: one of the REALM_E_* statuses. last_error() has the host's words for it.
struct Failure {
    std::int32_t status = REALM_E_INTERNAL;
    bool reported = false;  // fail() has told the client already
};

template <class T>
using Result = std::expected<T, Failure>;
using Status = Result<void>;

// Makes a variable of what an expression gives, or returns its failure to the caller.
#define REALM_TRY(name, ...)                           \
    auto name##_result = (__VA_ARGS__);                \
    if (!name##_result) {                              \
        return std::unexpected(name##_result.error()); \
    }                                                  \
    auto& name = *name##_result

// The same for an expression whose value is of no interest.
#define REALM_CHECK(...)                                \
    do {                                                \
        if (auto checked_ = (__VA_ARGS__); !checked_) { \
            return std::unexpected(checked_.error());   \
        }                                               \
    } while (false)

namespace detail {

inline std::uint32_t size32(std::size_t size) {
    return static_cast<std::uint32_t>(size);
}

inline Result<std::int32_t> checked(std::int32_t value) {
    if (value < 0) {
        return std::unexpected(Failure{.status = value});
    }
    return value;
}

inline Status done(std::int32_t value) {
    if (value < 0) {
        return std::unexpected(Failure{.status = value});
    }
    return {};
}

// Reads a text from a host function of the form f(buffer, capacity) -> whole length.
template <class Read>
std::string read_text(Read read) {
    std::string text(static_cast<std::size_t>(read(nullptr, 0)), '\0');
    read(text.data(), size32(text.size()));
    return text;
}

template <class T>
std::vector<T> taken(std::int32_t count) {
    std::vector<T> values(static_cast<std::size_t>(count));
    realm_take(values.data(), size32(values.size() * sizeof(T)));
    return values;
}

inline std::string taken_text(std::int32_t length) {
    std::string text(static_cast<std::size_t>(length), '\0');
    realm_take(text.data(), size32(text.size()));
    return text;
}

}  // namespace detail

}  // namespace realm
