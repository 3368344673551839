// What stands in for JavaScript beside one instance: values, handles, classes, and the calls
// between the guest and them. Internal.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/bindgen_call.h"
#include "sandbox/bindgen_handles.h"
#include "sandbox/bindgen_memory.h"
#include "sandbox/bindgen_plan.h"
#include "sandbox/bindgen_services.h"
#include "sandbox/executor.h"
#include "values/buffers.h"
#include "values/services.h"
#include "values/world.h"

namespace realm::sandbox {

class BindgenSteps;
class Instance;

// The call of an import that the guest waits in. On the guest's fiber.
struct BindgenActivation {
    std::optional<values::Eventual<wasmtime_val_t>> outcome;
    BindgenWaiting* waiting = nullptr;  // what it waits for, innermost
};

// Owned by the instance, used by whoever polls it. Outlives the store: references that the guest
// holds keep values.
class BindgenHost {
public:
    BindgenHost(Instance& instance, std::shared_ptr<const BindgenPlan> plan,
                const BindgenLimits& limits, std::size_t stack_bytes);
    ~BindgenHost();
    BindgenHost(const BindgenHost&) = delete;
    BindgenHost& operator=(const BindgenHost&) = delete;

    [[nodiscard]] Instance& instance() { return instance_; }
    [[nodiscard]] values::World& world() { return world_; }
    [[nodiscard]] const BindgenPlan& plan() const { return *plan_; }
    [[nodiscard]] const BindgenLimits& limits() const { return limits_; }
    [[nodiscard]] wasmtime_context_t* context() const;

    // --- Functions of the bindings -------------------------------------------------------------
    // `captured` and `arguments` are copied before it returns; `new_target` outlives the call.
    values::Eventual<values::Value> call_function(std::uint32_t function,
                                                  std::span<const values::Value> captured,
                                                  values::Value self, values::Arguments arguments,
                                                  values::Object* new_target = nullptr);
    // A function value of Bindings::functions.
    values::Value function_value(std::uint32_t function, std::vector<values::Value> captured);
    // One of Bindings::variables.
    values::Eventual<values::Value> variable(std::uint32_t index);
    void set_variable(std::uint32_t index, const values::Value& value) {
        variables_[index] = value;
    }

    // --- Texts of the plan, by their numbers ---------------------------------------------------
    const values::Value& text(std::uint32_t index);
    const values::PropertyKey& key(std::uint32_t index);
    // How the package writes what it calls; empty where that is not known.
    [[nodiscard]] std::string_view callee_text(const BindgenCode& code) const {
        return code.callee == kNoCallee ? std::string_view() : plan_->texts()[code.callee];
    }
    // One of Bindings::constants.
    values::Completion<values::Value> constant(std::uint32_t index);
    // A variable of JavaScript's. Nothing where there is none.
    std::optional<values::Value> global(std::uint32_t index);

    // --- Classes -------------------------------------------------------------------------------
    values::Completion<values::Value> class_value(std::uint32_t index);
    // An object whose constructor did not run.
    values::Completion<values::Value> allocate(std::uint32_t index);
    // The class that an object is of; kNoClass for none.
    [[nodiscard]] std::uint32_t class_of(const values::Object& object) const;
    // What the package exports, by its names in JavaScript.
    values::Completion<values::Object*> exports();

    // --- The module ----------------------------------------------------------------------------
    // Of BindgenPlan::wasm_names, or by name. A fault where the module has no such function.
    values::Completion<const GuestFunction*> wasm_function(std::uint32_t index);
    values::Completion<const GuestFunction*> wasm_function(std::string_view name);
    values::Completion<values::Value> wasm_export(std::uint32_t index);
    values::Completion<values::Value> all_wasm_exports();
    values::Eventual<values::Value> call_guest(const GuestFunction& function,
                                               values::Arguments arguments);
    // With arguments of the function's types.
    values::Eventual<values::Value> call_guest(const GuestFunction& function, RawValues arguments);
    // Calls one whose parameters and result are words; it gets as many as it has parameters.
    values::Eventual<std::uint32_t> call_words(const GuestFunction& function, std::uint32_t first,
                                               std::uint32_t second = 0, std::uint32_t third = 0);
    values::Value value_of(const wasmtime_val_t& raw);
    // The same, and lets go of it.
    values::Value take_raw(wasmtime_val_t& raw);
    // A number, bigint or reference of that type; nothing where that takes a conversion that may
    // call or throw.
    std::optional<wasmtime_val_t> to_raw(wasm_valkind_t type, const values::Value& value);
    values::Eventual<wasmtime_val_t> convert(wasm_valkind_t type, values::Value value);

