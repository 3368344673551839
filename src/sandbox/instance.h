// One guest: a program with its own store and memory, polled through its stages. Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sandbox/executor.h"
#include "sandbox/guest_memory.h"
#include "sandbox/runtime_impl.h"
#include "sandbox/trap_report.h"
#include "sandbox/waiter.h"
#include "sandbox/wasmtime_handles.h"

namespace realm::sandbox {

using CallAnswer = std::variant<std::int32_t, Finish, Error>;

// Where an instance registers the suspending call that its guest has open; implemented by the run.
class CallPort : public CpuClock {
public:
    virtual std::shared_ptr<Waiter> open_call() = 0;
    // The answer to the open call, once, when it is there.
    virtual std::optional<CallAnswer> take_answer() = 0;
};

// Used by one thread at a time. Destroying it while it waits unwinds the guest.
class Instance {
public:
    enum class Progress : std::uint8_t { kPending, kEnded };

    Instance(Runtime::Impl& runtime, std::shared_ptr<const Program> program, std::string entry,
             void* host, const InstanceLimits& limits, CallPort& port);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    // Runs the guest until it suspends, gives way at a tick or ends.
    Progress poll();
    // Why it ended; nothing when its entry returned.
    [[nodiscard]] std::optional<Error> take_failure() { return std::move(failure_); }
    // Unwinds the guest where it stands; afterwards memory_bytes() can be asked.
    void abandon() { future_.reset(); }
    // The size of the exported memory. Not while the guest is suspended.
    [[nodiscard]] std::uint64_t memory_bytes() const;

    // For the wrapper around host functions, during a call.
    static Instance& of(const wasmtime_context_t* context) {
        return *static_cast<Instance*>(wasmtime_context_get_data(context));
    }
    [[nodiscard]] void* host() const { return host_; }
    [[nodiscard]] const std::string& program_name() const { return program_->name(); }
    [[nodiscard]] CallPort& port() { return port_; }
    [[nodiscard]] GuestMemory memory(wasmtime_caller_t* caller);
    // The same while a call is open.
    [[nodiscard]] GuestMemory memory() const;
    // Remembers why the guest ends and makes the trap that ends it.
    wasm_trap_t* end_with(Error error);
    // The same for a guest that ends itself: no failure.
    wasm_trap_t* end_well();

    // Where the answer to the open suspending call goes.
    struct OpenCall {
        Instance* instance = nullptr;
        const HostFunction* function = nullptr;
        wasmtime_val_t* result = nullptr;
        wasm_trap_t** trap = nullptr;
    };
    OpenCall open_call;

private:
    enum class Stage : std::uint8_t { kStart, kInstantiate, kInitialize, kEntry, kDone };

    std::optional<Error> check_exports() const;
    std::optional<Error> check_function(std::string_view name) const;
    void open_store();
    // The next stage's future, or kDone.
    void advance();
    void finish_instantiation();
    void call_export(const std::string& name);
    [[nodiscard]] Error failure_of_stage();
    static wasmtime_error_t* on_epoch(wasmtime_context_t* context, void* self, std::uint64_t* delta,
                                      wasmtime_update_deadline_kind_t* kind);

    Runtime::Impl& runtime_;
    const std::shared_ptr<const Program> program_;
    const std::string entry_;
    void* const host_;
    const InstanceLimits limits_;
    CallPort& port_;
    GuestLimits guest_limits_;
    bool leased_ = false;
    StoreHandle store_;
    wasmtime_context_t* context_ = nullptr;
    wasmtime_instance_t instance_{};
    wasmtime_func_t function_{};
    std::optional<wasmtime_memory_t> memory_;
    Stage stage_ = Stage::kStart;
    std::uint64_t poll_began_at_tick_ = 0;
    std::optional<Error> host_error_;
    bool ended_well_ = false;
    std::optional<Error> failure_;
    wasm_trap_t* trap_ = nullptr;
    wasmtime_error_t* error_ = nullptr;
    FutureHandle future_;  // borrows all of the above, so it goes first
};

}  // namespace realm::sandbox
