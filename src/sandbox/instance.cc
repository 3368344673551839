#include "sandbox/instance.h"

#include <fmt/format.h>
#include <realm_native.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "sandbox/fiber_scope.h"
#include "sandbox/host_binding.h"
#include "sandbox/imported_items.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::string_view kMemory = "memory";
constexpr std::string_view kStackPointer = "__stack_pointer";
constexpr std::uint64_t kPage = 65536;

// What sets a module up beyond its start function, in the order in which it is called: a reactor's
// initialiser (or, without one, the constructors that it would call), that of wasm-bindgen, and
// what a module's own glue would call last.
constexpr std::array<std::string_view, 4> kInitializers = {"_initialize", "__wasm_call_ctors",
                                                           "__wbindgen_start", "initSync"};

// Whether the host is to call it: `_start` and `_initialize` call the constructors themselves.
bool applies(std::string_view initializer, const ModuleInfo& info) {
    const ExportInfo* const found = info.find_export(initializer);
    if (found == nullptr) {
        return false;
    }
    if (initializer == "_initialize") {
        return true;
    }
    if (initializer == "__wasm_call_ctors" &&
        (info.find_export("_initialize") != nullptr || info.find_export("_start") != nullptr)) {
        return false;
    }
    return found->kind == ExternKind::kFunction && found->signature == Signature{};
}

wasmtime_val_t to_raw(const Value& value) {
    wasmtime_val_t raw{};
    switch (value.index()) {
        case 0:
            raw.kind = WASMTIME_I32;
            raw.of.i32 = std::get<std::int32_t>(value);
            break;
        case 1:
            raw.kind = WASMTIME_I64;
            raw.of.i64 = std::get<std::int64_t>(value);
            break;
        case 2:
            raw.kind = WASMTIME_F32;
            raw.of.f32 = std::get<float>(value);
            break;
        default:
            raw.kind = WASMTIME_F64;
            raw.of.f64 = std::get<double>(value);
    }
    return raw;
}

Value from_raw(const wasmtime_val_t& raw) {
    switch (raw.kind) {
        case WASMTIME_I32:
            return raw.of.i32;
        case WASMTIME_I64:
            return raw.of.i64;
        case WASMTIME_F32:
            return raw.of.f32;
        default:
            return raw.of.f64;
    }
}

bool fits(const Values& arguments, const Signature& signature) {
    return std::ranges::equal(arguments, signature.parameters, {}, [](const Value& value) {
        return static_cast<ValueType>(value.index());
    });
}

}  // namespace

Instance::Instance(Runtime::Impl& runtime, std::shared_ptr<const Program> program, void* host,
                   const InstanceLimits& limits, CallPort& port)
    : runtime_(runtime), program_(std::move(program)), host_(host), limits_(limits), port_(port) {
    if (runtime.options.logger.enabled(telemetry::Level::kDebug)) {
        debug_.emplace(runtime.options.logger, program_->name());
    }
}

Instance::~Instance() {
    future_.reset();
    const TrapHandle trap(trap_);
    const ErrorHandle error(error_);
    linker_.reset();
    store_.reset();
    if (leased_) {
        // Releases the memory's pages to whoever acquires the slot in open_store().
        runtime_.live.fetch_sub(1, std::memory_order_acq_rel);
    }
}

Instance::Progress Instance::poll() {
    while (!failure_) {
        if (sleeping_) {
            if (!port_.take_answer()) {
                return Progress::kPending;
            }
            sleeping_ = false;
            return Progress::kResting;
        }
        if (breath_ != Breath::kNone) {
            const bool begins = breath_ == Breath::kBegun;
            breath_ = begins ? Breath::kTaken : Breath::kNone;
            return begins ? Progress::kPending : Progress::kResting;
        }
        if (!future_) {
            if (stage_ == Stage::kReady) {
                return Progress::kResting;
            }
            advance();
            continue;
        }
        begin_turn();
        poll_began_at_tick_ = runtime_.ticker->ticks();
        runtime_.ticker->enter();
        const bool ready = wasmtime_call_future_poll(future_.get());
        runtime_.ticker->leave();
        if (!ready) {
            return Progress::kPending;
        }
        future_.reset();
        settle();
    }
    return Progress::kFailed;
}

