// Runs guests with everything they may import, but a model.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/tests/manual_time.h"
#include "interfaces/run_host.h"
#include "interfaces/tests/fakes.h"
#include "sandbox/executor.h"
#include "sandbox/runtime.h"

namespace realm::interfaces::testing {

class GuestTest : public ::testing::Test {
protected:
    GuestTest();

    // A module whose realm_run has `body`, which calls its imports by their names ($fd_write); one
    // page of memory with `data` at offset 64.
    static std::string module(const std::string& body, const std::string& data = "");

    // Starts the export `entry` of a module, text or binary; how that ends.
    std::future<sandbox::RunOutcome> start(std::span<const std::byte> wasm,
                                           const std::string& entry = "realm_run",
                                           WasiConfig wasi = {});
    std::optional<Error> run(const std::string& wat, WasiConfig wasi = {});

    // Runs `call`, an expression of type i32, and traps unless it gives `expected`.
    void expect_status(const std::string& call, std::int32_t expected,
                       const std::string& data = "");

    base::testing::ManualTime time_;
    ModelDirectory models_;
    TextWorkers workers_{{.threads = 1, .queue = 8}};
    std::shared_ptr<FakeRun> run_ = std::make_shared<FakeRun>("[1,2]");
    std::shared_ptr<FakeLog> log_ = std::make_shared<FakeLog>();
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::unique_ptr<sandbox::Executor> executor_;
};

// A pointer argument of a function, for tests with bad ones.
struct PointerCase {
    const char* function;
    // The arguments with %P and %N where the pointer and its length or count stand.
    const char* arguments;
    int parameter;  // counted from 1, a pointer and its length together
    int element;    // bytes
    bool has_length;
};

// `(call $function ...)` with these two, its result dropped.
std::string call_of(const PointerCase& item, std::uint32_t pointer, std::uint32_t count);

}  // namespace realm::interfaces::testing
