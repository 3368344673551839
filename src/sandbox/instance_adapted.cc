// What an instance does for those that stand in for JavaScript beside it.
#include <fmt/format.h>

#include <utility>

#include "base/limit_error.h"
#include "sandbox/instance.h"

namespace realm::sandbox {

void Instance::begin_adapted(FutureHandle future, const std::string& name,
                             std::coroutine_handle<> waiting) {
    future_ = std::move(future);
    calling_ = name;
    adapted_call_ = true;
    caller_ = waiting;
}

bool Instance::poll_at_once(wasmtime_call_future_t& future) {
    constexpr std::uint32_t kInARow = 64;
    if (++polled_at_once_ % kInARow == 0) {
        return false;
    }
    poll_began_at_tick_ = runtime_.ticker->ticks();
    runtime_.ticker->enter();
    const bool ready = wasmtime_call_future_poll(&future);
    runtime_.ticker->leave();
    return ready;
}

std::optional<Error> Instance::interrupted() {
    if (auto reason = port_.interrupted()) {
        return reason;
    }
    // By CPU time, since others may have the processor; from the first time it is asked in a turn.
    const auto most = limits_.bindgen.turn;
    const auto used = port_.cpu_time();
    if (std::exchange(metered_turn_, turn_) != turn_) {
        turn_cpu_ = used;
        return std::nullopt;
    }
    if (used - turn_cpu_ <= most) {
        return std::nullopt;
    }
    return limit_error(
        {.limit = "host_turn",
         .setting = "limits.host_turn_ms",
         .value = static_cast<std::uint64_t>(most.count())},
        fmt::format("the host worked for program '{}' for more than {} ms without giving way",
                    program_name(), most.count()));
}

void Instance::begin_sleep(base::SteadyTime until, std::coroutine_handle<> waiting) {
    sleeping_ = true;
    caller_ = waiting;
    port_.sleep_until(until);
}

std::optional<wasmtime_extern_t> Instance::find_export(std::string_view name) const {
    wasmtime_extern_t found;
    if (stage_ <= Stage::kInstantiate || name.empty() ||
        !wasmtime_instance_export_get(context_, &instance_, name.data(), name.size(), &found)) {
        return std::nullopt;
    }
    if (found.kind == WASMTIME_EXTERN_SHAREDMEMORY) {
        wasmtime_extern_delete(&found);
        return std::nullopt;
    }
    return found;  // of the other kinds nothing has to be let go
}

std::string Instance::take_host_value(std::uint32_t handle) {
    return bindgen_ ? bindgen_->take_text(handle) : "";
}

std::span<std::byte> Instance::memory_view() const {
    if (!memory_) {
        return {};
    }
    auto* const data = reinterpret_cast<std::byte*>(wasmtime_memory_data(context_, &*memory_));
    return {data, wasmtime_memory_data_size(context_, &*memory_)};
}

std::optional<std::uint32_t> Instance::grow_pages(std::uint32_t pages) {
    std::uint64_t before = 0;
    if (!memory_) {
        return std::nullopt;
    }
    const ErrorHandle error(wasmtime_memory_grow(context_, &*memory_, pages, &before));
    return error ? std::nullopt : std::optional(static_cast<std::uint32_t>(before));
}

void Instance::console(values::ConsoleLevel level, std::string_view text) {
    if (const auto& console = runtime_.options.console) {
        console(host_, static_cast<std::int32_t>(level), text);
    }
}

}  // namespace realm::sandbox
