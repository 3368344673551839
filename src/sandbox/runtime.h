// The process-wide part of the sandbox: Wasmtime's engine, the import table, epoch ticks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sealed_memory.h"
#include "glue/bindings.h"
#include "sandbox/host_function.h"
#include "sandbox/machine_code.h"
#include "sandbox/module_info.h"
#include "sandbox/module_report.h"
#include "telemetry/log.h"

namespace realm::sandbox {

struct RuntimeOptions {
    std::uint32_t max_instances = 1024;                         // alive at one time
    std::uint64_t max_memory_bytes = std::uint64_t{256} << 20;  // most that any program may get
    std::uint32_t max_table_elements = 65536;
    std::uint32_t max_memories_per_module = 4;
    std::uint32_t max_tables_per_module = 16;
    std::size_t guest_stack_bytes = std::size_t{256} << 10;  // wasm frames
    std::size_t host_stack_bytes = std::size_t{256} << 10;   // host functions called from there
    std::chrono::microseconds tick{1000};                    // epoch interval while a guest runs
    std::size_t max_module_bytes = std::size_t{64} << 20;
    // What a program prints through JavaScript's console: 0..4 for debug, log, info, warn, error.
    // `host` is that of the run.
    void (*console)(void* host, std::int32_t level, std::string_view text) = nullptr;
    telemetry::Logger logger{};  // debug: signatures, calls, pointers, sizes of memories and tables
};

// A module that Runtime::check() accepted and that is not compiled yet. A value.
struct CheckedModule {
    std::string name;
    std::string digest;  // SHA-256 of wasm(), hexadecimal
    ModuleInfo info;
    std::span<const std::byte> given;  // the caller's bytes
    std::vector<std::byte> converted;  // from text
    // How it talks with JavaScript, where its custom section says so.
    std::shared_ptr<const glue::Bindings> bindings;

    // The binary form.
    [[nodiscard]] std::span<const std::byte> wasm() const {
        return converted.empty() ? given : converted;
    }
};

// A compiled module, ready to be instantiated; immutable, shared by all its instances.
class Program {
public:
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    [[nodiscard]] const std::string& name() const;
    [[nodiscard]] const std::string& digest() const;  // SHA-256 of the module, hexadecimal
    [[nodiscard]] const ModuleInfo& info() const;

    struct Impl;
    // For this folder alone.
    [[nodiscard]] const Impl& impl() const { return *impl_; }
    explicit Program(std::unique_ptr<Impl> impl);

private:
    std::unique_ptr<Impl> impl_;
};

// Owned by the composition root; outlives its programs' instances. Thread-safe.
class Runtime {
public:
    // The version of the program interface that this host speaks.
    static constexpr AbiVersion kAbi{.major = 1, .minor = 5};

    // `functions` are what programs may import, each from its module.
    static Result<std::shared_ptr<Runtime>> create(const RuntimeOptions& options,
                                                   std::vector<HostFunction> functions);
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // What compile() would say before it compiles, and what the module holds; `wasm` is binary. An
    // error only for what is too large or cannot be read. Any thread; fast.
    [[nodiscard]] Result<ModuleReport> inspect(std::string_view name,
                                               std::span<const std::byte> wasm,
                                               const ImportRules& rules) const;

    // What can be refused of `wasm` (bytes or, starting with '(', WebAssembly text) without
    // compiling it; it must outlive the result. All with invalid_request and a message that names
    // the program: no WebAssembly, too large, a Realm program without ABI marker, a version this
    // host does not speak, an unknown env.realm_* import, an import with the wrong signature,
    // imported memories or globals, memories or tables above what is allowed. Function bodies are
    // not looked at. Any thread.
    [[nodiscard]] Result<CheckedModule> check(std::string name,
                                              std::span<const std::byte> wasm) const;

    // Checks, validates and compiles, in this process: takes as long as Cranelift. Other unknown
    // functions become stubs that trap with their full name.
    Result<std::shared_ptr<const Program>> compile(std::string name,
                                                   std::span<const std::byte> wasm);

    // The same from machine code that precompile() made of this module with code_settings(). It is
    // mapped and believed: whoever can choose it can run anything in this process.
    Result<std::shared_ptr<const Program>> load(CheckedModule module,
                                                const base::SealedMemory& code);
    [[nodiscard]] const CodeSettings& code_settings() const;

    [[nodiscard]] const RuntimeOptions& options() const;
    // Epoch ticks so far. They stand still while no guest runs.
    [[nodiscard]] std::uint64_t ticks() const;

    struct Impl;
    // For this folder alone.
    [[nodiscard]] Impl& impl() { return *impl_; }
    explicit Runtime(std::unique_ptr<Impl> impl);

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace realm::sandbox
