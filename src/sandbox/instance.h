// One guest: a program with its own store and memory, brought up and then called. Internal.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sandbox/bindgen_host.h"
#include "sandbox/debug_log.h"
#include "sandbox/executor.h"
#include "sandbox/guest.h"
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
    // Opens a call that is answered then.
    virtual void sleep_until(base::SteadyTime time) = 0;
    // Why the guest is to end, where its time is up or somebody has cancelled it.
    virtual std::optional<Error> interrupted() = 0;
};

// Used by one thread at a time. Destroying it while it waits unwinds the guest.
class Instance {
public:
    // kResting: brought up, and no call is open. kFailed: it could not be brought up.
    enum class Progress : std::uint8_t { kPending, kResting, kFailed };

    Instance(Runtime::Impl& runtime, std::shared_ptr<const Program> program, void* host,
             const InstanceLimits& limits, CallPort& port);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    // Runs the guest until it suspends, gives way at a tick or rests.
    Progress poll();
    [[nodiscard]] Error take_failure() { return std::move(*failure_); }

    // At rest: opens a call; false when it cannot be made, which take_results() then tells.
    bool begin_call(const std::string& name, const Values& arguments);
    [[nodiscard]] Result<Values> take_results() { return std::move(results_); }
    // Who waits for the open call, and is to be resumed when the guest rests again.
    void set_caller(std::coroutine_handle<> caller) { caller_ = caller; }
    [[nodiscard]] std::coroutine_handle<> take_caller() { return std::exchange(caller_, nullptr); }
    [[nodiscard]] bool calling() const {
        return future_ != nullptr || sleeping_ || breath_ != Breath::kNone;
    }

    Result<std::uint32_t> grow_memory(std::uint32_t bytes);

    // --- For what stands in for JavaScript ---
    // Null for a program without bindings.
    [[nodiscard]] BindgenHost* bindgen() { return bindgen_.get(); }
    [[nodiscard]] wasmtime_context_t* context() const { return context_; }
    // At rest: opens a call whose results are `waiting`'s own business.
    void begin_adapted(FutureHandle future, const std::string& name,
                       std::coroutine_handle<> waiting);
    // At rest: polls a call that a job has made, true when it is done. Now and then it leaves that
    // to the executor, which sees to limits and cancelled runs.
    [[nodiscard]] bool poll_at_once(wasmtime_call_future_t& future);
    // The host's work for the guest begins anew: others have run, or may have.
    void begin_turn() {
        turn_began_ = base::SteadyClock::now();
        ++turn_;
    }
    [[nodiscard]] std::uint64_t turn() const { return turn_; }
    // Whether the host's work should give way to others.
    [[nodiscard]] bool turn_is_over() const {
        return base::SteadyClock::now() - turn_began_ > kTurn;
    }
    // At rest: lets others run.
    void begin_breath(std::coroutine_handle<> waiting) {
        breath_ = Breath::kBegun;
        caller_ = waiting;
    }
    // Why that work is to end, if it is: as the run's port says, or since it did not give way.
    [[nodiscard]] std::optional<Error> interrupted();
    // At rest: until then nothing runs.
    void begin_sleep(base::SteadyTime until, std::coroutine_handle<> waiting);
    // An export of any kind; nothing while the module is being instantiated.
    [[nodiscard]] std::optional<wasmtime_extern_t> find_export(std::string_view name) const;
    // What ended a call; takes both.
    [[nodiscard]] Error failure_of(wasm_trap_t* trap, wasmtime_error_t* error,
                                   const std::string& name);
    [[nodiscard]] Error growth_failure(const wasmtime_error_t& error) const {
        return report_error(program_name(), error, guest_limits_);
    }
    // The program has ended itself (exit), and runs no more.
    [[nodiscard]] bool exited() const { return exited_; }
    [[nodiscard]] Error exit_error() const;
    [[nodiscard]] std::span<std::byte> memory_view() const;
    // How many pages there were; nothing where that is not allowed.
    std::optional<std::uint32_t> grow_pages(std::uint32_t pages);
    void console(values::ConsoleLevel level, std::string_view text);
    // The first imported table of references; null without one.
    [[nodiscard]] const wasmtime_table_t* imported_references() const {
        return references_ ? &*references_ : nullptr;
    }
    // The text of a value of the host's that the module gave as a handle, which is then released.
    std::string take_host_value(std::uint32_t handle);