    // --- Handles -------------------------------------------------------------------------------
    [[nodiscard]] values::Completion<values::Value> get_handle(std::uint32_t handle);
    // The text of a value, or of the error that it is; a handle of the slab is let go.
    std::string take_text(std::uint32_t handle);
    // Slab mode alone; a table needs the guest's help.
    [[nodiscard]] HandleSlab& slab() { return slab_; }
    values::Completion<std::uint32_t> add_to_slab(values::Value value);
    values::Eventual<std::uint32_t> add_handle(values::Value value);
    values::Eventual<values::Value> take_handle(std::uint32_t handle);
    // Of a table: an array of what the handles at `address` are, which are let go.
    values::Eventual<values::Value> take_handles(std::uint32_t address, std::uint32_t count);

    // After each import: a fault where the values are beyond their limits. What only references
    // hold that the guest has dropped is collected before.
    values::Completion<void> check_values();

    // --- Memory --------------------------------------------------------------------------------
    [[nodiscard]] std::span<std::byte> memory() const;
    // A fault beyond its end.
    values::Completion<std::span<std::byte>> range(double address, double bytes);
    values::Eventual<std::uint32_t> allocate_in_guest(std::uint64_t bytes, std::uint32_t alignment);
    values::Ref<values::MemoryObject> memory_object();
    std::uint32_t vector_length = 0;  // of what was passed last

    // --- Closures ------------------------------------------------------------------------------
    values::Value closure(std::uint32_t index, std::uint32_t a, std::uint32_t b);
    // Takes one reference; whether it was the last. `destroys`: the guest's data goes with it, else
    // the guest itself sees to that.
    values::Eventual<values::Value> release_closure(values::Value function, bool destroys);

    // --- Imports -------------------------------------------------------------------------------
    void enter(BindgenActivation& activation) { activations_.push_back(&activation); }
    void leave(const BindgenActivation& activation) { std::erase(activations_, &activation); }
    [[nodiscard]] BindgenActivation* activation() {
        return activations_.empty() ? nullptr : activations_.back();
    }
    [[nodiscard]] std::size_t depth() const { return activations_.size(); }

    // What leaves an import through the guest's frames: noted here until these end.
    void throw_through(values::Thrown thrown) { in_flight_ = std::move(thrown); }
    // What a call of the guest's that failed has thrown. Takes both.
    values::Thrown failure_of(wasm_trap_t* trap, wasmtime_error_t* error, const std::string& name);
    [[nodiscard]] std::optional<values::Thrown> take_in_flight() {
        return std::exchange(in_flight_, std::nullopt);
    }
    // What was thrown and nobody caught, as an error: the message that JavaScript would show.
    Error error_of(const values::Thrown& thrown);
    // The report behind a RuntimeError, if that is the last one made.
    [[nodiscard]] const Error* trap_behind(const values::Value& thrown) const {
        return last_trap_ && last_trap_->first.same_bits(thrown) ? &last_trap_->second : nullptr;
    }
    // Whether frames of the guest's were left without returning since this was last asked.
    [[nodiscard]] bool take_unwound() { return std::exchange(unwound_, false); }

    // --- Steps ---------------------------------------------------------------------------------
    [[nodiscard]] BindgenSteps& steps() { return *steps_; }
    // Awaited by a job: lets others run until then, in milliseconds of Services::steady_ms.
    class Sleep {
    public:
        Sleep(BindgenHost& host, double until_ms) : host_(host), until_ms_(until_ms) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting);
        void await_resume() { host_.on_this_stack(); }

    private:
        BindgenHost& host_;
        double until_ms_;
    };
    [[nodiscard]] Sleep sleep_until(double until_ms) { return {*this, until_ms}; }

    // --- Time ----------------------------------------------------------------------------------
    // Asked where a program may go round and round: whether a BindgenBreath is due.
    [[nodiscard]] bool is_out_of_breath();

