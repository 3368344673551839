// How a C++ member function becomes a function that guests import: its wasm signature is derived
// from its C++ one, its pointers are checked, and it may suspend the guest.
//
// A bound method takes, in order, any of
//   std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, float, double   one value
//   std::string_view, std::span<const T>                    (offset, count): input, read-only
//   std::span<T>                                            (offset, count): output
//   In<T> / Out<T>                                          (offset): one struct, in or out
//   Caller                                                  nothing: the guest that calls
// and, last, if it suspends, a Completion. It returns one of the number types or void, or
// HostResult of those; a method with a Completion returns void and the guest gets the
// int32 given to resolve(). Views are valid during the call only.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "sandbox/guest_memory.h"

namespace realm::sandbox {

enum class ValueType : std::uint8_t { kI32, kI64, kF32, kF64 };

struct Signature {
    std::vector<ValueType> parameters;
    std::vector<ValueType> results;
    friend bool operator==(const Signature&, const Signature&) = default;
};

// Returning an Error from a bound method ends the guest with it.
template <class T>
using HostResult = std::expected<T, Error>;

// A struct that the guest passes by address; copied in before the method runs.
template <class T>
struct In {
    T value;
    const T* operator->() const { return &value; }
};

// A struct at an address the guest gave; written at once.
template <class T>
class Out {
public:
    explicit Out(T* place) : place_(place) {}
    void set(const T& value) { *place_ = value; }

private:
    T* place_;
};

// Computes what a suspended call returns, once the guest goes on: on its thread, with its memory as
// it is then. It must not take long.
using Finish = std::move_only_function<HostResult<std::int32_t>(const GuestMemory&)>;

class Waiter;  // where a suspended instance and whoever completes its call meet

// Ends a suspension, once, from any thread, also after the guest is gone (then without effect).
// Destroying it unresolved ends the guest with an internal error: no call is left hanging.
class Completion {
public:
    explicit Completion(std::shared_ptr<Waiter> waiter) : waiter_(std::move(waiter)) {}
    Completion(Completion&&) noexcept = default;
    Completion& operator=(Completion&&) noexcept = default;
    Completion(const Completion&) = delete;
    Completion& operator=(const Completion&) = delete;
    ~Completion();

    void resolve(std::int32_t value);
    // For what has to reach the guest's memory. `finish` is dropped when the guest is gone.
    void resolve_with(Finish finish);
    // Ends the guest with `error`.
    void trap(Error error);

private:
    std::shared_ptr<Waiter> waiter_;
};

// The layout of Wasmtime's raw values.
union alignas(8) RawValue {
    std::int32_t i32;
    std::int64_t i64;
    float f32;
    double f64;
    std::array<std::byte, 16> bytes;
};

// How much CPU time the run of a guest has used so far; implemented by the run.
class CpuClock {
public:
    CpuClock() = default;
    CpuClock(const CpuClock&) = delete;
    CpuClock& operator=(const CpuClock&) = delete;
    virtual ~CpuClock() = default;

    [[nodiscard]] virtual std::chrono::nanoseconds cpu_time() const = 0;
};

// One call of a host function, as the wrapper hands it to a thunk. Lives on the guest's fiber.
class HostCall {
public:
    HostCall(void* host, std::string_view function, GuestMemory memory, std::span<RawValue> values,
             const CpuClock& clock)
        : host_(host), function_(function), memory_(memory), values_(values), clock_(&clock) {}