    // Unwinds the guest where it stands; afterwards memory_bytes() can be asked.
    void abandon() {
        future_.reset();
        sleeping_ = false;
        breath_ = Breath::kNone;
    }
    // The size of the exported memory. Not while the guest is suspended.
    [[nodiscard]] std::uint64_t memory_bytes() const;

    // For the wrapper around host functions, during a call.
    static Instance& of(const wasmtime_context_t* context) {
        return *static_cast<Instance*>(wasmtime_context_get_data(context));
    }
    [[nodiscard]] void* host() const { return host_; }
    [[nodiscard]] const Program& program() const { return *program_; }
    [[nodiscard]] const std::string& program_name() const { return program_->name(); }
    [[nodiscard]] CallPort& port() { return port_; }
    // Null unless that level is on.
    [[nodiscard]] const DebugLog* debug_log() const { return debug_ ? &*debug_ : nullptr; }
    [[nodiscard]] GuestMemory memory(wasmtime_caller_t* caller);
    // The same while a call is open, or at rest.
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
    enum class Stage : std::uint8_t { kStart, kInstantiate, kInitialize, kReady };
    enum class Breath : std::uint8_t { kNone, kBegun, kTaken };
    // As long as a tick.
    static constexpr std::chrono::milliseconds kTurn{1};

    // Begins the next step of bringing the guest up, until it is ready.
    void advance();
    Result<void> open_store();
    void instantiate();
    Result<void> provide_imports();
    void finish_instantiation();
    void log_sizes() const;
    // False when none is left.
    Result<bool> begin_initializer();
    Result<void> begin(const std::string& name, const Values& arguments,
                       const Signature& signature);
    // The future is done.
    void settle();
    [[nodiscard]] Error take_call_failure();
    [[nodiscard]] Result<Values> after_exit(std::size_t results) const;
    void restore_stack_pointer();
    static wasmtime_error_t* on_epoch(wasmtime_context_t* context, void* self, std::uint64_t* delta,
                                      wasmtime_update_deadline_kind_t* kind);

    Runtime::Impl& runtime_;
    const std::shared_ptr<const Program> program_;
    void* const host_;
    const InstanceLimits limits_;
    CallPort& port_;
    std::optional<DebugLog> debug_;
    GuestLimits guest_limits_;
    bool leased_ = false;
    std::unique_ptr<BindgenHost> bindgen_;  // references in the store keep its values
    StoreHandle store_;
    wasmtime_context_t* context_ = nullptr;
    wasmtime_instance_t instance_{};
    LinkerHandle linker_;  // of a program that imports more than functions
    std::size_t next_initializer_ = 0;
    std::string calling_;  // the export
    wasmtime_func_t function_{};
    std::vector<wasmtime_val_t> arguments_;
    std::vector<wasmtime_val_t> raw_results_;
    Result<Values> results_;
    std::coroutine_handle<> caller_;
    std::optional<wasmtime_memory_t> memory_;
    std::optional<wasmtime_table_t> references_;  // the imported table of references
    std::optional<std::pair<wasmtime_global_t, std::int32_t>> stack_pointer_;  // and its rest value
    Stage stage_ = Stage::kStart;
    std::uint64_t poll_began_at_tick_ = 0;
    std::optional<Error> host_error_;
    bool ended_well_ = false;  // by the call that is open
    bool exited_ = false;
    bool sleeping_ = false;
    Breath breath_ = Breath::kNone;
    base::SteadyTime turn_began_ = base::SteadyClock::now();
    std::uint64_t turn_ = 0;
    std::uint64_t metered_turn_ = 0;        // the turn at whose beginning the run had used
    std::chrono::nanoseconds turn_cpu_{0};  // so much CPU time
    std::uint32_t polled_at_once_ = 0;
    bool adapted_call_ = false;  // the open one's results are its caller's
    std::optional<Error> failure_;
    wasm_trap_t* trap_ = nullptr;
    wasmtime_error_t* error_ = nullptr;
    FutureHandle future_;  // borrows all of the above, so it goes first
};

}  // namespace realm::sandbox
