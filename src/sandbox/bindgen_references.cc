// Handles of the guest's: of the slab that the host keeps, or of the guest's table of references.
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/limit_error.h"
#include "sandbox/bindgen_host.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"
#include "values/collections.h"
#include "values/error_object.h"

namespace realm::sandbox {

using JsValue = values::Value;
using values::Eventual;
using values::Thrown;

namespace {

std::unexpected<Thrown> bad_handle(std::string message) {
    return std::unexpected(
        Thrown(make_error(ErrorType::kProgramTrap, "bad_handle", std::move(message))));
}

}  // namespace

values::Completion<JsValue> BindgenHost::get_handle(std::uint32_t handle) {
    if (plan_->bindings().handles != glue::HandleMode::kTable) {
        return slab_.get(handle);
    }
    const wasmtime_table_t* const table = reference_table();
    wasmtime_val_t value{};
    if (table == nullptr || !wasmtime_table_get(context(), table, handle, &value)) {
        return bad_handle(fmt::format("program '{}' used handle {}, which its table does not hold",
                                      instance_.program_name(), handle));
    }
    return take_raw(value);
}

std::string BindgenHost::take_text(std::uint32_t handle) {
    // A table of references counts wherever there is one, imported ones too.
    JsValue held;
    if (const wasmtime_table_t* const table = reference_table()) {
        wasmtime_val_t value{};
        if (wasmtime_table_get(context(), table, handle, &value)) {
            held = take_raw(value);
        }
    } else {
        held = slab_.take(handle);
    }
    if (held.is_nullish()) {
        return "";
    }
    return held.is_string() ? held.string().utf8() : values::message_of(world_, held);
}

values::Completion<std::uint32_t> BindgenHost::add_to_slab(JsValue value) {
    if (slab_.size() >= limits_.values) {
        return std::unexpected(Thrown(limit_error(
            {.limit = "host_values", .setting = "limits.host_values", .value = limits_.values},
            fmt::format("program '{}' holds {} handles of values already", instance_.program_name(),
                        limits_.values))));
    }
    return slab_.add(std::move(value));
}

Eventual<std::uint32_t> BindgenHost::add_handle(JsValue value) {
    if (plan_->bindings().handles != glue::HandleMode::kTable) {
        return add_to_slab(std::move(value));
    }
    return add_to_table(std::move(value));
}

Eventual<std::uint32_t> BindgenHost::add_to_table(JsValue value) {
    const GuestFunction* const allocate =
        co_await wasm_function(plan_->bindings().helpers.table_alloc);
    const std::uint32_t handle = co_await call_words(*allocate, 0);
    co_await set_in_table(handle, value);
    co_return handle;
}

values::Completion<void> BindgenHost::set_in_table(std::uint32_t handle, const JsValue& value) {
    const wasmtime_table_t* const table = reference_table();
    auto raw = to_raw(WASM_EXTERNREF, value);
    if (!raw) {
        return out_of_references();
    }
    const ErrorHandle error(table == nullptr ? wasmtime_error_new("no table")
                                             : wasmtime_table_set(context(), table, handle, &*raw));
    wasmtime_val_unroot(&*raw);
    if (error) {
        return bad_handle(
            fmt::format("program '{}' gave {} as a free handle, which its table does not "
                        "hold",
                        instance_.program_name(), handle));
    }
    return {};
}

Eventual<JsValue> BindgenHost::take_handle(std::uint32_t handle) {
    if (plan_->bindings().handles != glue::HandleMode::kTable) {
        co_return slab_.take(handle);
    }
    JsValue value = co_await get_handle(handle);
    const GuestFunction* const release =
        co_await wasm_function(plan_->bindings().helpers.table_dealloc);
    static_cast<void>(co_await call_words(*release, handle));
    co_return value;
}

Eventual<JsValue> BindgenHost::take_handles(std::uint32_t address, std::uint32_t count) {
    const auto bytes = co_await range(address, double{4} * count);
    co_await world_.admit(bytes.size() * 4);
    std::vector<std::uint32_t> handles(count);
    if (count > 0) {
        std::memcpy(handles.data(), bytes.data(), bytes.size());
    }
    std::vector<JsValue> taken;
    taken.reserve(count);
    for (const std::uint32_t handle : handles) {
        JsValue value = co_await get_handle(handle);
        taken.push_back(std::move(value));
    }
    const glue::Helpers& helpers = plan_->bindings().helpers;
    if (!helpers.drop_slice.empty()) {
        const GuestFunction* const drop = co_await wasm_function(helpers.drop_slice);
        static_cast<void>(co_await call_words(*drop, address, count));
    } else {
        const GuestFunction* const release = co_await wasm_function(helpers.table_dealloc);
        for (const std::uint32_t handle : handles) {
            static_cast<void>(co_await call_words(*release, handle));
        }
    }
    co_return JsValue(world_.array(std::move(taken)));
}

}  // namespace realm::sandbox
