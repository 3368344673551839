#include "sandbox/runtime.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "sandbox/engine_setup.h"
#include "sandbox/host_binding.h"
#include "sandbox/module_check.h"
#include "sandbox/module_text.h"
#include "sandbox/runtime_impl.h"

namespace realm::sandbox {
namespace {

std::string sha256(std::span<const std::byte> bytes) {
    std::array<std::byte, 32> digest{};
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                   &length, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL computes no SHA-256");
    }
    return base::to_hex(digest);
}

Result<void> compile_and_link(Runtime::Impl& runtime, Program::Impl& program,
                              std::span<const std::byte> wasm) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(wasm.data());
    wasm_engine_t* const engine = runtime.engine.get();
    wasmtime_module_t* module = nullptr;
    ErrorHandle error(wasmtime_module_validate(engine, bytes, wasm.size()));
    if (!error) {
        error.reset(wasmtime_module_new(engine, bytes, wasm.size(), &module));
    }
    if (error) {
        return refuse(program.name, "invalid_module", message_of(*error));
    }
    program.module.reset(module);
    program.linker.reset(wasmtime_linker_clone(runtime.linker.get()));
    if (auto defined = define_unknown_imports(program.linker.get(), module, runtime.functions,
                                              program.unknown_imports);
        !defined) {
        return defined;
    }
    wasmtime_instance_pre_t* pre = nullptr;
    error.reset(wasmtime_linker_instantiate_pre(program.linker.get(), module, &pre));
    if (error) {
        return refuse(program.name, "invalid_module", message_of(*error));
    }
    program.pre.reset(pre);
    return {};
}

}  // namespace

Program::Program(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Program::~Program() = default;

const std::string& Program::name() const {
    return impl_->name;
}
const std::string& Program::digest() const {
    return impl_->digest;
}
const ModuleInfo& Program::info() const {
    return impl_->info;
}

Result<std::shared_ptr<Runtime>> Runtime::create(const RuntimeOptions& options,
                                                 std::vector<HostFunction> functions) {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    impl->functions = std::move(functions);
    auto setup = make_engine(options);
    if (!setup) {
        return std::unexpected(std::move(setup.error()));
    }
    impl->engine = std::move(setup->engine);
    impl->capacity = setup->capacity;
    impl->linker.reset(wasmtime_linker_new(impl->engine.get()));
    if (auto defined = define_host_functions(impl->linker.get(), impl->functions); !defined) {
        return std::unexpected(std::move(defined.error()));
    }
    impl->ticker.emplace(
        options.tick, [engine = impl->engine.get()] { wasmtime_engine_increment_epoch(engine); });
    return std::make_shared<Runtime>(std::move(impl));
}

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Runtime::~Runtime() = default;

const RuntimeOptions& Runtime::options() const {
    return impl_->options;
}
std::uint64_t Runtime::ticks() const {
    return impl_->ticker->ticks();
}

Result<ModuleReport> Runtime::inspect(std::string_view name, std::span<const std::byte> wasm,
                                      const ImportRules& rules) const {
    return inspect_module(name, wasm, impl_->options, impl_->functions, rules);
}

Result<std::shared_ptr<const Program>> Runtime::compile(std::string name,
                                                        std::span<const std::byte> wasm) {
    if (auto fits = check_size(name, wasm.size(), impl_->options); !fits) {
        return std::unexpected(std::move(fits.error()));
    }
    std::vector<std::byte> binary;
    if (is_module_text(wasm)) {
        auto converted = binary_of_text(base::as_text(wasm));
        if (!converted) {
            return refuse(name, converted.error().code, converted.error().message);
        }
        binary = std::move(*converted);
        wasm = binary;
    }
    auto info = check_module(name, wasm, impl_->options, impl_->functions, {});
    if (!info) {
        return std::unexpected(std::move(info.error()));
    }
    auto program = std::make_unique<Program::Impl>();
    program->name = std::move(name);
    program->digest = sha256(wasm);
    program->info = std::move(*info);
    if (auto linked = compile_and_link(*impl_, *program, wasm); !linked) {
        return std::unexpected(std::move(linked.error()));
    }
    return std::make_shared<const Program>(std::move(program));
}

}  // namespace realm::sandbox
