// A call of a guest's function by what stands in for JavaScript: from a job, or from within an
// import that the same guest has called. Internal.
#pragma once

#include <boost/container/small_vector.hpp>
#include <coroutine>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/wasmtime_handles.h"
#include "values/completion.h"
#include "values/function.h"

namespace realm::sandbox {

struct BindgenActivation;
class BindgenHost;

// A function of the guest and its type.
struct GuestFunction {
    std::string name;  // of its export, for messages
    wasmtime_func_t function{};
    std::vector<wasm_valkind_t> parameters;
    std::vector<wasm_valkind_t> results;
};

using RawValues = boost::container::small_vector<wasmtime_val_t, 8>;

// What an import waits for, on the guest's fiber.
class BindgenWaiting {
public:
    BindgenWaiting() = default;
    BindgenWaiting(const BindgenWaiting&) = delete;
    BindgenWaiting& operator=(const BindgenWaiting&) = delete;
    // Each time the guest is polled. Resumes the coroutine that waits once there is nothing to wait
    // for, which may be the end of this object; false before.
    virtual bool poll() = 0;

protected:
    ~BindgenWaiting() = default;
};

// Awaited in a coroutine of values::Eventual. From a job the guest is polled once, which is the end
// of most calls; else it suspends until the executor has run the guest. Within an import the
// guest's fiber stands in our callback, so a second fiber is polled from there: at once, and, when
// the guest gives way, each time the first one is polled. Either way the guest yields at ticks as
// always and its time is counted.
//
// A call ends with the guest's result, with what the guest threw through an import, with a
// RuntimeError for a trap, or with a fault.
class GuestCall final : public BindgenWaiting {
public:
    // Both outlive it. `arguments` have the function's types; references among them are let go.
    GuestCall(BindgenHost& host, const GuestFunction& function, RawValues arguments);
    ~GuestCall();
    GuestCall(const GuestCall&) = delete;
    GuestCall& operator=(const GuestCall&) = delete;

    // What is awaited. Apart, since GCC 12 copies an awaited object.
    struct Ended {
        GuestCall* call;
        [[nodiscard]] bool await_ready() const { return call->start(); }
        void await_suspend(std::coroutine_handle<> waiting) const { call->wait(waiting); }
        values::Completion<values::Value> await_resume() const { return call->take(); }
    };
    // Once. The call stays where it is until then.
    [[nodiscard]] Ended ended() { return {this}; }

    // Within an import: runs the guest.
    bool poll() override;

private:
    // True when there is nothing to wait for.
    bool start();
    void wait(std::coroutine_handle<> waiting);
    values::Completion<values::Value> take();
    void begin();

    BindgenHost& host_;
    const GuestFunction& function_;
    RawValues arguments_;
    RawValues results_;
    wasm_trap_t* trap_ = nullptr;
    wasmtime_error_t* error_ = nullptr;
    // The import that it is made in, if it is; deeper ones may be open while it is polled.
    BindgenActivation* activation_ = nullptr;
    bool refused_ = false;  // too deep
    std::coroutine_handle<> waiting_;
    FutureHandle future_;  // of a nested call; borrows the above
};

// Awaited where the host's own work goes round and round: now and then it gives way, as the guest
// does at ticks. Within an import the guest's fiber stands in our callback and is suspended with
// it; from a job the executor is told.
class BindgenBreath final : public BindgenWaiting {
public:
    explicit BindgenBreath(BindgenHost& host) : host_(host) {}
    ~BindgenBreath();
    BindgenBreath(const BindgenBreath&) = delete;
    BindgenBreath& operator=(const BindgenBreath&) = delete;

    // Apart, since GCC 12 copies an awaited object.
    struct Taken {
        BindgenBreath* breath;
        [[nodiscard]] bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> waiting) const { breath->wait(waiting); }
        void await_resume() const { breath->go_on(); }
    };
    [[nodiscard]] Taken taken() { return {this}; }

    bool poll() override;

private:
    void wait(std::coroutine_handle<> waiting);
    void go_on();

    BindgenHost& host_;
    BindgenActivation* activation_ = nullptr;
    std::uint64_t turn_ = 0;  // in which it began to wait
    std::coroutine_handle<> waiting_;
};

}  // namespace realm::sandbox
