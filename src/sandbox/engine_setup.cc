#include "sandbox/engine_setup.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

#if defined(__SANITIZE_THREAD__)
// Wasmtime allocates in its handler of a guest's fault, which interrupts guest code only.
extern "C" const char* __tsan_default_options() {
    return "report_signal_unsafe=0";
}
#endif

namespace realm::sandbox {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr std::uint64_t kPage = 65536;  // of WebAssembly
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kFullReservation = 4 * kGiB;  // lets Cranelift leave out bounds checks
constexpr std::uint64_t kFullGuard = std::uint64_t{32} << 20;
constexpr std::uint64_t kSmallGuard = kPage;
// Sanitizers need most of the address space for themselves.
constexpr std::uint64_t kAddressBudget = (kSanitized ? 64 : 65536) * kGiB;
constexpr std::size_t kLeastHostStack = std::size_t{64} << 10;
constexpr std::size_t kTableKept = 4096;
// For calls of guests from within their imports, each on a stack of its own.
constexpr std::uint32_t kNestedStacks = 512;
constexpr std::size_t kMaxInstanceBytes = std::size_t{2} << 20;  // Wasmtime's own record of one

struct PoolPlan {
    std::uint32_t instances = 0;
    std::uint32_t memories = 0;
    std::uint64_t reservation = 0;
    std::uint64_t guard = 0;
};

std::uint32_t with_spare(std::uint32_t instances, std::uint32_t per_module) {
    return instances + std::max(instances / 4, per_module);
}

PoolPlan plan_pool(const RuntimeOptions& options) {
    PoolPlan plan{.instances = options.max_instances,
                  .memories = with_spare(options.max_instances, options.max_memories_per_module),
                  .reservation = kFullReservation,
                  .guard = kFullGuard};
    const auto total = [&] { return plan.memories * (plan.reservation + plan.guard); };
    if (kSanitized || total() > kAddressBudget) {
        plan.reservation = (options.max_memory_bytes + kPage - 1) / kPage * kPage;
        plan.guard = kSmallGuard;
    }
    if (total() > kAddressBudget) {
        const std::uint64_t fits = kAddressBudget / (plan.reservation + plan.guard);
        plan.instances = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, fits * 3 / 4));
        plan.memories = with_spare(plan.instances, options.max_memories_per_module);
    }
    return plan;
}

Result<void> check(const RuntimeOptions& options) {
    const auto refuse = [](std::string message) {
        return fail(ErrorType::kInvalidRequest, "bad_sandbox_options", std::move(message));
    };
    if (options.max_instances == 0 || options.max_memories_per_module == 0 ||
        options.max_tables_per_module == 0 || options.tick.count() <= 0) {
        return refuse("the sandbox's limits (instances, memories, tables, tick) must be above 0");
    }
    if (options.max_memory_bytes < kPage || options.max_memory_bytes > kFullReservation) {
        return refuse(
            fmt::format("the sandbox's largest memory is {} bytes; it must lie between "
                        "{} and {}",
                        options.max_memory_bytes, kPage, kFullReservation));
    }
    if (options.host_stack_bytes < kLeastHostStack) {
        return refuse(fmt::format("host functions need a stack of at least {} bytes, not {}",
                                  kLeastHostStack, options.host_stack_bytes));
    }
    return {};
}

// Wasmtime aborts where it cannot reserve its pool, so the size is tried out first.
Result<void> probe_address_space(std::uint64_t bytes) {
    void* const place =
        mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) {
        return fail(ErrorType::kUnavailable, "no_address_space",
                    fmt::format("the sandbox needs {} GiB of address space for its pool and does "
                                "not get it: raise `ulimit -v` or lower limits.instances",
                                bytes / kGiB));
    }
    munmap(place, bytes);
    return {};
}

// All that decides about machine code, the same for every engine.
wasm_config_t* make_config(const CodeSettings& settings, CompileThreads threads) {
    wasm_config_t* const config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_max_wasm_stack_set(config, settings.guest_stack_bytes);
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
    // Its threads are not instrumented: ThreadSanitizer would take what they hand over for races.
    wasmtime_config_parallel_compilation_set(config,
                                             threads == CompileThreads::kAll && !kSanitized);
    // memory.atomic.wait would block the executor's thread.
    wasmtime_config_wasm_threads_set(config, false);
    wasmtime_config_memory_may_move_set(config, false);
    wasmtime_config_memory_reservation_set(config, settings.memory_reservation);
    wasmtime_config_memory_guard_size_set(config, settings.memory_guard);
    return config;
}

