// Needs the realm command, which is the process that compiles: $REALM_BIN.
#include "registry/broker_compiler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "base/bytes.h"
#include "sandbox/runtime.h"

namespace realm::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

std::filesystem::path realm_command() {
    const char* const path = std::getenv("REALM_BIN");
    if (path == nullptr) {
        throw std::runtime_error("REALM_BIN must name the realm command");
    }
    return path;
}

// Takes Cranelift at least tens of milliseconds and megabytes.
std::string large_module() {
    constexpr int kFunctions = 400;
    std::string text = "(module";
    for (int i = 0; i < kFunctions; ++i) {
        text += "(func (param i64 i64) (result i64) local.get 0";
        for (int k = 0; k < 100; ++k) {
            text += fmt::format(" local.get 1 i64.mul i64.const {} i64.add local.tee 0", i + k);
        }
        text += ")";
    }
    return text + ")";
}

class Broker : public ::testing::Test {
protected:
    Broker() {
        sandbox::RuntimeOptions options;
        options.max_instances = 4;
        runtime_ = sandbox::Runtime::create(options, {}).value();
    }

    static std::unique_ptr<BrokerCompiler> start(const CompileLimits& limits = {}) {
        return BrokerCompiler::start({.limits = limits, .executable = realm_command()}).value();
    }
    sandbox::CheckedModule check(std::string_view text) {
        return runtime_->check("test", base::as_bytes(text)).value();
    }
    Result<base::SealedMemory> compile(Compiler& compiler, std::string_view text) {
        return compiler.compile(runtime_->code_settings(), check(text).wasm());
    }
    // The limit that was met, and what the error says to programs.
    static void expect_limit(const Result<base::SealedMemory>& result, std::string_view code,
                             std::uint64_t value, std::string_view setting) {
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().type, ErrorType::kProgramLimit) << result.error().message;
        EXPECT_EQ(result.error().code, code) << result.error().message;
        EXPECT_FALSE(result.error().retryable);
        EXPECT_EQ(Json::parse(result.error().details),
                  (Json{{"limit", code}, {"value", value}, {"setting", setting}}));
        EXPECT_THAT(result.error().message, HasSubstr(fmt::format("{} ", value)));
        EXPECT_THAT(result.error().message, HasSubstr(setting));
    }

    std::shared_ptr<sandbox::Runtime> runtime_;
};

TEST_F(Broker, CompilesWhatARuntimeLoads) {
    const auto compiler = start();
    auto checked = check(large_module());
    const auto code = compiler->compile(runtime_->code_settings(), checked.wasm());
    ASSERT_TRUE(code.has_value()) << code.error().message;
    const auto program = runtime_->load(checked, *code);
    ASSERT_TRUE(program.has_value()) << program.error().message;
    EXPECT_EQ((*program)->digest(), checked.digest);
}

