#include "sandbox/machine_code.h"

#include <fmt/format.h>

#include <array>

#include "base/bytes.h"
#include "sandbox/digest.h"
#include "sandbox/engine_setup.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {
Result<void> precompile(const CodeSettings& settings, std::span<const std::byte> wasm,
                        CompileThreads threads, const TakeCode& take) {
    const EngineHandle engine = make_compile_engine(settings, threads);
    auto module = compile_module(*engine, wasm);
    if (!module) {
        return std::unexpected(std::move(module.error()));
    }
    OwnedBytes code;
    if (const ErrorHandle error(wasmtime_module_serialize(module->get(), &code.value)); error) {
        return fail(ErrorType::kInternal, "not_serialized", message_of(*error));
    }
    module->reset();
    return take(base::as_bytes(text_of(code.value)));
}

Result<std::string> code_fingerprint(const CodeSettings& settings) {
    // Machine code carries all that Wasmtime compares when it loads it, even that of no function;
    // of the version only the first number.
    constexpr std::array<std::uint8_t, 8> kEmptyModule{0, 'a', 's', 'm', 1, 0, 0, 0};
    std::string fingerprint;
    const auto take = [&](std::span<const std::byte> code) -> Result<void> {
        const std::string text =
            fmt::format("{} {} {}", WASMTIME_VERSION, settings.guest_stack_bytes, sha256(code));
        fingerprint = sha256(base::as_bytes(text));
        return {};
    };
    if (auto done = precompile(settings, std::as_bytes(std::span(kEmptyModule)),
                               CompileThreads::kOne, take);
        !done) {
        return std::unexpected(std::move(done.error()));
    }
    return fingerprint;
}

}  // namespace realm::sandbox