void set_pool(wasm_config_t* config, const RuntimeOptions& options, const PoolPlan& plan,
              std::size_t fiber_stack) {
    const WasmtimeHandle<wasmtime_pooling_allocation_config_t,
                         wasmtime_pooling_allocation_config_delete>
        owner(wasmtime_pooling_allocation_config_new());
    auto* const pool = owner.get();
    const std::uint32_t spare = with_spare(plan.instances, options.max_tables_per_module);
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, spare);
    wasmtime_pooling_allocation_config_total_stacks_set(pool, spare + kNestedStacks);
    wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, spare);
    wasmtime_pooling_allocation_config_total_memories_set(pool, plan.memories);
    wasmtime_pooling_allocation_config_total_tables_set(pool, plan.instances + spare);
    wasmtime_pooling_allocation_config_max_memories_per_module_set(pool,
                                                                   options.max_memories_per_module);
    wasmtime_pooling_allocation_config_max_tables_per_module_set(pool,
                                                                 options.max_tables_per_module);
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, options.max_memory_bytes);
    wasmtime_pooling_allocation_config_table_elements_set(pool, options.max_table_elements);
    wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, kMaxInstanceBytes);
    // A small table is wiped by hand: quicker than giving its page back to the kernel.
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, kTableKept);
    wasmtime_config_async_stack_size_set(config, fiber_stack);
    wasmtime_pooling_allocation_strategy_set(config, pool);
}

std::unexpected<Error> refuse(const wasmtime_error_t& error) {
    return fail(ErrorType::kInvalidRequest, "invalid_module", message_of(error));
}

}  // namespace

Result<EngineSetup> make_engine(const RuntimeOptions& options) {
    if (auto checked = check(options); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    const PoolPlan plan = plan_pool(options);
    // Instrumented host functions have larger frames.
    const std::size_t fiber_stack =
        options.guest_stack_bytes + options.host_stack_bytes * (kSanitized ? 7 : 1);
    const std::uint64_t space = plan.memories * (plan.reservation + plan.guard) +
                                std::uint64_t{plan.instances + kNestedStacks} * fiber_stack;
    if (auto probed = probe_address_space(space); !probed) {
        return std::unexpected(std::move(probed.error()));
    }
    const CodeSettings code{.guest_stack_bytes = options.guest_stack_bytes,
                            .memory_reservation = plan.reservation,
                            .memory_guard = plan.guard};
    wasm_config_t* const config = make_config(code, CompileThreads::kAll);
    set_pool(config, options, plan, fiber_stack);
    return EngineSetup{.engine = EngineHandle(wasm_engine_new_with_config(config)),
                       .capacity = plan.instances,
                       .code = code};
}

EngineHandle make_compile_engine(const CodeSettings& settings, CompileThreads threads) {
    wasm_config_t* const config = make_config(settings, threads);
    // Wasmtime wants it to be the larger one, although nothing runs here.
    wasmtime_config_async_stack_size_set(config, settings.guest_stack_bytes + kLeastHostStack);
    return EngineHandle(wasm_engine_new_with_config(config));
}

Result<ModuleHandle> compile_module(wasm_engine_t& engine, std::span<const std::byte> wasm) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(wasm.data());
    ErrorHandle error(wasmtime_module_validate(&engine, bytes, wasm.size()));
    wasmtime_module_t* module = nullptr;
    if (!error) {
        error.reset(wasmtime_module_new(&engine, bytes, wasm.size(), &module));
    }
    if (error) {
        return refuse(*error);
    }
    return ModuleHandle(module);
}

Result<ModuleHandle> load_module(wasm_engine_t& engine, const base::SealedMemory& code) {
    // By its path, so that Wasmtime maps the file instead of copying it.
    const std::string path = fmt::format("/proc/self/fd/{}", code.fd());
    wasmtime_module_t* module = nullptr;
    if (const ErrorHandle error(wasmtime_module_deserialize_file(&engine, path.c_str(), &module));
        error) {
        return refuse(*error);
    }
    return ModuleHandle(module);
}

}  // namespace realm::sandbox
