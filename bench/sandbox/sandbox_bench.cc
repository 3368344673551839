// What the sandbox costs: starting a program, calling the host, waiting for it. Each line is the
// median over rounds: {"name": ..., "value": ..., "unit": ..., "better": "lower"}.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "bindgen_bench.h"
#include "sandbox/executor.h"
#include "sandbox/host_function.h"
#include "sandbox/runtime.h"

namespace realm::sandbox {
namespace {

constexpr int kRounds = 9;
constexpr int kLaunches = 2000;
constexpr int kCalls = 1'000'000;
constexpr int kSuspensions = 200'000;

class Host {
public:
    std::int32_t add(std::int32_t a, std::int32_t b) { return a + b; }
    std::uint32_t read(std::string_view text) { return static_cast<std::uint32_t>(text.size()); }
    void answer(std::int32_t value, Completion done) { done.resolve(value); }
    // Two guests wake each other: each call answers the other's and waits itself.
    void swap(std::int32_t last, Completion done) {
        auto other = std::exchange(waiting_, std::nullopt);
        if (last == 0) {
            waiting_ = std::move(done);
        } else {
            done.resolve(0);
        }
        if (other) {
            other->resolve(0);
        }
    }

private:
    std::optional<Completion> waiting_;
};

struct BenchHost {
    Host host;
};

constexpr std::string_view kGuest = R"((module
    (import "env" "realm_add" (func $add (param i32 i32) (result i32)))
    (import "env" "realm_read" (func $read (param i32 i32) (result i32)))
    (import "env" "realm_answer" (func $answer (param i32) (result i32)))
    (import "env" "realm_swap" (func $swap (param i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 1024) "a data segment, as every program has")
    (func (export "realm_abi_version") (result i32) i32.const 65536)
    (func (export "launch") (i32.store (i32.const 2048) (i32.const 1)))
    (func (export "add") (local i32)
        (loop $again
            (local.set 0 (call $add (local.get 0) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get 0) (i32.const 1000000)))))
    (func (export "read") (local i32)
        (loop $again
            (drop (call $read (i32.const 1024) (i32.const 36)))
            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get 0) (i32.const 1000000)))))
    (func (export "answer") (local i32)
        (loop $again
            (drop (call $answer (i32.const 0)))
            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get 0) (i32.const 200000)))))
    (func (export "swap") (local i32)
        (loop $again
            (drop (call $swap (i32.const 0)))
            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get 0) (i32.const 200000))))
        (drop (call $swap (i32.const 1))))))";

template <class T>
T or_throw(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message);
    }
    return std::move(*result);
}

class Bench {
public:
    Bench()
        : runtime_(
              or_throw(Runtime::create({}, {bind<&BenchHost::host, &Host::add>("realm_add"),
                                            bind<&BenchHost::host, &Host::read>("realm_read"),
                                            bind<&BenchHost::host, &Host::answer>("realm_answer"),
                                            bind<&BenchHost::host, &Host::swap>("realm_swap")}))),
          program_(or_throw(runtime_->compile("bench", base::as_bytes(kGuest)))),
          executor_(runtime_, {.threads = 1, .background_threads = 0}) {}

    // Microseconds from one end to the next, each end starting the next run.
    double launch_us() {
        std::promise<void> done;
        int left = kLaunches;
        std::function<void()> next = [&] {
            executor_.start(program_, "launch", host_, {}, [&](const RunOutcome&) {
                if (--left > 0) {
                    next();
                } else {
                    done.set_value();
                }
            });
        };
        const auto begin = base::SteadyClock::now();
        next();
        done.get_future().wait();
        const std::chrono::duration<double, std::micro> took = base::SteadyClock::now() - begin;
        return took.count() / kLaunches;
    }

    // Nanoseconds a call, with `guests` running `entry` at a time.
    double call_ns(const std::string& entry, int calls, int guests) {
        std::vector<std::future<RunOutcome>> ends;
        const auto begin = base::SteadyClock::now();
        for (int i = 0; i < guests; ++i) {
            std::promise<RunOutcome> end;
            ends.push_back(end.get_future());
            executor_.start(program_, entry, host_, {},
                            [end = std::move(end)](RunOutcome outcome) mutable {
                                end.set_value(std::move(outcome));
                            });
        }
        for (auto& end : ends) {
            if (const auto outcome = end.get(); outcome.error) {
                throw std::runtime_error(outcome.error->message);
            }
        }
        const std::chrono::duration<double, std::nano> took = base::SteadyClock::now() - begin;
        return took.count() / calls / guests;
    }

private:
    std::shared_ptr<BenchHost> host_ = std::make_shared<BenchHost>();
    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<const Program> program_;
    Executor executor_;
};

void report(std::string_view name, std::string_view unit, const std::function<double()>& measure) {
    std::vector<double> values;
    for (int i = 0; i < kRounds; ++i) {
        values.push_back(measure());
    }
    std::ranges::nth_element(values, values.begin() + kRounds / 2);
    fmt::print("{{\"name\": \"{}\", \"value\": {:.2f}, \"unit\": \"{}\", \"better\": \"lower\"}}\n",
               name, values[kRounds / 2], unit);
    std::fflush(stdout);
}

void run() {
    Bench bench;
    report("program_launch_us", "us", [&] { return bench.launch_us(); });
    report("host_call_ns", "ns", [&] { return bench.call_ns("add", kCalls, 1); });
    report("host_call_pointer_ns", "ns", [&] { return bench.call_ns("read", kCalls, 1); });
    report("host_call_answered_ns", "ns", [&] { return bench.call_ns("answer", kSuspensions, 1); });
    report("host_call_suspend_ns", "ns", [&] { return bench.call_ns("swap", kSuspensions, 2); });
    report("bindgen_call_us", "us", [] { return measure_bindgen().call_us; });
    report("bindgen_string_us", "us", [] { return measure_bindgen().string_us; });
}

}  // namespace
}  // namespace realm::sandbox

int main() {
    try {
        realm::sandbox::run();
    } catch (const std::exception& exception) {
        fmt::print(stderr, "sandbox_bench: {}\n", exception.what());
        return 1;
    }
    return 0;
}
