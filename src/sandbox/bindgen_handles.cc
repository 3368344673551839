#include "sandbox/bindgen_handles.h"

#include <memory>
#include <utility>

namespace realm::sandbox {
namespace {

constexpr std::uint32_t kConstants = 4;  // undefined, null, true, false

}  // namespace

HandleSlab::HandleSlab(std::uint32_t reserved)
    : reserved_(reserved),
      first_(reserved + kConstants),
      top_(reserved),
      low_(std::size_t{reserved} + kConstants) {
    low_[reserved + 1] = values::Value::null();
    low_[reserved + 2] = values::Value(true);
    low_[reserved + 3] = values::Value(false);
}

const values::Value& HandleSlab::get(std::uint32_t handle) const {
    if (handle < first_) {
        return low_[handle];
    }
    return in_heap(handle) ? heap_[handle - first_].value : low_[reserved_];
}

values::Value HandleSlab::take(std::uint32_t handle) {
    values::Value value = get(handle);
    drop(handle);
    return value;
}

void HandleSlab::drop(std::uint32_t handle) {
    if (in_heap(handle) && heap_[handle - first_].used) {
        heap_[handle - first_] = {};
        free_.push_back(handle);
    }
}

std::uint32_t HandleSlab::add(values::Value value) {
    if (free_.empty()) {
        heap_.push_back({std::move(value), true});
        return first_ + static_cast<std::uint32_t>(heap_.size() - 1);
    }
    const std::uint32_t handle = free_.back();
    free_.pop_back();
    heap_[handle - first_] = {std::move(value), true};
    return handle;
}

std::optional<std::uint32_t> HandleSlab::borrow(values::Value value) {
    if (top_ <= 1) {
        return std::nullopt;
    }
    low_[--top_] = std::move(value);
    return top_;
}

void HandleSlab::give_back() {
    if (top_ < reserved_) {
        low_[top_++] = {};
    }
}

void HandleSlab::forget_borrowed() {
    while (top_ < reserved_) {
        give_back();
    }
}

namespace {

void let_go(void* held) {
    const std::unique_ptr<values::Value> owner(static_cast<values::Value*>(held));
}

}  // namespace

bool reference_of(wasmtime_context_t* context, const values::Value& value,
                  wasmtime_externref_t& reference) {
    if (value.is_null()) {
        wasmtime_externref_set_null(&reference);
        return true;
    }
    auto held = std::make_unique<values::Value>(value);
    // Wasmtime calls the finalizer too where it cannot make the reference.
    return wasmtime_externref_new(context, held.release(), &let_go, &reference);
}

values::Value value_behind(wasmtime_context_t* context, const wasmtime_externref_t& reference) {
    if (wasmtime_externref_is_null(&reference)) {
        return values::Value::null();
    }
    const void* const held = wasmtime_externref_data(context, &reference);
    return held == nullptr ? values::Value() : *static_cast<const values::Value*>(held);
}

}  // namespace realm::sandbox
