#include "registry/program_registry.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kModule = R"((module
  (memory (export "memory") 1)
  (func (export "realm_abi_version") (result i32) i32.const 65536)
  (func (export "realm_run"))))";

class Programs : public ::testing::Test {
protected:
    void SetUp() override {
        sandbox::RuntimeOptions options;
        options.max_instances = 4;
        options.max_module_bytes = kModule.size();
        auto runtime = sandbox::Runtime::create(options, {});
        ASSERT_TRUE(runtime.has_value()) << runtime.error().message;
        loader_ = std::make_unique<ProgramLoader>(*runtime, std::make_unique<LocalCompiler>());
        registry_ = std::make_unique<ProgramRegistry>(*loader_);
    }

    test::TemporaryDirectory directory_;
    std::unique_ptr<ProgramLoader> loader_;
    std::unique_ptr<ProgramRegistry> registry_;
};

TEST_F(Programs, CompilesOnceAndFindsByName) {
    const auto added = registry_->add("b", base::as_bytes(kModule));
    ASSERT_TRUE(added.has_value()) << added.error().message;
    EXPECT_EQ((*added)->name(), "b");
    EXPECT_EQ(registry_->get("b"), *added);
    ASSERT_TRUE(registry_->add("a", base::as_bytes(kModule)).has_value());
    EXPECT_THAT(registry_->names(), ElementsAre("a", "b"));
    const auto again = registry_->add("b", base::as_bytes(kModule));
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().type, ErrorType::kConflict);
    EXPECT_EQ(again.error().code, "program_exists");
    EXPECT_EQ(again.error().message, "there is already a program 'b'");
    EXPECT_EQ(registry_->get("b"), *added);
}

TEST_F(Programs, NamesWhatThereIsForOthers) {
    EXPECT_EQ(registry_->get("x").error().message, "there is no program 'x'; there is: none");
    ASSERT_TRUE(registry_->add("b", base::as_bytes(kModule)).has_value());
    ASSERT_TRUE(registry_->add("a", base::as_bytes(kModule)).has_value());
    const auto missing = registry_->get("x");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().type, ErrorType::kNotFound);
    EXPECT_EQ(missing.error().code, "program_not_found");
    EXPECT_EQ(missing.error().message, "there is no program 'x'; there is: a, b");
}

TEST_F(Programs, RefusesNamesThatAreNone) {
    for (const std::string& name : {std::string(), std::string("A"), std::string("-a"),
                                    std::string("a/b"), std::string(65, 'a')}) {
        const auto result = registry_->add(name, base::as_bytes(kModule));
        ASSERT_FALSE(result.has_value()) << name;
        EXPECT_EQ(result.error().code, "invalid_program_name");
    }
    EXPECT_TRUE(registry_->add(std::string(64, 'a'), base::as_bytes(kModule)).has_value());
}

TEST_F(Programs, KeepsNothingThatDoesNotCompile) {
    const auto result = registry_->add("a", base::as_bytes("no module"));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().type, ErrorType::kInvalidRequest);
    EXPECT_THAT(registry_->names(), ElementsAre());
}

TEST_F(Programs, ReadsFilesUpToTheLimit) {
    const auto path = directory_.path() / "a.wasm";
    test::write_content(path, kModule);
    ASSERT_TRUE(registry_->add_file("a", path).has_value());
    EXPECT_EQ(registry_->add_chat(path)->get()->name(), "chat");
    test::write_content(path, std::string(kModule) + " ");
    const auto large = registry_->add_file("b", path);
    ASSERT_FALSE(large.has_value());
    EXPECT_EQ(large.error().code, "file_too_large");
    EXPECT_EQ(large.error().message,
              fmt::format("program 'b': '{}' has {} bytes; at most {} are allowed", path.string(),
                          kModule.size() + 1, kModule.size()));
}

TEST_F(Programs, NamesFilesThatCannotBeRead) {
    const auto path = directory_.path() / "none.wasm";
    const auto missing = registry_->add_file("a", path);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().type, ErrorType::kNotFound);
    EXPECT_EQ(missing.error().code, "file_not_found");
    EXPECT_EQ(
        missing.error().message,
        fmt::format("program 'a': cannot read '{}': No such file or directory", path.string()));
    const auto folder = registry_->add_file("a", directory_.path());
    ASSERT_FALSE(folder.has_value());
    EXPECT_EQ(folder.error().message,
              fmt::format("program 'a': '{}' is no regular file", directory_.path().string()));
    EXPECT_THAT(registry_->names(), ElementsAre());
}

TEST_F(Programs, RefusesTheBuiltInChatWhereItIsTooLarge) {
    // The runtime of these tests takes tiny modules only, which shows that the built-in one is
    // used.
    const auto chat = registry_->add_chat(std::nullopt);
    ASSERT_FALSE(chat.has_value());
    EXPECT_EQ(chat.error().code, "module_bytes");
    EXPECT_THAT(chat.error().message, HasSubstr("chat"));
}

}  // namespace
}  // namespace realm::registry
