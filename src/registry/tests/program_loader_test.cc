#include "registry/program_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <fstream>
#include <sstream>
#include <thread>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::string_view kModule = R"((module
  (memory (export "memory") 1)
  (func (export "realm_abi_version") (result i32) i32.const 65536)
  (func (export "realm_run"))))";

// Does what a test says, else compiles.
class TestCompiler final : public Compiler {
public:
    Result<base::SealedMemory> compile(const sandbox::CodeSettings& settings,
                                       std::span<const std::byte> wasm) override {
        return instead ? instead() : local_.compile(settings, wasm);
    }
    std::function<Result<base::SealedMemory>()> instead;

private:
    LocalCompiler local_;
};

class Loader : public ::testing::Test {
protected:
    void SetUp() override {
        sandbox::RuntimeOptions options;
        options.max_instances = 4;
        runtime_ = sandbox::Runtime::create(options, {}).value();
        fingerprint_ = sandbox::code_fingerprint(runtime_->code_settings()).value();
    }

    // As after a new start of the server.
    std::unique_ptr<ProgramLoader> start() {
        auto compiler = std::make_unique<TestCompiler>();
        compiler_ = compiler.get();
        return std::make_unique<ProgramLoader>(
            runtime_, std::move(compiler),
            std::make_unique<CodeCache>(CodeCacheOptions{.directory = directory_.path() / "code",
                                                         .fingerprint = fingerprint_},
                                        telemetry::Logger()));
    }
    [[nodiscard]] fs::path entry() const {
        for (const auto& file : fs::directory_iterator(directory_.path() / "code")) {
            if (file.path().extension() == ".code") {
                return file.path();
            }
        }
        return {};
    }

    test::TemporaryDirectory directory_;
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::string fingerprint_;
    TestCompiler* compiler_ = nullptr;
};

TEST_F(Loader, CompilesAModuleOnceAndForAllStarts) {
    const auto first = start();
    const auto program = first->load("a", base::as_bytes(kModule));
    ASSERT_TRUE(program.has_value()) << program.error().message;
    EXPECT_EQ((*program)->name(), "a");
    EXPECT_EQ(first->load("b", base::as_bytes(kModule)).value()->name(), "b");
    EXPECT_EQ(first->compiled(), 1U);
    const auto second = start();
    const auto again = second->load("c", base::as_bytes(kModule));
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ((*again)->digest(), (*program)->digest());
    EXPECT_EQ(second->compiled(), 0U);
    EXPECT_EQ(second->cache()->counters().hits, 1U);
}

TEST_F(Loader, WithoutACacheEveryLoadCompiles) {
    ProgramLoader loader(runtime_, std::make_unique<LocalCompiler>());
    ASSERT_TRUE(loader.load("a", base::as_bytes(kModule)).has_value());
    ASSERT_TRUE(loader.load("a", base::as_bytes(kModule)).has_value());
    EXPECT_EQ(loader.compiled(), 2U);
    EXPECT_EQ(loader.cache(), nullptr);
}

TEST_F(Loader, RebuildsADamagedEntry) {
    ASSERT_TRUE(start()->load("a", base::as_bytes(kModule)).has_value());
    fs::resize_file(entry(), fs::file_size(entry()) / 2);
    const auto loader = start();
    ASSERT_TRUE(loader->load("a", base::as_bytes(kModule)).has_value());
    EXPECT_EQ(loader->compiled(), 1U);
    EXPECT_EQ(loader->cache()->counters(), (CodeCache::Counters{.damaged = 1, .stored = 1}));
    const auto next = start();
    ASSERT_TRUE(next->load("a", base::as_bytes(kModule)).has_value());
    EXPECT_EQ(next->compiled(), 0U);
}

TEST_F(Loader, CompilesForThreadsAtOnceOnlyOnce) {
    constexpr int kThreads = 8;
    const auto loader = start();
    std::atomic<int> loaded{0};
    std::barrier begin(kThreads);
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&] {
                begin.arrive_and_wait();
                loaded += loader->load("a", base::as_bytes(kModule)).has_value() ? 1 : 0;
            });
        }
    }
    EXPECT_EQ(loaded, kThreads);
    EXPECT_EQ(loader->compiled(), 1U);
}

TEST_F(Loader, NamesTheProgramInTheCompilersErrorAndKeepsNothing) {
    const auto loader = start();
    compiler_->instead = [] {
        return fail(ErrorType::kProgramLimit, "compile_time", "compiling it takes too long");
    };
    const auto late = loader->load("late", base::as_bytes(kModule));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().type, ErrorType::kProgramLimit);
    EXPECT_EQ(late.error().code, "compile_time");
    EXPECT_EQ(late.error().message, "program 'late': compiling it takes too long");
    EXPECT_EQ(entry(), fs::path());
    compiler_->instead = nullptr;
    EXPECT_TRUE(loader->load("late", base::as_bytes(kModule)).has_value());
}

TEST_F(Loader, AnExceptionReachesTheCallerAndBlocksNobody) {
    const auto loader = start();
    compiler_->instead = []() -> Result<base::SealedMemory> { throw std::bad_alloc(); };
    EXPECT_THROW(std::ignore = loader->load("a", base::as_bytes(kModule)), std::bad_alloc);
    compiler_->instead = nullptr;
    EXPECT_TRUE(loader->load("a", base::as_bytes(kModule)).has_value());
}

TEST_F(Loader, ForgetsCodeThatCannotBeLoaded) {
    const auto loader = start();
    compiler_->instead = [] { return base::SealedMemory::copy_of(base::as_bytes("no code")); };
    const auto broken = loader->load("a", base::as_bytes(kModule));
    ASSERT_FALSE(broken.has_value());
    EXPECT_EQ(broken.error().code, "invalid_module");
    EXPECT_EQ(entry(), fs::path());
    compiler_->instead = nullptr;
    EXPECT_TRUE(loader->load("a", base::as_bytes(kModule)).has_value());
}

TEST_F(Loader, ChecksBeforeItLooksForCode) {
    const auto loader = start();
    const auto refused = loader->load("a", base::as_bytes("no module"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, "invalid_module");
    EXPECT_THAT(refused.error().message, HasSubstr("program 'a'"));
    EXPECT_EQ(loader->compiled(), 0U);
    EXPECT_EQ(loader->cache()->counters(), CodeCache::Counters{});
}

}  // namespace
}  // namespace realm::registry
