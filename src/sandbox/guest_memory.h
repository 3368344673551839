// Typed access to a guest's linear memory; the only way to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <span>
#include <string>
#include <type_traits>

namespace realm::sandbox {

// What is wrong with a range that a guest named; `reason` completes "argument 'x' ...".
struct BadPointer {
    std::string reason;
};

// A view of one memory at one moment. Valid until the guest runs again or suspends: never store
// it or a span it gave. Offsets and counts come from the guest and are not trusted.
class GuestMemory {
public:
    GuestMemory() = default;
    explicit GuestMemory(std::span<std::byte> bytes) : bytes_(bytes) {}

    [[nodiscard]] std::size_t size() const { return bytes_.size(); }

    // `count` elements of T at `offset`. The product is computed in 64 bits; the range must lie
    // inside the memory and be aligned for T. A count of 0 gives an empty span at any offset.
    template <class T>
    [[nodiscard]] std::expected<std::span<T>, BadPointer> span(std::uint32_t offset,
                                                               std::uint32_t count) const {
        static_assert(std::is_trivially_copyable_v<T>);
        if (count == 0) {
            return std::span<T>{};
        }
        const std::uint64_t length = std::uint64_t{count} * sizeof(T);
        if (offset + length > bytes_.size()) {
            return std::unexpected(outside(offset, length));
        }
        if (offset % alignof(T) != 0) {
            return std::unexpected(unaligned(offset, alignof(T)));
        }
        return std::span<T>(reinterpret_cast<T*>(bytes_.data() + offset), count);
    }

private:
    [[nodiscard]] BadPointer outside(std::uint64_t offset, std::uint64_t length) const;
    [[nodiscard]] static BadPointer unaligned(std::uint64_t offset, std::size_t alignment);

    std::span<std::byte> bytes_;
};

}  // namespace realm::sandbox