void Instance::advance() {
    if (stage_ == Stage::kStart) {
        if (auto opened = open_store(); !opened) {
            failure_ = std::move(opened.error());
            return;
        }
        stage_ = Stage::kInstantiate;
        instantiate();
        return;
    }
    auto begun = begin_initializer();
    if (!begun) {
        failure_ = std::move(begun.error());
    } else if (!*begun) {
        stage_ = Stage::kReady;
    }
}

void Instance::settle() {
    if (std::exchange(adapted_call_, false)) {
        return;
    }
    const bool failed = trap_ != nullptr || error_ != nullptr;
    if (std::exchange(ended_well_, false)) {
        static_cast<void>(take_call_failure());
        exited_ = true;
        stage_ = Stage::kReady;
        results_ = after_exit(raw_results_.size());
        return;
    }
    if (stage_ != Stage::kReady) {
        if (failed) {
            failure_ = take_call_failure();
        } else if (stage_ == Stage::kInstantiate) {
            finish_instantiation();
            if (debug_) {
                log_sizes();
            }
            stage_ = Stage::kInitialize;
        }
        return;
    }
    if (failed) {
        results_ = std::unexpected(take_call_failure());
        restore_stack_pointer();
        return;
    }
    results_ = Values();
    std::ranges::transform(raw_results_, std::back_inserter(*results_), from_raw);
}

Result<void> Instance::open_store() {
    for (const std::string_view initializer : kInitializers) {
        if (applies(initializer, program_->info())) {
            if (auto checked =
                    check_export(program_name(), program_->info(), initializer, Signature{});
                !checked) {
                return checked;
            }
        }
    }
    // See ~Instance for the order.
    if (runtime_.live.fetch_add(1, std::memory_order_acq_rel) >= runtime_.capacity) {
        runtime_.live.fetch_sub(1, std::memory_order_acq_rel);
        return fail(ErrorType::kUnavailable, "no_instance_free",
                    fmt::format("no room to run program '{}' now: all {} instances are "
                                "in use (limits.instances in the configuration)",
                                program_name(), runtime_.capacity));
    }
    leased_ = true;
    const RuntimeOptions& options = runtime_.options;
    guest_limits_.memories =
        static_cast<std::uint32_t>(std::max<std::size_t>(1, program_->info().memories.size()));
    guest_limits_.memory_bytes =
        std::min(limits_.memory_bytes, options.max_memory_bytes) / guest_limits_.memories;
    guest_limits_.stack_bytes = options.guest_stack_bytes;
    guest_limits_.table_elements = std::min(limits_.table_elements, options.max_table_elements);

    store_.reset(wasmtime_store_new(runtime_.engine.get(), this, nullptr));
    context_ = wasmtime_store_context(store_.get());
    // One memory more than programs have, for the heap of Wasmtime's garbage collector. The counts
    // are read by the first call, the sizes apply as the second sets them.
    const std::uint32_t tables = options.max_tables_per_module;
    const std::uint32_t memories = options.max_memories_per_module + 1;
    wasmtime_store_limiter(store_.get(), 0, 0, 1, tables, memories);
    realm_context_limit_strictly(context_, guest_limits_.memory_bytes, guest_limits_.table_elements,
                                 1, tables, memories);
    wasmtime_store_epoch_deadline_callback(store_.get(), &Instance::on_epoch, this, nullptr);
    wasmtime_context_set_epoch_deadline(context_, 1);
    if (const auto& plan = program_->impl().bindgen) {
        bindgen_ = std::make_unique<BindgenHost>(*this, plan, limits_.bindgen,
                                                 options.host_stack_bytes / 2);
    }
    return {};
}

void Instance::instantiate() {
    const Program::Impl& program = program_->impl();
    if (program.pre) {
        future_.reset(wasmtime_instance_pre_instantiate_async(program.pre.get(), context_,
                                                              &instance_, &trap_, &error_));
        return;
    }
    if (auto provided = provide_imports(); !provided) {
        failure_ = std::move(provided.error());
        return;
    }
    future_.reset(wasmtime_linker_instantiate_async(linker_.get(), context_, program.module.get(),
                                                    &instance_, &trap_, &error_));
}

Result<void> Instance::provide_imports() {
    linker_.reset(wasmtime_linker_clone(program_->impl().linker.get()));
    auto provided = provide_imported_items(linker_.get(), context_, program_->impl().module.get());
    if (!provided.failure) {
        memory_ = provided.memory;
        references_ = provided.references;
        return {};
    }
    return std::unexpected(report_error(program_name(), *provided.failure, guest_limits_));
}