    // --- Native stack --------------------------------------------------------------------------
    // Our functions that call each other from here on may use so much of this stack.
    class StackScope {
    public:
        [[gnu::always_inline]] explicit StackScope(BindgenHost& host)
            : host_(host), before_(host.stack_top_) {
            host.on_this_stack();
        }
        ~StackScope() { host_.stack_top_ = before_; }
        StackScope(const StackScope&) = delete;
        StackScope& operator=(const StackScope&) = delete;

    private:
        BindgenHost& host_;
        const char* before_;
    };
    [[gnu::always_inline]] void on_this_stack() {
        stack_top_ = static_cast<const char*>(__builtin_frame_address(0));
    }
    // A RangeError when it is used up.
    values::Completion<void> check_stack() {
        const auto* const here = static_cast<const char*>(__builtin_frame_address(0));
        if (stack_top_ - here <= static_cast<std::ptrdiff_t>(stack_bytes_)) [[likely]] {
            return {};
        }
        return world_.range_error("Maximum call stack size exceeded");
    }

private:
    class Callable;
    class ClassConstructor;
    class ClosureFunction;
    class ExportedFunction;
    class PackageFunction;
    class TableMethod;

    struct Export {
        bool known = false;
        std::optional<GuestFunction> function;
        values::Value value;
    };
    struct ClassState {
        values::Ref<values::Function> constructor;
        values::Ref<values::Object> prototype;
    };

    values::Eventual<values::Value> first_value(std::uint32_t index, std::uint32_t function);
    values::Completion<values::Value> constant_named(const std::string& name);

    Export& known_export(std::uint32_t index);
    std::optional<GuestFunction> function_of(const wasmtime_func_t& function,
                                             std::string_view name) const;
    values::Value function_value(GuestFunction function);
    values::Value export_value(std::string_view name);
    values::Value table_value(const wasmtime_table_t& table);
    values::Completion<values::Value> table_get(const wasmtime_table_t& table, std::uint32_t index);
    values::Completion<values::Value> table_set(const wasmtime_table_t& table, std::uint32_t index,
                                                const values::Value& value);
    values::Completion<values::Value> table_grow(const wasmtime_table_t& table, std::uint32_t by);
    const wasmtime_table_t* reference_table();

    values::Eventual<std::uint32_t> add_to_table(values::Value value);
    values::Completion<void> set_in_table(std::uint32_t handle, const values::Value& value);
    std::unexpected<values::Thrown> out_of_references() const;

    values::Completion<void> make_class(std::uint32_t index);
    values::Completion<void> derive(ClassState& made, const std::string& parent);
    std::optional<values::PropertyKey> member_key(std::string_view name);
    void add_member(ClassState& made, const glue::Export& member);
    values::Eventual<values::Value> destroy_closure(const glue::Closure& closure, std::uint32_t a,
                                                    std::uint32_t b);
    // A trap as JavaScript sees it; the end of the stack and other limits are faults.
    values::Thrown thrown_by_trap(Error error);

    Instance& instance_;
    const std::shared_ptr<const BindgenPlan> plan_;
    const BindgenLimits limits_;
    const std::unique_ptr<BindgenServices> services_;
    values::World world_;
    std::vector<values::Value> texts_;
    std::vector<values::PropertyKey> keys_;
    std::vector<Export> wasm_exports_;  // by the plan's numbers
    std::map<std::string, std::unique_ptr<GuestFunction>, std::less<>> helpers_;
    std::vector<std::optional<values::Value>> variables_;
    std::map<std::string, values::Value, std::less<>> constants_;
    std::vector<ClassState> classes_;
    std::set<std::uint32_t> making_;  // classes whose parent is being made
    std::map<const values::Object*, std::uint32_t> prototypes_;
    values::Ref<values::Object> exports_;
    values::Value all_exports_;
    std::shared_ptr<BindgenMemory> memory_;
    values::Ref<values::MemoryObject> memory_object_;
    HandleSlab slab_;
    std::optional<wasmtime_table_t> table_;
    std::size_t collect_at_cells_;
    std::size_t collect_at_bytes_;
    std::vector<BindgenActivation*> activations_;
    std::optional<values::Thrown> in_flight_;
    std::optional<std::pair<values::Value, Error>> last_trap_;
    bool unwound_ = false;
    std::uint32_t rounds_ = 0;
    const char* stack_top_ = nullptr;
    const std::size_t stack_bytes_;
    std::unique_ptr<BindgenSteps> steps_;
};

}  // namespace realm::sandbox
