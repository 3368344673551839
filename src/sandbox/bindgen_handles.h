// Where the guest's handles lead: a slab that the host keeps, or the guest's table of references.
// Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sandbox/wasmtime_handles.h"
#include "values/world.h"

namespace realm::sandbox {

// Slab mode. Laid out as wasm-bindgen's glue has it: a borrow stack that grows downwards to 1, then
// undefined, null, true, false, then the heap.
class HandleSlab {
public:
    explicit HandleSlab(std::uint32_t reserved);

    // undefined for what was never given out
    [[nodiscard]] const values::Value& get(std::uint32_t handle) const;
    [[nodiscard]] values::Value take(std::uint32_t handle);
    void drop(std::uint32_t handle);
    std::uint32_t add(values::Value value);
    // Nothing when the stack is full.
    std::optional<std::uint32_t> borrow(values::Value value);
    void give_back();
    // Of a call from outside that failed: what it had borrowed is let go.
    void forget_borrowed();
    // On the heap.
    [[nodiscard]] std::size_t size() const { return heap_.size() - free_.size(); }

private:
    [[nodiscard]] bool in_heap(std::uint32_t handle) const {
        return handle >= first_ && handle - first_ < heap_.size();
    }

    struct Slot {
        values::Value value;
        bool used = false;
    };
    std::uint32_t reserved_;
    std::uint32_t first_;
    std::uint32_t top_;  // of the borrow stack
    std::vector<values::Value> low_;
    std::vector<Slot> heap_;
    std::vector<std::uint32_t> free_;
};

// A reference that the guest may keep: it holds `value` until Wasmtime collects it. Null for null.
// False when there is no room for it.
bool reference_of(wasmtime_context_t* context, const values::Value& value,
                  wasmtime_externref_t& reference);
// What it holds.
values::Value value_behind(wasmtime_context_t* context, const wasmtime_externref_t& reference);

}  // namespace realm::sandbox
