#include "sandbox/runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "sandbox/debug_log.h"
#include "sandbox/digest.h"
#include "sandbox/engine_setup.h"
#include "sandbox/host_binding.h"
#include "sandbox/module_check.h"
#include "sandbox/module_shape.h"
#include "sandbox/module_text.h"
#include "sandbox/runtime_impl.h"

namespace realm::sandbox {
namespace {

// A program of the compiled module, its imports resolved.
Result<std::shared_ptr<const Program>> link(Runtime::Impl& runtime, CheckedModule checked,
                                            Result<ModuleHandle> module) {
    auto program = std::make_unique<Program::Impl>();
    program->name = std::move(checked.name);
    program->digest = std::move(checked.digest);
    program->info = std::move(checked.info);
    if (checked.bindings) {
        program->bindgen = std::make_shared<const BindgenPlan>(std::move(checked.bindings));
    }
    if (!module) {
        return refuse(program->name, module.error().code, module.error().message);
    }
    program->module = std::move(*module);
    if (runtime.options.logger.enabled(telemetry::Level::kDebug)) {
        DebugLog(runtime.options.logger, program->name).module(program->info);
    }
    program->linker.reset(wasmtime_linker_clone(runtime.linker.get()));
    if (auto defined = define_other_imports(program->linker.get(), runtime.functions, *program);
        !defined) {
        return std::unexpected(std::move(defined.error()));
    }
    if (std::ranges::any_of(program->info.imports, [](const ImportInfo& import) {
            return import.kind != ExternKind::kFunction;
        })) {
        // Each instance gets its own tables and memories, so it links for itself.
        return std::make_shared<const Program>(std::move(program));
    }
    wasmtime_instance_pre_t* pre = nullptr;
    if (const ErrorHandle error(
            wasmtime_linker_instantiate_pre(program->linker.get(), program->module.get(), &pre));
        error) {
        return refuse(program->name, "invalid_module", message_of(*error));
    }
    program->pre.reset(pre);
    return std::make_shared<const Program>(std::move(program));
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
    impl->code = setup->code;
    impl->linker.reset(wasmtime_linker_new(impl->engine.get()));
    if (auto defined = define_host_functions(impl->linker.get(), impl->functions); !defined) {
        return std::unexpected(std::move(defined.error()));
    }
    auto ticker = Ticker::start(
        options.tick, [engine = impl->engine.get()] { wasmtime_engine_increment_epoch(engine); });
    if (!ticker) {
        return std::unexpected(std::move(ticker.error()));
    }
    impl->ticker = std::move(*ticker);
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

const CodeSettings& Runtime::code_settings() const {
    return impl_->code;
}

Result<CheckedModule> Runtime::check(std::string name, std::span<const std::byte> wasm) const {
    if (auto fits = check_size(name, wasm.size(), impl_->options); !fits) {
        return std::unexpected(std::move(fits.error()));
    }
    CheckedModule checked;
    checked.given = wasm;
    if (is_module_text(wasm)) {
        auto converted = binary_of_text(base::as_text(wasm));
        if (!converted) {
            return refuse(name, converted.error().code, converted.error().message);
        }
        checked.converted = std::move(*converted);
    }
    auto info = check_module(name, checked.wasm(), impl_->options, impl_->functions, {});
    if (!info) {
        return std::unexpected(std::move(info.error()));
    }
    auto bindings = module_bindings(*info, checked.wasm());
    if (!bindings) {
        return refuse(name, bindings.error().code, bindings.error().message);
    }
    checked.bindings = std::move(*bindings);
    checked.name = std::move(name);
    checked.digest = sha256(checked.wasm());
    checked.info = std::move(*info);
    return checked;
}

Result<std::shared_ptr<const Program>> Runtime::compile(std::string name,
                                                        std::span<const std::byte> wasm) {
    auto checked = check(std::move(name), wasm);
    if (!checked) {
        return std::unexpected(std::move(checked.error()));
    }
    auto module = compile_module(*impl_->engine, checked->wasm());
    return link(*impl_, std::move(*checked), std::move(module));
}

Result<std::shared_ptr<const Program>> Runtime::load(CheckedModule module,
                                                     const base::SealedMemory& code) {
    return link(*impl_, std::move(module), load_module(*impl_->engine, code));
}

}  // namespace realm::sandbox
