#include "sandbox/guest_memory.h"

#include <fmt/format.h>

namespace realm::sandbox {

BadPointer GuestMemory::outside(std::uint64_t offset, std::uint64_t length) const {
    return {fmt::format("offset {} with {} bytes lies outside the guest's memory of {} bytes",
                        offset, length, bytes_.size())};
}

BadPointer GuestMemory::unaligned(std::uint64_t offset, std::size_t alignment) {
    return {fmt::format("offset {} is not a multiple of {}", offset, alignment)};
}

}  // namespace realm::sandbox