void Instance::finish_instantiation() {
    wasmtime_extern_t found;
    if (wasmtime_instance_export_get(context_, &instance_, kMemory.data(), kMemory.size(),
                                     &found)) {
        if (found.kind == WASMTIME_EXTERN_MEMORY) {
            memory_ = found.of.memory;
        }
        wasmtime_extern_delete(&found);
    }
    if (wasmtime_instance_export_get(context_, &instance_, kStackPointer.data(),
                                     kStackPointer.size(), &found)) {
        wasmtime_val_t value{};
        if (found.kind == WASMTIME_EXTERN_GLOBAL) {
            wasmtime_global_get(context_, &found.of.global, &value);
            if (value.kind == WASMTIME_I32) {
                stack_pointer_.emplace(found.of.global, value.of.i32);
            }
            wasmtime_val_unroot(&value);
        }
        wasmtime_extern_delete(&found);
    }
}

void Instance::log_sizes() const {
    if (memory_) {
        debug_->memory(wasmtime_memory_data_size(context_, &*memory_));
    }
    if (stack_pointer_) {
        debug_->stack_pointer(stack_pointer_->second);
    }
    const auto log_table = [this](const std::string& name, wasmtime_extern_t& found) {
        if (found.kind == WASMTIME_EXTERN_TABLE) {
            debug_->table(name, wasmtime_table_size(context_, &found.of.table));
        }
        wasmtime_extern_delete(&found);
    };
    wasmtime_extern_t found;
    for (const ImportInfo& import : program_->info().imports) {
        if (import.kind == ExternKind::kTable &&
            wasmtime_linker_get(linker_.get(), context_, import.module.data(), import.module.size(),
                                import.name.data(), import.name.size(), &found)) {
            log_table(import.module + "." + import.name, found);
        }
    }
    for (const ExportInfo& exported : program_->info().exports) {
        if (exported.kind == ExternKind::kTable &&
            wasmtime_instance_export_get(context_, &instance_, exported.name.data(),
                                         exported.name.size(), &found)) {
            log_table(exported.name, found);
        }
    }
}

Result<bool> Instance::begin_initializer() {
    while (next_initializer_ < kInitializers.size()) {
        const std::string_view name = kInitializers[next_initializer_++];
        if (applies(name, program_->info())) {
            auto begun = begin(std::string(name), {}, Signature{});
            return begun ? Result<bool>(true) : std::unexpected(std::move(begun.error()));
        }
    }
    return false;
}

// A program that has ended itself does nothing more.
Result<Values> Instance::after_exit(std::size_t results) const {
    return results == 0 ? Result<Values>(Values()) : std::unexpected(exit_error());
}

Error Instance::exit_error() const {
    return make_error(ErrorType::kProgramTrap, "exit",
                      fmt::format("program '{}' has ended itself", program_name()));
}

bool Instance::begin_call(const std::string& name, const Values& arguments) {
    auto begun = [&]() -> Result<void> {
        auto signature = signature_of_export(program_name(), program_->info(), name);
        if (!signature) {
            return std::unexpected(std::move(signature.error()));
        }
        if (!fits(arguments, *signature)) {
            std::vector<ValueType> given;
            std::ranges::transform(arguments, std::back_inserter(given), [](const Value& value) {
                return static_cast<ValueType>(value.index());
            });
            return fail(ErrorType::kInvalidRequest, "bad_arguments",
                        fmt::format("program '{}': its export '{}' has the type {} and was given "
                                    "{}",
                                    program_name(), shown(name), shown(*signature), shown(given)));
        }
        if (!exited_) {
            return begin(name, arguments, *signature);
        }
        results_ = after_exit(signature->results.size());
        return {};
    }();
    if (begun && exited_) {
        return false;
    }
    if (!begun) {
        results_ = std::unexpected(std::move(begun.error()));
        return false;
    }
    return true;
}

