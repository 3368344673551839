// The memory of an instance as ArrayBuffer and its kin see it. Internal.
#pragma once

#include <optional>
#include <span>

#include "values/buffers.h"

namespace realm::sandbox {

class Instance;

class BindgenMemory final : public values::GuestBytes {
public:
    explicit BindgenMemory(Instance& instance) : instance_(instance) {}
    [[nodiscard]] std::span<std::byte> bytes() const override;
    std::optional<std::uint32_t> grow(std::uint32_t pages) override;

private:
    Instance& instance_;
};

}  // namespace realm::sandbox
