// A guest at rest, as a job drives it: calls of its exports, and its memory between them.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "sandbox/guest_memory.h"
#include "sandbox/module_info.h"

namespace realm::sandbox {

class BindgenHost;
class Instance;

// A number of WebAssembly, in the order of ValueType.
using Value = std::variant<std::int32_t, std::int64_t, float, double>;
using Values = std::vector<Value>;

// Handed to a job by reference, valid until the job ends. Its functions are called by the job
// alone, between two calls of the guest.
class Guest {
public:
    explicit Guest(Instance& instance) : instance_(instance) {}

    [[nodiscard]] const ModuleInfo& info() const;
    [[nodiscard]] const std::string& program_name() const;

    // Awaited, calls an export and gives its results. A trap or an error of a host function fails
    // the call, not the guest: what the guest keeps in memory stays, and its stack pointer is set
    // back where it exports that. no_such_export, bad_export_type and bad_arguments
    // (invalid_request) call nothing.
    class Call {
    public:
        Call(Instance& instance, std::string name, Values arguments)
            : instance_(instance), name_(std::move(name)), arguments_(std::move(arguments)) {}
        bool await_ready();
        void await_suspend(std::coroutine_handle<> job);
        Result<Values> await_resume();

    private:
        Instance& instance_;
        std::string name_;
        Values arguments_;
    };
    [[nodiscard]] Call call(std::string name, Values arguments) {
        return {instance_, std::move(name), std::move(arguments)};
    }

    // The exported memory, or the imported one; empty when there is none. Valid until the next
    // call or growth.
    [[nodiscard]] GuestMemory memory();
    // Adds pages for `bytes` bytes and gives the offset of the first: memory that no allocator of
    // the guest knows. program_limit/memory beyond the limit.
    Result<std::uint32_t> grow_memory(std::uint32_t bytes);
    // The text of a value of the host's that the module gave as a handle (an error it made, say);
    // the handle is released. Empty for one that was never given.
    std::string take_host_value(std::uint32_t handle);

    // For this folder: what stands in for JavaScript; null for a program without bindings.
    [[nodiscard]] BindgenHost* bindgen();

private:
    Instance& instance_;
};

// What a guest is to do; called once, with the guest at rest. The function object is kept until
// its task is done, so a coroutine lambda may use its captures.
using Job = std::move_only_function<base::Task<Result<void>>(Guest&)>;

// An export whose signature was checked against a C++ one: TypedExport<std::int32_t(float)>.
template <class Function>
class TypedExport;

template <class Return, class... Arguments>
class TypedExport<Return(Arguments...)> {
public:
    // no_such_export or bad_export_type.
    static Result<TypedExport> find(Guest& guest, std::string name);

    base::Task<Result<Return>> operator()(Arguments... arguments) const {
        auto results = co_await guest_->call(name_, as_values(arguments...));
        if (!results) {
            co_return std::unexpected(std::move(results.error()));
        }
        if constexpr (std::is_void_v<Return>) {
            co_return Result<void>();
        } else {
            co_return std::get<Return>(results->front());
        }
    }

private:
    // Apart from the coroutine: GCC 12 rejects an initializer list in it.
    static Values as_values(Arguments... arguments) { return {Value(arguments)...}; }
    TypedExport(Guest& guest, std::string name) : guest_(&guest), name_(std::move(name)) {}

    Guest* guest_;
    std::string name_;
};

// The signature of a function that the program exports: no_such_export, or bad_export_type where
// it takes or gives references.
Result<Signature> signature_of_export(const std::string& program, const ModuleInfo& info,
                                      std::string_view name);
// The same, refused with bad_export_type unless it is `wanted`.
Result<void> check_export(const std::string& program, const ModuleInfo& info, std::string_view name,
                          const Signature& wanted);

template <class Return, class... Arguments>
Result<TypedExport<Return(Arguments...)>> TypedExport<Return(Arguments...)>::find(
    Guest& guest, std::string name) {
    Signature wanted{.parameters = {detail::Number<Arguments>::kType...}, .results = {}};
    if constexpr (!std::is_void_v<Return>) {
        wanted.results = {detail::Number<Return>::kType};
    }
    if (auto checked = check_export(guest.program_name(), guest.info(), name, wanted); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    return TypedExport(guest, std::move(name));
}

}  // namespace realm::sandbox
