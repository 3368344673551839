// Guests call every function of WASI, with good and bad pointers.
#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "interfaces/tests/guest_harness.h"

namespace realm::interfaces {
namespace {

using testing::call_of;
using testing::PointerCase;

class WasiCalls : public testing::GuestTest {
protected:
    static WasiConfig config() {
        return {.arguments = {"guest", "x"},
                .environment = {"A=1"},
                .scratch = {.bytes = 1000, .entries = 10}};
    }
};

// Every pointer of every function; elements of 8 bytes need an alignment of 8, iovecs of 4.
constexpr PointerCase kPointers[] = {
    {"args_get", "%P (i32.const 512)", 1, 8, false},  // two of four bytes
    {"args_get", "(i32.const 512) %P", 2, 8, false},  // "guest", "x" and their zeros
    {"args_sizes_get", "%P (i32.const 512)", 1, 4, false},
    {"args_sizes_get", "(i32.const 512) %P", 2, 4, false},
    {"environ_get", "%P (i32.const 512)", 1, 4, false},
    {"environ_get", "(i32.const 512) %P", 2, 4, false},
    {"environ_sizes_get", "%P (i32.const 512)", 1, 4, false},
    {"environ_sizes_get", "(i32.const 512) %P", 2, 4, false},
    {"clock_res_get", "(i32.const 0) %P", 2, 8, false},
    {"clock_time_get", "(i32.const 0) (i64.const 0) %P", 3, 8, false},
    {"fd_fdstat_get", "(i32.const 1) %P", 2, 24, false},
    {"fd_filestat_get", "(i32.const 1) %P", 2, 64, false},
    {"fd_pread", "(i32.const 3) %P %N (i64.const 0) (i32.const 512)", 2, 8, true},
    {"fd_pread", "(i32.const 3) (i32.const 0) (i32.const 0) (i64.const 0) %P", 4, 4, false},
    {"fd_prestat_get", "(i32.const 3) %P", 2, 8, false},
    {"fd_prestat_dir_name", "(i32.const 3) %P %N", 2, 1, true},
    {"fd_pwrite", "(i32.const 3) %P %N (i64.const 0) (i32.const 512)", 2, 8, true},
    {"fd_pwrite", "(i32.const 3) (i32.const 0) (i32.const 0) (i64.const 0) %P", 4, 4, false},
    {"fd_read", "(i32.const 0) %P %N (i32.const 512)", 2, 8, true},
    {"fd_read", "(i32.const 0) (i32.const 0) (i32.const 0) %P", 3, 4, false},
    {"fd_readdir", "(i32.const 3) %P %N (i64.const 0) (i32.const 512)", 2, 1, true},
    {"fd_readdir", "(i32.const 3) (i32.const 0) (i32.const 0) (i64.const 0) %P", 4, 4, false},
    {"fd_seek", "(i32.const 3) (i64.const 0) (i32.const 0) %P", 4, 8, false},
    {"fd_tell", "(i32.const 3) %P", 2, 8, false},
    {"fd_write", "(i32.const 1) %P %N (i32.const 512)", 2, 8, true},
    {"fd_write", "(i32.const 1) (i32.const 0) (i32.const 0) %P", 3, 4, false},
    {"path_create_directory", "(i32.const 3) %P %N", 2, 1, true},
    {"path_filestat_get", "(i32.const 3) (i32.const 0) %P %N (i32.const 512)", 3, 1, true},
    {"path_filestat_get", "(i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) %P", 4, 64,
     false},
    {"path_filestat_set_times",
     "(i32.const 3) (i32.const 0) %P %N (i64.const 0) (i64.const 0) (i32.const 0)", 3, 1, true},
    {"path_link", "(i32.const 3) (i32.const 0) %P %N (i32.const 3) (i32.const 64) (i32.const 1)", 3,
     1, true},
    {"path_link", "(i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 3) %P %N", 5,
     1, true},
    {"path_open",
     "(i32.const 3) (i32.const 0) %P %N (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) "
     "(i32.const 512)",
     3, 1, true},
    {"path_open",
     "(i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 0) (i64.const 0) "
     "(i64.const 0) (i32.const 0) %P",
     8, 4, false},
    {"path_readlink", "(i32.const 3) %P %N (i32.const 64) (i32.const 1) (i32.const 512)", 2, 1,
     true},
    {"path_readlink", "(i32.const 3) (i32.const 64) (i32.const 1) %P %N (i32.const 512)", 3, 1,
     true},
    {"path_readlink", "(i32.const 3) (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 0) %P",
     4, 4, false},
    {"path_remove_directory", "(i32.const 3) %P %N", 2, 1, true},
    {"path_rename", "(i32.const 3) %P %N (i32.const 3) (i32.const 64) (i32.const 1)", 2, 1, true},
    {"path_rename", "(i32.const 3) (i32.const 64) (i32.const 1) (i32.const 3) %P %N", 4, 1, true},
    {"path_symlink", "%P %N (i32.const 3) (i32.const 64) (i32.const 1)", 1, 1, true},
    {"path_symlink", "(i32.const 64) (i32.const 1) (i32.const 3) %P %N", 3, 1, true},
    {"path_unlink_file", "(i32.const 3) %P %N", 2, 1, true},
    {"poll_oneoff", "%P (i32.const 1024) (i32.const 1) (i32.const 512)", 1, 48, false},
    {"poll_oneoff", "(i32.const 512) %P (i32.const 1) (i32.const 512)", 2, 32, false},
    {"poll_oneoff", "(i32.const 512) (i32.const 1024) (i32.const 1) %P", 4, 4, false},
    {"random_get", "%P %N", 1, 1, true},
    {"sock_accept", "(i32.const 3) (i32.const 0) %P", 3, 4, false},
    {"sock_recv", "(i32.const 3) %P %N (i32.const 0) (i32.const 512) (i32.const 516)", 2, 8, true},
    {"sock_recv", "(i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) %P (i32.const 516)", 4,
     4, false},
    {"sock_recv", "(i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512) %P", 5,
     2, false},
    {"sock_send", "(i32.const 3) %P %N (i32.const 0) (i32.const 512)", 2, 8, true},
    {"sock_send", "(i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) %P", 4, 4, false},
};

TEST_F(WasiCalls, ThereAreFortySix) {
    EXPECT_EQ(wasi_functions().size(), 46U);
    for (const sandbox::HostFunction& function : wasi_functions()) {
        EXPECT_EQ(function.module, "wasi_snapshot_preview1");
    }
}

TEST_F(WasiCalls, EveryFunctionWithAPointerIsInTheList) {
    constexpr std::string_view kWithout[] = {"fd_advise",
                                             "fd_allocate",
                                             "fd_close",
                                             "fd_datasync",
                                             "fd_fdstat_set_flags",
                                             "fd_fdstat_set_rights",
                                             "fd_filestat_set_size",
                                             "fd_filestat_set_times",
                                             "fd_renumber",
                                             "fd_sync",
                                             "proc_exit",
                                             "proc_raise",
                                             "sched_yield",
                                             "sock_shutdown"};
    for (const sandbox::HostFunction& function : wasi_functions()) {
        const bool listed = std::ranges::any_of(
            kPointers, [&](const PointerCase& item) { return function.name == item.function; });
        EXPECT_NE(listed, std::ranges::find(kWithout, function.name) != std::end(kWithout))
            << function.name;
    }
}

TEST_F(WasiCalls, BadPointersEndTheGuest) {
    for (const PointerCase& item : kPointers) {
        const std::uint32_t last = 65536U - static_cast<std::uint32_t>(item.element);
        for (const std::uint32_t pointer : {0xffffffffU, 0x80000000U, 65536U, last + 1}) {
            const auto error = run(module(call_of(item, pointer, 1)), config());
            ASSERT_TRUE(error.has_value()) << item.function << " " << pointer;
            EXPECT_EQ(error->type, ErrorType::kProgramTrap);
            EXPECT_EQ(error->code, "bad_pointer");
            EXPECT_TRUE(error->message.starts_with(
                std::string("program 'guest': ") + item.function + ": parameter " +
                std::to_string(item.parameter) + ": offset " + std::to_string(pointer)))
                << error->message;
        }
        const auto error = run(module(call_of(item, last, 1)), config());
        EXPECT_EQ(error, std::nullopt) << item.function << ": " << error->message;
    }
}

TEST_F(WasiCalls, LengthsThatOverflowAreBadPointers) {
    for (const PointerCase& item : kPointers) {
        for (const std::uint32_t count : {0xffffffffU, 0x80000000U, 0x20000001U}) {
            if (item.has_length) {
                const auto error = run(module(call_of(item, 64, count)), config());
                ASSERT_TRUE(error.has_value()) << item.function << " " << count;
                EXPECT_EQ(error->code, "bad_pointer") << error->message;
            }
        }
    }
}

TEST_F(WasiCalls, BuffersInsideOfBuffersAreChecked) {
    const std::string calls[] = {
        "(call $fd_write (i32.const 1) (i32.const 64) (i32.const 2) (i32.const 512))",
        "(call $fd_read (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 512))",
        "(call $fd_pwrite (local.get 0) (i32.const 64) (i32.const 2) (i64.const 0) "
        "(i32.const 512))",
        "(call $fd_pread (local.get 0) (i32.const 64) (i32.const 2) (i64.const 0) "
        "(i32.const 512))"};
    // The first buffer is fine. The second begins before the end and ends behind it, or wraps.
    for (const char* second : {R"(\ff\ff\00\00\02\00\00\00)", R"(\ff\ff\ff\ff\01\00\00\00)",
                               R"(\01\00\00\00\ff\ff\ff\ff)", R"(\00\00\01\00\01\00\00\00)"}) {
        for (const std::string& call : calls) {
            const std::string open =
                "(local i32) (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 80) "
                "(i32.const 1) (i32.const 1) (i64.const -1) (i64.const 0) (i32.const 0) "
                "(i32.const 512))) (local.set 0 (i32.load (i32.const 512)))";
            const auto error =
                run(module(std::string(open).append("(drop ").append(call).append(")"),
                           std::string(R"(\00\02\00\00\04\00\00\00)") + second + "f"),
                    config());
            ASSERT_TRUE(error.has_value()) << call;
            EXPECT_EQ(error->code, "bad_pointer");
            EXPECT_NE(error->message.find(": buffer 2: offset "), std::string::npos)
                << error->message;
        }
    }
}

// A clock's subscription at 64, relative, of so many nanoseconds in the second byte of the
// timeout: 0x0100 is 256 ns.
constexpr const char* kWait =
    R"(\2a\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\01)";

TEST_F(WasiCalls, APollWaitsWithoutAThreadAndWritesItsEvents) {
    const std::string wat = module(R"(
        (if (call $poll_oneoff (i32.const 64) (i32.const 1024) (i32.const 1) (i32.const 512))
            (then unreachable))
        (drop (memory.grow (i32.const 1)))
        (if (i32.ne (i32.load (i32.const 512)) (i32.const 1)) (then unreachable))
        (if (i64.ne (i64.load (i32.const 1024)) (i64.const 42)) (then unreachable))
        (if (i32.load (i32.const 1032)) (then unreachable)))",
                                   kWait);
    auto ended = start(base::as_bytes(wat));
    time_.wait_for_timer();
    time_.advance(std::chrono::nanoseconds(255));
    EXPECT_EQ(time_.timers(), 1U);
    time_.advance(std::chrono::nanoseconds(1));
    EXPECT_EQ(ended.get().error, std::nullopt);
}

TEST_F(WasiCalls, ARunThatEndsLeavesNoTimer) {
    const std::string wat = module(
        "(drop (call $poll_oneoff (i32.const 64) (i32.const 1024) (i32.const 1) (i32.const 512)))",
        kWait);
    auto program = runtime_->compile("guest", base::as_bytes(wat)).value();
    const SharedServices services{.models = models_, .workers = workers_, .time = time_};
    std::promise<sandbox::RunOutcome> ended;
    auto execution = executor_->start(
        program, "realm_run",
        std::make_shared<RunHost>(services, RunHostLimits{}, inference::Account{}, run_, log_), {},
        [&](sandbox::RunOutcome outcome) { ended.set_value(std::move(outcome)); });
    time_.wait_for_timer();
    execution->cancel(fail(ErrorType::kCancelled, "by_test", "enough").error());
    EXPECT_EQ(ended.get_future().get().error->code, "by_test");
    EXPECT_EQ(time_.timers(), 0U);
}

TEST_F(WasiCalls, ExitEndsTheRun) {
    EXPECT_EQ(run(module("(call $proc_exit (i32.const 0)) unreachable")), std::nullopt);
    const auto error = run(module("(call $proc_exit (i32.const 3)) unreachable"));
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->type, ErrorType::kProgramTrap);
    EXPECT_EQ(error->code, "exit");
    EXPECT_EQ(error->message, "program 'guest': it ended with exit status 3");
    EXPECT_EQ(error->details, R"({"status":3})");
}

TEST_F(WasiCalls, CpuClocksAreTheRuns) {
    EXPECT_EQ(run(module(R"(
        (if (call $clock_time_get (i32.const 2) (i64.const 0) (i32.const 64)) (then unreachable))
        (if (call $clock_time_get (i32.const 3) (i64.const 0) (i32.const 72)) (then unreachable))
        (if (i64.eqz (i64.load (i32.const 64))) (then unreachable))
        (if (i64.lt_u (i64.load (i32.const 72)) (i64.load (i32.const 64))) (then unreachable)))")),
              std::nullopt);
}

TEST_F(WasiCalls, WhatPreviewOneDoesNotHaveTrapsByName) {
    const auto error = run(R"((module
        (import "wasi_snapshot_preview1" "fd_dup" (func $dup (param i32) (result i32)))
        (import "wasi_unstable" "sched_yield" (func $yield (result i32)))
        (memory (export "memory") 1)
        (func (export "realm_abi_version") (result i32) i32.const 65536)
        (func (export "realm_run") (drop (call $yield)))))");
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->message,
              "program 'guest' called import 'wasi_unstable.sched_yield', which this server does "
              "not provide");
}

}  // namespace
}  // namespace realm::interfaces
