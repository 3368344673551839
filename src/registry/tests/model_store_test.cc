#include "registry/model_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using test::write_content;

Environment environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST(ModelStoreRoot, FollowsTheEnvironment) {
    const auto root = [](std::map<std::string, std::string> values) {
        const auto path = ModelStore::default_root(environment(std::move(values)));
        return path ? path->string() : path.error().code + ": " + path.error().message;
    };
    EXPECT_EQ(root({{"REALM_CACHE_DIR", "/r"}, {"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}}),
              "/r/models");
    EXPECT_EQ(root({{"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}}), "/x/realm/models");
    EXPECT_EQ(root({{"REALM_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "x"}, {"HOME", "/h"}}),
              "/h/.cache/realm/models");
    EXPECT_EQ(root({}),
              "no_cache_directory: no place for models: set REALM_CACHE_DIR, XDG_CACHE_HOME or "
              "HOME");
}

class Store : public ::testing::Test {
protected:
    test::TemporaryDirectory directory_;
    ModelStore store_{directory_.path() / "models"};
};

TEST_F(Store, ListsNothingWhereNothingIs) {
    EXPECT_EQ(store_.list(), std::vector<ModelEntry>());
}

TEST_F(Store, ListsModelsByNameWithTheirRecords) {
    write_content(store_.root() / "b.gguf", "1234");
    write_content(store_.root() / "A.GGUF", "12");
    write_content(store_.root() / "c.gguf", "123");
    write_content(store_.root() / "notes.txt", "x");
    write_content(store_.partial_directory() / "d.gguf", "x");
    fs::create_directory(store_.root() / "dir.gguf");
    fs::create_symlink("nowhere", store_.root() / "broken.gguf");
    ASSERT_TRUE(store_.write_record("b", {.source = "s", .sha256 = "h", .bytes = 4}));
    ASSERT_TRUE(
        store_.write_record("c", {.source = "s", .sha256 = "h", .bytes = 4}));  // other size
    EXPECT_EQ(
        store_.list(),
        (std::vector<ModelEntry>{
            {.name = "a", .path = store_.root() / "A.GGUF", .bytes = 2, .sha256 = {}, .source = {}},
            {.name = "b",
             .path = store_.root() / "b.gguf",
             .bytes = 4,
             .sha256 = "h",
             .source = "s"},
            {.name = "c",
             .path = store_.root() / "c.gguf",
             .bytes = 3,
             .sha256 = {},
             .source = {}}}));
}

TEST_F(Store, IgnoresDamagedRecords) {
    write_content(store_.root() / "a.gguf", "12");
    for (const std::string_view record :
         {"", "{", "[]", "{\"source\": 1, \"sha256\": \"\", \"bytes\": 2}",
          "{\"source\": \"s\", \"sha256\": \"h\", \"bytes\": -2}"}) {
        write_content(store_.record_path("a"), record);
        ASSERT_EQ(store_.list()->size(), 1U);
        EXPECT_EQ(store_.list()->front().source, "") << record;
    }
}

TEST_F(Store, TellsThatTheDirectoryCannotBeRead) {
    write_content(directory_.path() / "models", "a file");
    const auto list = store_.list();
    ASSERT_FALSE(list.has_value());
    EXPECT_EQ(list.error().message, fmt::format("cannot read the directory '{}': Not a directory",
                                                store_.root().string()));
}

TEST_F(Store, ResolvesNamesInEitherCase) {
    write_content(store_.root() / "a-1.gguf", "12");
    write_content(store_.root() / "B.Q4.gguf", "12");
    EXPECT_EQ(store_.resolve("a-1"), store_.root() / "a-1.gguf");
    EXPECT_EQ(store_.resolve("A-1"), store_.root() / "a-1.gguf");
    EXPECT_EQ(store_.resolve("b.q4"), store_.root() / "B.Q4.gguf");
    EXPECT_EQ(store_.resolve("B.Q4"), store_.root() / "B.Q4.gguf");
}

TEST_F(Store, ResolvesPathsThatAreFiles) {
    const fs::path file = directory_.path() / "x";
    write_content(file, "anything");
    EXPECT_EQ(store_.resolve(file.string()), file);
    const auto missing = store_.resolve("missing.gguf");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().type, ErrorType::kNotFound);
    EXPECT_EQ(missing.error().code, "model_file_not_found");
    EXPECT_EQ(missing.error().message, "there is no model file 'missing.gguf'");
    const auto directory = store_.resolve(directory_.path().string());
    ASSERT_FALSE(directory.has_value());
    EXPECT_EQ(directory.error().code, "not_a_file");
    const auto below = store_.resolve(file.string() + "/x.gguf");
    ASSERT_FALSE(below.has_value());
    EXPECT_EQ(below.error().code, "model_file_not_found");
    EXPECT_EQ(below.error().message,
              fmt::format("there is no model file '{}/x.gguf' (Not a directory)", file.string()));
}

TEST_F(Store, SaysHowToGetAModelThatIsKnown) {
    const auto result = store_.resolve("SmolLM2-135m-Instruct");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().type, ErrorType::kNotFound);
    EXPECT_EQ(result.error().code, "model_not_found");
    EXPECT_EQ(result.error().message,
              "model 'smollm2-135m-instruct' is not on this machine yet; run `realm pull "
              "smollm2-135m-instruct`");
}

TEST_F(Store, SaysWhatThereIsForOtherNames) {
    EXPECT_EQ(store_.resolve("other").error().message,
              fmt::format("there is no model 'other', and none at all in '{}'; run `realm pull "
                          "smollm2-135m-instruct` for 'smollm2-135m-instruct'; a path to a .gguf "
                          "file works too",
                          store_.root().string()));
    write_content(store_.root() / "b.gguf", "12");
    write_content(store_.root() / "smollm2-135m-instruct.gguf", "12");
    const auto result = store_.resolve("other");
    EXPECT_EQ(result.error().code, "model_not_found");
    EXPECT_EQ(result.error().message,
              "there is no model 'other'; there is: b, smollm2-135m-instruct; a path to a .gguf "
              "file works too");
}

TEST(ModelName, HasLimits) {
    for (const std::string& name :
         {std::string("a"), std::string("0.b_c-d"), std::string(128, 'x')}) {
        EXPECT_TRUE(check_model_name(name).has_value()) << name;
    }
    for (const std::string& name :
         {std::string(), std::string("A"), std::string(".a"), std::string("-a"), std::string("a/b"),
          std::string("a b"), std::string("a\n"), std::string("x.gguf"), std::string(129, 'x')}) {
        const auto result = check_model_name(name);
        ASSERT_FALSE(result.has_value()) << name;
        EXPECT_EQ(result.error().code, "invalid_model_name");
    }
    EXPECT_EQ(check_model_name("A").error().message,
              "'A' is no model name: 1 to 128 of a-z, 0-9, '.', '_' and '-', the first a letter or "
              "digit, without '.gguf' at the end");
}

}  // namespace
}  // namespace realm::registry