    [[nodiscard]] void* host() const { return host_; }
    [[nodiscard]] const GuestMemory& memory() const { return memory_; }
    [[nodiscard]] RawValue& value(std::size_t index) { return values_[index]; }
    [[nodiscard]] bool failed() const { return error_ != nullptr; }
    // The first error counts.
    void fail(Error error);
    void bad_pointer(std::size_t parameter, const BadPointer& problem);
    [[nodiscard]] std::string_view function() const { return function_; }
    [[nodiscard]] const CpuClock& clock() const { return *clock_; }
    [[nodiscard]] std::unique_ptr<Error> take_error() { return std::move(error_); }
    void end_run() { ends_run_ = true; }
    [[nodiscard]] bool ends_run() const { return ends_run_; }

private:
    void* host_;
    std::string_view function_;
    GuestMemory memory_;
    std::span<RawValue> values_;
    const CpuClock* clock_;
    std::unique_ptr<Error> error_;
    bool ends_run_ = false;
};

// The guest behind a call, for a method that follows pointers inside of structs or ends the run.
// Valid during the call only.
class Caller {
public:
    explicit Caller(HostCall& call) : call_(&call) {}

    [[nodiscard]] const GuestMemory& memory() const { return call_->memory(); }
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const { return call_->clock().cpu_time(); }
    // The error that ends the guest for a pointer; `what` names it ("buffer 2").
    [[nodiscard]] Error bad_pointer(std::string_view what, const BadPointer& problem) const;
    // Once the method has returned, the run ends as if its entry had.
    void end_run() { call_->end_run(); }

private:
    HostCall* call_;
};

// One importable function. `host` in the call is the object given to Executor::start.
struct HostFunction {
    using Thunk = void (*)(HostCall&);
    using SuspendingThunk = void (*)(HostCall&, Completion);