TEST_F(Broker, SaysWhyAModuleIsInvalid) {
    const auto compiler = start();
    const auto code = compile(*compiler, "(module (func (result i32)))");
    ASSERT_FALSE(code.has_value());
    EXPECT_EQ(code.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(code.error().code, "invalid_module");
    EXPECT_THAT(code.error().message, HasSubstr("type mismatch"));
    EXPECT_TRUE(compile(*compiler, "(module (func (result i32) i32.const 1))").has_value());
}

TEST_F(Broker, EndsACompilationThatUsesTooMuchProcessorTime) {
    const auto compiler = start({.cpu = std::chrono::milliseconds(1)});
    const pid_t broker = compiler->process();
    expect_limit(compile(*compiler, large_module()), "compile_time", 1, "limits.compile_cpu_ms");
    EXPECT_EQ(compiler->process(), broker);
    const auto other = start({.cpu = std::chrono::milliseconds(60'000)});
    EXPECT_TRUE(compile(*other, large_module()).has_value());
}

TEST_F(Broker, EndsACompilationThatTakesTooLong) {
    const auto compiler = start({.wall = std::chrono::milliseconds(1)});
    const pid_t broker = compiler->process();
    expect_limit(compile(*compiler, large_module()), "compile_time", 1, "limits.compile_wall_ms");
    EXPECT_EQ(compiler->process(), broker);
}

TEST_F(Broker, EndsACompilationThatTakesTooMuchMemory) {
    constexpr std::uint64_t kLittle = 1 << 20;
    const auto compiler = start({.memory_bytes = kLittle});
    const pid_t broker = compiler->process();
    expect_limit(compile(*compiler, large_module()), "compile_memory", kLittle,
                 "limits.compile_memory_bytes");
    EXPECT_EQ(compiler->process(), broker);
    const auto other = start({.memory_bytes = std::uint64_t{1} << 30});
    EXPECT_TRUE(compile(*other, large_module()).has_value());
}

TEST_F(Broker, RefusesMachineCodeAboveTheLimit) {
    const std::string text = large_module();
    const auto free = start();
    const std::uint64_t bytes = compile(*free, text).value().bytes().size();
    ASSERT_GT(bytes, std::uint64_t{64} << 10);  // else messages would fit and code not
    EXPECT_TRUE(compile(*start({.code_bytes = bytes}), text).has_value());
    expect_limit(compile(*start({.code_bytes = bytes - 1}), text), "code_size", bytes - 1,
                 "limits.code_bytes");
}

TEST_F(Broker, CompilesForSeveralThreadsAtOnce) {
    const auto compiler = start({.jobs = 2});
    std::vector<std::future<bool>> results;
    for (int i = 0; i < 6; ++i) {
        results.push_back(std::async(std::launch::async, [&, i] {
            const std::string text = fmt::format("(module (func (result i32) i32.const {}))", i);
            auto checked = check(text);
            const auto code = compiler->compile(runtime_->code_settings(), checked.wasm());
            return code && runtime_->load(std::move(checked), *code).has_value();
        }));
    }
    for (auto& result : results) {
        EXPECT_TRUE(result.get());
    }
}

TEST_F(Broker, StaysWhenItsServerIsToldToStop) {
    const auto compiler = start();
    ASSERT_TRUE(compile(*compiler, "(module)").has_value());  // it is up
    const pid_t broker = compiler->process();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        ASSERT_EQ(::kill(broker, signal), 0);
    }
    EXPECT_TRUE(compile(*compiler, "(module)").has_value());
    EXPECT_EQ(compiler->process(), broker);
}

TEST_F(Broker, IsStartedAgainWhenItIsLost) {
    const auto compiler = start();
    const pid_t broker = compiler->process();
    ASSERT_EQ(::kill(broker, SIGKILL), 0);
    EXPECT_TRUE(compile(*compiler, "(module)").has_value());
    EXPECT_NE(compiler->process(), broker);
}

TEST_F(Broker, StaysLostWhereNoProcessMayBeStarted) {
    const auto compiler = start();
    compiler->forbid_restart();
    EXPECT_TRUE(compile(*compiler, "(module)").has_value());
    ASSERT_EQ(::kill(compiler->process(), SIGKILL), 0);
    for (int i = 0; i < 2; ++i) {
        const auto code = compile(*compiler, "(module)");
        ASSERT_FALSE(code.has_value());
        EXPECT_EQ(code.error().code, "compiler_gone");
        EXPECT_EQ(code.error().message,
                  "the process that compiles programs is gone (only a new start of the server "
                  "brings it back)");
    }
    EXPECT_EQ(compiler->process(), -1);
}

TEST_F(Broker, IsUnavailableWhereItCannotBeHad) {
    const auto missing = BrokerCompiler::start({.limits = {}, .executable = "/no/such/command"});
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(missing.error().code, "compiler_gone");
    EXPECT_EQ(missing.error().message,
              "the process that compiles programs is gone (No such file or directory)");
    // Without the hidden command it prints its help and ends.
    const auto other = BrokerCompiler::start(
        {.limits = {}, .executable = realm_command(), .arguments = {"realm", "--version"}});
    ASSERT_TRUE(other.has_value());
    const auto code = compile(**other, "(module)");
    ASSERT_FALSE(code.has_value());
    EXPECT_EQ(code.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(code.error().code, "compiler_gone");
    EXPECT_TRUE(code.error().retryable);
    EXPECT_THAT(code.error().message, StartsWith("the process that compiles programs is gone ("));
}

}  // namespace
}  // namespace realm::registry
