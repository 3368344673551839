// Values of the host that a module knows by handles only: what its errors and strings become.
// Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/module_info.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

// The values of one instance, bounded.
class HostValues {
public:
    static constexpr std::size_t kMost = 10'000;
    static constexpr std::size_t kMostBytes = std::size_t{4} << 20;
    // Below lie the handles that wasm-bindgen keeps for undefined, null, true, false and borrowed
    // values, up to 1028 in the versions that keep most.
    static constexpr std::uint32_t kFirst = 1100;

    // Nothing when the instance holds as much as it may.
    std::optional<std::uint32_t> add(std::string text);
    [[nodiscard]] const std::string* find(std::uint32_t handle) const;
    void remove(std::uint32_t handle);

private:
    std::vector<std::optional<std::string>> values_;
    std::vector<std::uint32_t> free_;
    std::size_t bytes_ = 0;
};

// One of wasm-bindgen's imports that the host provides: making, copying and dropping such values,
// and throwing one. Null for any other name; in a name a hash may follow.
struct BindgenImport;
const BindgenImport* find_bindgen_import(std::string_view name);
// Whether `type`, as ImportInfo::type writes it, is one that such an import has.
bool accepts(const BindgenImport& import, std::string_view type);

// What the callback needs of a module's import.
struct BindgenCall {
    const BindgenImport* import = nullptr;
    bool gives_reference = false;  // an externref, where others give an i32
};

// Wasmtime's callback for it; `env` is a BindgenCall.
wasm_trap_t* call_bindgen(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                          std::size_t count) noexcept;

// The handle that a reference made by call_bindgen stands for; nothing for another one.
std::optional<std::uint32_t> handle_of(wasmtime_context_t* context, const wasmtime_val_t& value);

}  // namespace realm::sandbox
