#include "sandbox/module_text.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

bool is_module_text(std::span<const std::byte> module) {
    return !module.empty() && module.front() == std::byte{'('};
}

Result<std::vector<std::byte>> binary_of_text(std::string_view text) {
    OwnedBytes binary;
    if (const ErrorHandle error(wasmtime_wat2wasm(text.data(), text.size(), &binary.value));
        error) {
        return fail(ErrorType::kInvalidRequest, "invalid_module",
                    fmt::format("its text is no WebAssembly: {}", message_of(*error)));
    }
    const auto bytes = base::as_bytes(text_of(binary.value));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
}

}  // namespace realm::sandbox
