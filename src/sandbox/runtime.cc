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
#include "sandbox/runtime_impl.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::string_view kOwnModule = "env";
constexpr std::string_view kOwnPrefix = "realm_";

std::unexpected<Error> refuse(const std::string& program, std::string_view code,
                              std::string_view why) {
    return fail(ErrorType::kInvalidRequest, code, fmt::format("program '{}': {}", program, why));
}

std::string sha256(std::span<const std::byte> bytes) {
    std::array<std::byte, 32> digest{};
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                   &length, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL computes no SHA-256");
    }
    return base::to_hex(digest);
}

const char* kind_name(ExternKind kind) {
    switch (kind) {
        case ExternKind::kFunction:
            return "function";
        case ExternKind::kTable:
            return "table";
        case ExternKind::kMemory:
            return "memory";
        case ExternKind::kGlobal:
            return "global";
        case ExternKind::kTag:
            return "tag";
    }
    return "item";
}

// The text format, for tests and small programs, becomes the binary one.
Result<std::vector<std::byte>> to_binary(const std::string& program,
                                         std::span<const std::byte> wasm) {
    OwnedBytes binary;
    const ErrorHandle error(
        wasmtime_wat2wasm(reinterpret_cast<const char*>(wasm.data()), wasm.size(), &binary.value));
    if (error) {
        return refuse(program, "invalid_module",
                      fmt::format("its text is no WebAssembly: {}", message_of(*error)));
    }
    const auto bytes = base::as_bytes(text_of(binary.value));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
}

Result<void> check_version(const std::string& program, const ModuleInfo& info) {
    constexpr AbiVersion kHost = Runtime::kAbi;
    if (!info.abi) {
        return refuse(program, "abi_missing",
                      fmt::format("it does not say which version of the program interface it was "
                                  "built for: export realm_abi_version, a function () -> i32 that "
                                  "returns {} << 16 | {} (the SDK's header defines it)",
                                  kHost.major, kHost.minor));
    }
    const auto [major, minor] = *info.abi;
    if (major != kHost.major) {
        return refuse(program, "abi_version",
                      fmt::format("it was built for version {}.{} of the program interface and "
                                  "this server speaks {}.{}: build it with the SDK of this server",
                                  major, minor, kHost.major, kHost.minor));
    }
    if (minor > kHost.minor) {
        return refuse(program, "abi_version",
                      fmt::format("it was built for version {}.{} of the program interface, newer "
                                  "than this server's {}.{}: update the server or build it with "
                                  "an older SDK",
                                  major, minor, kHost.major, kHost.minor));
    }
    return {};
}

Result<void> check_import(const std::string& program, const ImportInfo& import,
                          std::span<const HostFunction> functions) {
    const std::string name = fmt::format("{}.{}", shown(import.module), shown(import.name));
    if (import.kind != ExternKind::kFunction) {
        return refuse(program, "unsupported_import",
                      fmt::format("it imports the {} '{}'; programs can import functions only",
                                  kind_name(import.kind), name));
    }
    const HostFunction* const known = find_function(functions, import.module, import.name);
    if (known == nullptr) {
        if (import.module != kOwnModule || !import.name.starts_with(kOwnPrefix)) {
            return {};
        }
        return refuse(program, "unknown_import",
                      fmt::format("it imports '{}', which this server does not know", name));
    }
    if (import.signature != known->signature) {
        return refuse(program, "import_type",
                      fmt::format("it imports '{}' with the type {}, which is {}", name,
                                  import.signature ? shown(*import.signature) : "of references",
                                  shown(known->signature)));
    }
    return {};
}

// What can be refused without compiling.
Result<ModuleInfo> inspect(const std::string& program, std::span<const std::byte> wasm,
                           std::span<const HostFunction> functions) {
    auto info = read_module(wasm);
    if (!info) {
        return refuse(program, info.error().code, info.error().message);
    }
    if (auto version = check_version(program, *info); !version) {
        return std::unexpected(std::move(version.error()));
    }
    for (const ImportInfo& import : info->imports) {
        if (auto checked = check_import(program, import, functions); !checked) {
            return std::unexpected(std::move(checked.error()));
        }
    }
    return info;
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

Result<std::shared_ptr<const Program>> Runtime::compile(std::string name,
                                                        std::span<const std::byte> wasm) {
    if (wasm.size() > impl_->options.max_module_bytes) {
        return refuse(
            name, "module_too_large",
            fmt::format("its {} bytes are more than the limit of {} (limits.module_bytes in "
                        "the configuration)",
                        wasm.size(), impl_->options.max_module_bytes));
    }
    std::vector<std::byte> binary;
    if (!wasm.empty() && wasm.front() == std::byte{'('}) {
        auto converted = to_binary(name, wasm);
        if (!converted) {
            return std::unexpected(std::move(converted.error()));
        }
        binary = std::move(*converted);
        wasm = binary;
    }
    auto info = inspect(name, wasm, impl_->functions);
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
