#include "sandbox/instance.h"

#include <fmt/format.h>
#include <realm_native.h>

#include <algorithm>
#include <span>
#include <utility>

#include "sandbox/fiber_scope.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::string_view kInitialize = "_initialize";
constexpr std::string_view kMemory = "memory";
constexpr std::size_t kMostExportsNamed = 10;

std::string exported_functions(const ModuleInfo& info) {
    std::string names;
    std::size_t count = 0;
    for (const ExportInfo& found : info.exports) {
        if (found.kind == ExternKind::kFunction && ++count <= kMostExportsNamed) {
            names += fmt::format("{}'{}'", names.empty() ? "" : ", ", shown(found.name));
        }
    }
    return count > kMostExportsNamed ? names + ", ..." : names;
}

}  // namespace

Instance::Instance(Runtime::Impl& runtime, std::shared_ptr<const Program> program,
                   std::string entry, void* host, const InstanceLimits& limits, CallPort& port)
    : runtime_(runtime),
      program_(std::move(program)),
      entry_(std::move(entry)),
      host_(host),
      limits_(limits),
      port_(port) {}

Instance::~Instance() {
    future_.reset();
    const TrapHandle trap(trap_);
    const ErrorHandle error(error_);
    store_.reset();
    if (leased_) {
        // Releases the memory's pages to whoever acquires the slot in open_store().
        runtime_.live.fetch_sub(1, std::memory_order_acq_rel);
    }
}

Instance::Progress Instance::poll() {
    if (stage_ == Stage::kStart) {
        advance();
    }
    while (!failure_ && stage_ != Stage::kDone) {
        poll_began_at_tick_ = runtime_.ticker->ticks();
        runtime_.ticker->enter();
        const bool ready = wasmtime_call_future_poll(future_.get());
        runtime_.ticker->leave();
        if (!ready) {
            return Progress::kPending;
        }
        future_.reset();
        if (ended_well_) {
            break;
        }
        if (trap_ != nullptr || error_ != nullptr) {
            failure_ = failure_of_stage();
            break;
        }
        advance();
    }
    return Progress::kEnded;
}

void Instance::advance() {
    switch (stage_) {
        case Stage::kStart:
            failure_ = check_exports();
            if (!failure_) {
                open_store();
            }
            return;
        case Stage::kInstantiate:
            finish_instantiation();
            if (program_->info().find_export(kInitialize) != nullptr) {
                stage_ = Stage::kInitialize;
                call_export(std::string(kInitialize));
                return;
            }
            [[fallthrough]];
        case Stage::kInitialize:
            stage_ = Stage::kEntry;
            call_export(entry_);
            return;
        default:
            stage_ = Stage::kDone;
    }
}

std::optional<Error> Instance::check_exports() const {
    if (program_->info().find_export(kInitialize) != nullptr) {
        if (auto wrong = check_function(kInitialize)) {
            return wrong;
        }
    }
    return check_function(entry_);
}

std::optional<Error> Instance::check_function(std::string_view name) const {
    const ExportInfo* const found = program_->info().find_export(name);
    if (found == nullptr || found->kind != ExternKind::kFunction) {
        return make_error(
            ErrorType::kInvalidRequest, "no_such_export",
            fmt::format("program '{}' exports no function '{}'; it exports {}", program_name(),
                        shown(name), exported_functions(program_->info())));
    }
    if (found->signature != Signature{}) {
        return make_error(
            ErrorType::kInvalidRequest, "bad_export_type",
            fmt::format("program '{}': its export '{}' has the type {}; it must be () -> ()",
                        program_name(), shown(name),
                        found->signature ? shown(*found->signature) : "of references"));
    }
    return std::nullopt;
}

void Instance::open_store() {
    // See ~Instance for the order.
    if (runtime_.live.fetch_add(1, std::memory_order_acq_rel) >= runtime_.capacity) {
        runtime_.live.fetch_sub(1, std::memory_order_acq_rel);
        failure_ = make_error(ErrorType::kUnavailable, "no_instance_free",
                              fmt::format("no room to run program '{}' now: all {} instances are "
                                          "in use (limits.instances in the configuration)",
                                          program_name(), runtime_.capacity));
        return;
    }
    leased_ = true;
    const RuntimeOptions& options = runtime_.options;
    guest_limits_.memories =
        static_cast<std::uint32_t>(std::max<std::size_t>(1, program_->info().memories.size()));
    guest_limits_.memory_bytes =
        std::min(limits_.memory_bytes, options.max_memory_bytes) / guest_limits_.memories;
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
    stage_ = Stage::kInstantiate;
    future_.reset(wasmtime_instance_pre_instantiate_async(program_->impl().pre.get(), context_,
                                                          &instance_, &trap_, &error_));
}

void Instance::finish_instantiation() {
    wasmtime_extern_t found;
    if (!wasmtime_instance_export_get(context_, &instance_, kMemory.data(), kMemory.size(),
                                      &found)) {
        return;
    }
    if (found.kind == WASMTIME_EXTERN_MEMORY) {
        memory_ = found.of.memory;
    }
    wasmtime_extern_delete(&found);
}

void Instance::call_export(const std::string& name) {
    wasmtime_extern_t found;
    if (!wasmtime_instance_export_get(context_, &instance_, name.data(), name.size(), &found) ||
        found.kind != WASMTIME_EXTERN_FUNC) {
        failure_ = make_error(
            ErrorType::kInternal, "export_lost",
            fmt::format("program '{}' lost its export '{}'", program_name(), shown(name)));
        return;
    }
    function_ = found.of.func;
    future_.reset(
        wasmtime_func_call_async(context_, &function_, nullptr, 0, nullptr, 0, &trap_, &error_));
}

Error Instance::failure_of_stage() {
    if (host_error_) {
        if (error_ != nullptr) {
            add_backtrace(*host_error_, program_name(), *error_);
        }
        return std::move(*host_error_);
    }
    return trap_ != nullptr ? report_trap(program_name(), *trap_)
                            : report_error(program_name(), *error_, guest_limits_);
}

std::uint64_t Instance::memory_bytes() const {
    return memory_ && !future_ ? wasmtime_memory_data_size(context_, &*memory_) : 0;
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
    if (!memory_) {
        return {};
    }
    auto* const data = reinterpret_cast<std::byte*>(wasmtime_memory_data(context_, &*memory_));
    return GuestMemory(std::span(data, wasmtime_memory_data_size(context_, &*memory_)));
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
