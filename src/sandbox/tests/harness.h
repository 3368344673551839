// What the sandbox's tests share: a host object with functions of every kind, and a runtime and an
// executor around it.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sandbox/executor.h"
#include "sandbox/host_function.h"
#include "sandbox/runtime.h"

namespace realm::sandbox::testing {

struct Point {
    std::int32_t x;
    std::int32_t y;
};

// The functions that test guests import. Safe for several guests at once.
class Probe {
public:
    std::int32_t add(std::int32_t a, std::int32_t b) { return a + b; }
    std::int32_t multiply(std::int32_t a, std::int32_t b) { return a * b; }
    double mix(std::int64_t a, std::uint64_t b, float c, double d) {
        return static_cast<double>(a) + static_cast<double>(b) + static_cast<double>(c) + d;
    }
    void note(std::int32_t value);
    std::uint32_t text(std::string_view text);
    void fill(std::span<std::uint32_t> out);
    std::int64_t sum(std::span<const std::int64_t> values);
    void move_point(In<Point> from, Out<Point> to);
    HostResult<std::int32_t> refuse(std::int32_t really);
    // The byte at an address that lies at an address.
    HostResult<std::int32_t> follow(Caller caller, In<std::uint32_t> where);
    std::int64_t cpu(Caller caller) { return caller.cpu_time().count(); }
    void leave(Caller caller) { caller.end_run(); }
    void boom() { throw std::runtime_error("boom"); }
    void boom_number() { throw 7; }

    void answer(std::int32_t value, Completion done) { done.resolve(value + 1); }
    void wait(std::int32_t value, Completion done);
    void wait_with(std::string_view text, Completion done);
    void drop(Completion done) { const Completion dropped = std::move(done); }
    void fail_later(Completion done);
    void boom_waiting(Completion done);

    // Blocks until a guest waits; its Completion.
    Completion take_waiting();
    // Blocks until `count` values were noted; all so far.
    std::vector<std::int32_t> notes(std::size_t count);
    std::string last_text();

private:
    void wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& reached);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Completion> waiting_;
    std::vector<std::int32_t> notes_;
    std::string text_;
};

struct TestHost {
    Probe probe;
};

std::vector<HostFunction> test_functions();

// (module <imports> <marker> <body>)
std::string module_text(std::string_view imports, std::string_view body);

// A run that was started and its end.
struct Started {
    std::shared_ptr<Execution> execution;
    std::future<RunOutcome> outcome;
};

RuntimeOptions small_options();

// Owns one of each; start() with a program's text or a compiled one.
class Harness {
public:
    explicit Harness(const ExecutorOptions& executor = {},
                     const RuntimeOptions& runtime = small_options());

    [[nodiscard]] Runtime& runtime() { return *runtime_; }
    [[nodiscard]] Executor& executor() { return *executor_; }
    [[nodiscard]] const std::shared_ptr<TestHost>& host() { return host_; }
    [[nodiscard]] Probe& probe() { return host_->probe; }

    Result<std::shared_ptr<const Program>> compile(std::string_view text);
    Started start(const std::shared_ptr<const Program>& program, const InstanceLimits& limits = {},
                  std::string entry = "run");
    // Compiles, runs and waits for the end.
    RunOutcome run(std::string_view text, const InstanceLimits& limits = {},
                   std::string entry = "run");
    void destroy_executor() { executor_.reset(); }

private:
    std::shared_ptr<TestHost> host_ = std::make_shared<TestHost>();
    std::shared_ptr<Runtime> runtime_;
    std::unique_ptr<Executor> executor_;
};

// The parts of an error that tests compare; "" for none.
std::string code_of(const RunOutcome& outcome);
std::string message_of(const RunOutcome& outcome);

inline constexpr std::string_view kSpin = R"(
    (func (export "run") i32.const 1 call $note (loop $again br $again)))";
inline constexpr std::string_view kNoteImport =
    R"((import "env" "realm_note" (func $note (param i32))))";
inline constexpr std::string_view kWaitImports = R"(
    (import "env" "realm_note" (func $note (param i32)))
    (import "env" "realm_wait" (func $wait (param i32) (result i32))))";
// Waits once and notes the answer.
inline constexpr std::string_view kWaitOnce = R"(
    (func (export "run") i32.const 5 call $wait call $note))";

}  // namespace realm::sandbox::testing