Result<void> Instance::begin(const std::string& name, const Values& arguments,
                             const Signature& signature) {
    wasmtime_extern_t found;
    if (!wasmtime_instance_export_get(context_, &instance_, name.data(), name.size(), &found) ||
        found.kind != WASMTIME_EXTERN_FUNC) {
        return fail(ErrorType::kInternal, "export_lost",
                    fmt::format("program '{}' lost its export '{}'", program_name(), shown(name)));
    }
    function_ = found.of.func;
    calling_ = name;
    if (debug_) {
        debug_->call(name, signature, arguments);
    }
    arguments_.clear();
    std::ranges::transform(arguments, std::back_inserter(arguments_), to_raw);
    raw_results_.assign(signature.results.size(), wasmtime_val_t{});
    future_.reset(wasmtime_func_call_async(context_, &function_, arguments_.data(),
                                           arguments_.size(), raw_results_.data(),
                                           raw_results_.size(), &trap_, &error_));
    return {};
}

Error Instance::take_call_failure() {
    return failure_of(std::exchange(trap_, nullptr), std::exchange(error_, nullptr), calling_);
}

Error Instance::failure_of(wasm_trap_t* trap_raw, wasmtime_error_t* error_raw,
                           const std::string& name) {
    const TrapHandle trap(trap_raw);
    const ErrorHandle error(error_raw);
    Error failure;
    if (auto host_error = std::exchange(host_error_, std::nullopt)) {
        failure = std::move(*host_error);
        if (error) {
            add_backtrace(failure, program_name(), *error);
        }
    } else if (std::exchange(ended_well_, false)) {
        exited_ = true;
        return exit_error();
    } else if (auto thrown = bindgen_ ? bindgen_->take_in_flight() : std::nullopt) {
        failure = bindgen_->error_of(*thrown);
    } else {
        failure = trap ? report_trap(program_name(), *trap, guest_limits_)
                       : report_error(program_name(), *error, guest_limits_);
    }
    add_context(failure,
                stage_ == Stage::kInstantiate
                    ? fmt::format("instantiation of program '{}'", program_name())
                    : fmt::format("export '{}' of program '{}'", shown(name), program_name()));
    return failure;
}

void Instance::restore_stack_pointer() {
    if (!stack_pointer_) {
        return;
    }
    const wasmtime_val_t value = to_raw(stack_pointer_->second);
    const ErrorHandle ignored(wasmtime_global_set(context_, &stack_pointer_->first, &value));
}

std::uint64_t Instance::memory_bytes() const {
    return memory_ && !future_ ? wasmtime_memory_data_size(context_, &*memory_) : 0;
}

Result<std::uint32_t> Instance::grow_memory(std::uint32_t bytes) {
    if (!memory_) {
        return fail(
            ErrorType::kInvalidRequest, "no_memory",
            fmt::format("program '{}' has no memory to put arguments into", program_name()));
    }
    std::uint64_t before = 0;
    const ErrorHandle error(
        wasmtime_memory_grow(context_, &*memory_, (bytes + kPage - 1) / kPage, &before));
    if (error) {
        return std::unexpected(report_error(program_name(), *error, guest_limits_));
    }
    return static_cast<std::uint32_t>(before * kPage);
}

GuestMemory Instance::memory(wasmtime_caller_t* caller) {
    if (!memory_) {
        // Only while the start function runs is there a memory that is not known yet.
        wasmtime_extern_t found;
        if (stage_ != Stage::kInstantiate ||
            !wasmtime_caller_export_get(caller, kMemory.data(), kMemory.size(), &found)) {
            return {};
        }
        if (found.kind == WASMTIME_EXTERN_MEMORY) {
            memory_ = found.of.memory;
        }
        wasmtime_extern_delete(&found);
    }
    return memory();
}

GuestMemory Instance::memory() const {
    return GuestMemory(memory_view());
}

wasm_trap_t* Instance::end_with(Error error) {
    if (!host_error_) {
        host_error_ = std::move(error);
    }
    return new_trap(host_error_->message);
}

wasm_trap_t* Instance::end_well() {
    ended_well_ = true;
    return new_trap("the program has ended itself");
}

wasmtime_error_t* Instance::on_epoch(wasmtime_context_t* /*context*/, void* self,
                                     std::uint64_t* delta, wasmtime_update_deadline_kind_t* kind) {
    [[maybe_unused]] const FiberScope scope;
    const auto& instance = *static_cast<const Instance*>(self);
    // A tick that fell before this poll began is no reason to give way.
    const bool due = instance.runtime_.ticker->ticks() != instance.poll_began_at_tick_;
    *delta = 1;
    *kind = due ? WASMTIME_UPDATE_DEADLINE_YIELD : WASMTIME_UPDATE_DEADLINE_CONTINUE;
    return nullptr;
}

}  // namespace realm::sandbox