    std::string name;
    std::string module = "env";
    Signature signature;
    Thunk thunk = nullptr;  // exactly one of the two is set
    SuspendingThunk suspending_thunk = nullptr;
};

// The function that an import of `module`.`name` means; null when there is none.
const HostFunction* find_function(std::span<const HostFunction> functions, std::string_view module,
                                  std::string_view name);

namespace detail {

template <class T>
struct Number;
template <>
struct Number<std::int32_t> {
    static constexpr ValueType kType = ValueType::kI32;
    static std::int32_t get(const RawValue& v) { return v.i32; }
    static void set(RawValue& v, std::int32_t x) { v.i32 = x; }
};
template <>
struct Number<std::uint32_t> {
    static constexpr ValueType kType = ValueType::kI32;
    static std::uint32_t get(const RawValue& v) { return std::bit_cast<std::uint32_t>(v.i32); }
    static void set(RawValue& v, std::uint32_t x) { v.i32 = std::bit_cast<std::int32_t>(x); }
};
template <>
struct Number<std::int64_t> {
    static constexpr ValueType kType = ValueType::kI64;
    static std::int64_t get(const RawValue& v) { return v.i64; }
    static void set(RawValue& v, std::int64_t x) { v.i64 = x; }
};
template <>
struct Number<std::uint64_t> {
    static constexpr ValueType kType = ValueType::kI64;
    static std::uint64_t get(const RawValue& v) { return std::bit_cast<std::uint64_t>(v.i64); }
    static void set(RawValue& v, std::uint64_t x) { v.i64 = std::bit_cast<std::int64_t>(x); }
};
template <>
struct Number<float> {
    static constexpr ValueType kType = ValueType::kF32;
    static float get(const RawValue& v) { return v.f32; }
    static void set(RawValue& v, float x) { v.f32 = x; }
};
template <>
struct Number<double> {
    static constexpr ValueType kType = ValueType::kF64;
    static double get(const RawValue& v) { return v.f64; }
    static void set(RawValue& v, double x) { v.f64 = x; }
};

// Argument<T>: how many wasm values make a T, and how to read it at value index `at`, as
// parameter number `parameter` of the function. On a bad pointer the call is failed.
template <class T>
struct Argument {
    static constexpr std::size_t kValues = 1;
    static void types(std::vector<ValueType>& out) { out.push_back(Number<T>::kType); }
    static T read(HostCall& call, std::size_t at, std::size_t /*parameter*/) {
        return Number<T>::get(call.value(at));
    }
};

template <class T>
struct Argument<std::span<T>> {
    static constexpr std::size_t kValues = 2;
    static void types(std::vector<ValueType>& out) { out.insert(out.end(), 2, ValueType::kI32); }
    static std::span<T> read(HostCall& call, std::size_t at, std::size_t parameter) {
        const auto range = call.memory().span<T>(Number<std::uint32_t>::get(call.value(at)),
                                                 Number<std::uint32_t>::get(call.value(at + 1)));
        if (!range) {
            call.bad_pointer(parameter, range.error());
            return {};
        }
        return *range;
    }
};

template <>
struct Argument<std::string_view> {
    static constexpr std::size_t kValues = 2;
    static void types(std::vector<ValueType>& out) { out.insert(out.end(), 2, ValueType::kI32); }
    static std::string_view read(HostCall& call, std::size_t at, std::size_t parameter) {
        const auto text = Argument<std::span<const char>>::read(call, at, parameter);
        return {text.data(), text.size()};
    }
};

template <class T>
struct Argument<In<T>> {
    static constexpr std::size_t kValues = 1;
    static void types(std::vector<ValueType>& out) { out.push_back(ValueType::kI32); }
    static In<T> read(HostCall& call, std::size_t at, std::size_t parameter) {
        const auto place =
            call.memory().span<const T>(Number<std::uint32_t>::get(call.value(at)), 1);
        if (!place) {
            call.bad_pointer(parameter, place.error());
            return {};
        }
        return {place->front()};
    }
};

template <class T>
struct Argument<Out<T>> {
    static constexpr std::size_t kValues = 1;
    static void types(std::vector<ValueType>& out) { out.push_back(ValueType::kI32); }
    static Out<T> read(HostCall& call, std::size_t at, std::size_t parameter) {
        const auto place = call.memory().span<T>(Number<std::uint32_t>::get(call.value(at)), 1);
        if (!place) {
            call.bad_pointer(parameter, place.error());
            return Out<T>(nullptr);
        }
        return Out<T>(place->data());
    }
};

template <>
struct Argument<Caller> {
    static constexpr std::size_t kValues = 0;
    static void types(std::vector<ValueType>& /*out*/) {}
    static Caller read(HostCall& call, std::size_t /*at*/, std::size_t /*parameter*/) {
        return Caller(call);
    }
};

template <class T>
struct Returned {
    using Value = T;
    static constexpr bool kFallible = false;
};
template <class T>
struct Returned<HostResult<T>> {
    using Value = T;
    static constexpr bool kFallible = true;
};

template <class... Args>
struct ArgumentList {
    template <std::size_t N>
    static constexpr std::size_t offset() {
        constexpr std::array<std::size_t, sizeof...(Args) + 1> kCounts{Argument<Args>::kValues...,
                                                                       0};
        std::size_t sum = 0;
        for (std::size_t i = 0; i < N; ++i) {
            sum += kCounts[i];
        }
        return sum;
    }
    // The number that a guest's author would give it: a Caller is none of the parameters.
    template <std::size_t N>
    static constexpr std::size_t number() {
        constexpr std::array<bool, sizeof...(Args) + 1> kSeen{(Argument<Args>::kValues > 0)...,
                                                              false};
        return static_cast<std::size_t>(std::count(kSeen.begin(), kSeen.begin() + N, true));
    }
    static std::vector<ValueType> types() {
        std::vector<ValueType> list;
        (Argument<Args>::types(list), ...);
        return list;
    }
    // Braces fix the order: the first bad parameter is the one reported.
    static std::tuple<Args...> read(HostCall& call) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return std::tuple<Args...>{Argument<Args>::read(call, offset<I>(), number<I>())...};
        }(std::index_sequence_for<Args...>{});
    }
};

template <class Return>
void store_result(HostCall& call, Return&& returned) {
    using Kind = Returned<std::remove_cvref_t<Return>>;
    if constexpr (Kind::kFallible) {
        if (!returned) {
            call.fail(std::move(returned.error()));
        } else if constexpr (!std::is_void_v<typename Kind::Value>) {
            Number<typename Kind::Value>::set(call.value(0), *returned);
        }
    } else {
        Number<typename Kind::Value>::set(call.value(0), returned);
    }
}

template <class Member>
struct MemberObject;
template <class Host, class Object>
struct MemberObject<Object Host::*> {
    using HostType = Host;
};

// The interface object behind `kMember` of the host object of this call.
template <auto kMember>
auto& object_of(HostCall& call) {
    using Host = typename MemberObject<decltype(kMember)>::HostType;
    return static_cast<Host*>(call.host())->*kMember;
}

template <auto kMember, auto kMethod, class List>
void immediate_thunk(HostCall& call) {
    auto arguments = List::read(call);
    if (call.failed()) {
        return;
    }
    const auto invoke = [&](auto&... values) {
        return (object_of<kMember>(call).*kMethod)(std::move(values)...);
    };
    if constexpr (std::is_void_v<decltype(std::apply(invoke, arguments))>) {
        std::apply(invoke, arguments);
    } else {
        store_result(call, std::apply(invoke, arguments));
    }
}

template <auto kMember, auto kMethod, class List>
void suspending_thunk(HostCall& call, Completion completion) {
    auto arguments = List::read(call);
    if (call.failed()) {
        return;
    }
    std::apply(
        [&](auto&... values) {
            (object_of<kMember>(call).*kMethod)(std::move(values)..., std::move(completion));
        },
        arguments);
}

// ArgumentList of all but the last type.
template <class Done, class... Rest>
struct WithoutLast;
template <class... Done, class Last>
struct WithoutLast<ArgumentList<Done...>, Last> {
    using Type = ArgumentList<Done...>;
};
template <class... Done, class Next, class... Rest>
    requires(sizeof...(Rest) > 0)
struct WithoutLast<ArgumentList<Done...>, Next, Rest...> {
    using Type = typename WithoutLast<ArgumentList<Done..., Next>, Rest...>::Type;
};

template <class... Args>
constexpr bool ends_in_completion() {
    if constexpr (sizeof...(Args) == 0) {
        return false;
    } else {
        return std::is_same_v<std::tuple_element_t<sizeof...(Args) - 1, std::tuple<Args...>>,
                              Completion>;
    }
}

template <auto kMember, auto kMethod, class Return, class... Args>
HostFunction make_function(std::string name, std::string module) {
    HostFunction function{.name = std::move(name), .module = std::move(module), .signature = {}};
    if constexpr (ends_in_completion<Args...>()) {
        static_assert(std::is_void_v<Return>, "a suspending method returns void");
        using List = typename WithoutLast<ArgumentList<>, Args...>::Type;
        function.signature = {.parameters = List::types(), .results = {ValueType::kI32}};
        function.suspending_thunk = &suspending_thunk<kMember, kMethod, List>;
    } else {
        using List = ArgumentList<Args...>;
        function.signature.parameters = List::types();
        if constexpr (!std::is_void_v<typename Returned<Return>::Value>) {
            function.signature.results = {Number<typename Returned<Return>::Value>::kType};
        }
        function.thunk = &immediate_thunk<kMember, kMethod, List>;
    }
    return function;
}

template <auto kMember, auto kMethod, class Class, class Return, class... Args>
HostFunction make_from(std::string name, std::string module, Return (Class::*)(Args...)) {
    return make_function<kMember, kMethod, Return, Args...>(std::move(name), std::move(module));
}

}  // namespace detail

// The host function `name` of `module` that calls `kMethod` on the interface object `kMember` of
// the run's host object: bind<&RunHost::log, &LogInterface::write>("realm_log").
template <auto kMember, auto kMethod>
HostFunction bind(std::string name, std::string module = "env") {
    return detail::make_from<kMember, kMethod>(std::move(name), std::move(module), kMethod);
}

}  // namespace realm::sandbox
