#include "registry/program_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "registry/file_util.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoredPrograms : public ::testing::Test {
protected:
    void SetUp() override { open(); }

    void open(std::size_t programs = 2, std::size_t versions = 3) {
        auto opened = ProgramStore::open({.directory = directory_.path() / "data",
                                          .max_programs = programs,
                                          .max_versions = versions});
        ASSERT_TRUE(opened) << opened.error().message;
        store_ = std::move(*opened);
    }

    // "1 new", "1 there" or the error.
    std::string put(std::string_view name, std::string_view version, std::string_view content,
                    std::string_view tenant = "a") {
        const auto pushed = store_->put(tenant, name, version, content);
        return pushed ? pushed->version.version + (pushed->is_new ? " new" : " there")
                      : pushed.error().code;
    }

    std::string find(const std::string& text, std::string_view tenant = "a") {
        const auto ref = ProgramRef::parse(text);
        const auto found =
            ref ? store_->find(tenant, *ref) : Result<ProgramVersion>(std::unexpected(ref.error()));
        if (!found) {
            return found.error().code + ": " + found.error().message;
        }
        const auto content = store_->read(*found);
        return found->version + " " + (content ? *content : content.error().code);
    }

    std::vector<std::string> list(std::string_view tenant = "a") {
        std::vector<std::string> names;
        for (const ProgramVersion& version : store_->list(tenant)) {
            names.push_back(version.name + "@" + version.version);
        }
        return names;
    }

    std::size_t modules() {
        const fs::directory_iterator entries(directory_.path() / "data" / "modules");
        return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
    }

    test::TemporaryDirectory directory_;
    std::unique_ptr<ProgramStore> store_;
};

TEST_F(StoredPrograms, VersionsCountUpAndDoNotChange) {
    EXPECT_EQ(put("p", "", "one"), "1 new");
    EXPECT_EQ(put("p", "", "one"), "1 there");
    EXPECT_EQ(put("p", "", "two"), "2 new");
    EXPECT_EQ(put("p", "1", "one"), "1 there");
    EXPECT_EQ(put("p", "1", "three"), "version_exists");
    EXPECT_EQ(find("p"), "2 two");
    EXPECT_EQ(find("p@1"), "1 one");
    EXPECT_THAT(list(), ElementsAre("p@1", "p@2"));
}

TEST_F(StoredPrograms, TheNewestIsThatWhichWasPushedLast) {
    EXPECT_EQ(put("p", "2.0", "two"), "2.0 new");
    EXPECT_EQ(put("p", "1.9", "one"), "1.9 new");
    EXPECT_EQ(find("p"), "1.9 one");
    // A number beside other versions; the older content again is a new version.
    EXPECT_EQ(put("p", "", "two"), "1 new");
    EXPECT_EQ(find("p"), "1 two");
}

TEST_F(StoredPrograms, AConflictNamesTheDigest) {
    ASSERT_EQ(put("p", "1", "one"), "1 new");
    const auto conflict = store_->put("a", "p", "1", "two");
    ASSERT_FALSE(conflict);
    EXPECT_EQ(conflict.error().type, ErrorType::kConflict);
    EXPECT_EQ(conflict.error().message,
              "program 'p' has a version '1' with another content (digest " + text_sha256("one") +
                  "); versions do not change: push a new one");
}

TEST_F(StoredPrograms, TenantsDoNotSeeEachOther) {
    ASSERT_EQ(put("p", "", "one"), "1 new");
    const std::string missing =
        "program_not_found: there is no program 'p'; GET /v1/programs lists yours";
    EXPECT_EQ(find("p", "b"), missing);
    EXPECT_EQ(find("p", "nobody"), missing);
    EXPECT_EQ(put("p", "", "two", "b"), "1 new");
    EXPECT_EQ(find("p"), "1 one");
    EXPECT_EQ(find("p", "b"), "1 two");
    EXPECT_THAT(list("c"), IsEmpty());
    ASSERT_TRUE(store_->remove("b", {.name = "p", .version = {}}));
    EXPECT_EQ(find("p"), "1 one");
}

TEST_F(StoredPrograms, LimitsHaveTwoSides) {
    EXPECT_EQ(put("p", "", "1"), "1 new");
    EXPECT_EQ(put("p", "", "2"), "2 new");
    EXPECT_EQ(put("p", "", "3"), "3 new");
    EXPECT_EQ(put("p", "", "4"), "too_many_versions");
    EXPECT_EQ(put("p", "", "3"), "3 there");
    EXPECT_EQ(put("q", "", "1"), "1 new");
    EXPECT_EQ(put("r", "", "1"), "too_many_programs");
    EXPECT_EQ(put("r", "", "1", "b"), "1 new");
    ASSERT_TRUE(store_->remove("a", {.name = "q", .version = {}}));
    EXPECT_EQ(put("r", "", "1"), "1 new");
    ASSERT_TRUE(store_->remove("a", {.name = "p", .version = "2"}));
    EXPECT_EQ(put("p", "", "4"), "4 new");
}

TEST_F(StoredPrograms, RemovesVersionsAndWhatNobodyNeeds) {
    ASSERT_EQ(put("p", "", "one"), "1 new");
    ASSERT_EQ(put("p", "", "two"), "2 new");
    ASSERT_EQ(put("q", "", "two", "b"), "1 new");
    EXPECT_EQ(modules(), 2U);
    const auto removed = store_->remove("a", {.name = "p", .version = "2"});
    ASSERT_TRUE(removed);
    ASSERT_EQ(removed->size(), 1U);
    EXPECT_EQ(removed->front().version, "2");
    EXPECT_EQ(find("p"), "1 one");
    EXPECT_EQ(find("q", "b"), "1 two");  // the same module
    EXPECT_EQ(modules(), 2U);
    ASSERT_TRUE(store_->remove("a", {.name = "p", .version = {}}));
    EXPECT_EQ(modules(), 1U);
    EXPECT_THAT(list(), IsEmpty());
    EXPECT_EQ(store_->remove("a", {.name = "p", .version = {}}).error().code, "program_not_found");
    EXPECT_EQ(store_->remove("b", {.name = "q", .version = "9"}).error().message,
              "there is no program 'q@9'; GET /v1/programs lists yours");
}

TEST_F(StoredPrograms, ARestartKeepsEverything) {
    ASSERT_EQ(put("p", "", "one"), "1 new");
    ASSERT_EQ(put("p", "x", "two"), "x new");
    ASSERT_EQ(put("p", "", "three", ".."), "1 new");
    const auto before = store_->list("a");
    open();
    EXPECT_THAT(store_->damaged(), IsEmpty());
    EXPECT_EQ(store_->list("a"), before);
    EXPECT_EQ(find("p"), "x two");
    EXPECT_EQ(find("p", ".."), "1 three");
    EXPECT_EQ(put("p", "", "three"), "2 new");
}

TEST_F(StoredPrograms, DamagedEntriesAreToldAndLeftOut) {
    ASSERT_EQ(put("p", "", "one"), "1 new");
    ASSERT_EQ(put("p", "", "two"), "2 new");
    ASSERT_EQ(put("p", "", "three"), "3 new");
    ASSERT_EQ(put("q", "", "four"), "1 new");
    const fs::path data = directory_.path() / "data";
    const fs::path records = data / "tenants" / "t.a";
    std::ofstream(records / "p" / "1.json") << "{\"name\": ";
    std::ofstream(data / "modules" / (text_sha256("two") + ".wasm")) << "twice";
    fs::remove(data / "modules" / (text_sha256("four") + ".wasm"));
    fs::rename(records / "p" / "3.json", records / "p" / "4.json");
    std::ofstream(records / "p" / "5.json.next") << "half";
    open();
    EXPECT_THAT(store_->damaged(),
                ElementsAre(HasSubstr("p/1.json' is no record of a program"),
                            HasSubstr("program 'p@2': its module '"),
                            HasSubstr("p/4.json' is no record of a program"),
                            ::testing::AllOf(HasSubstr("program 'q@1'"), HasSubstr("is missing"))));
    EXPECT_THAT(store_->damaged()[1], HasSubstr("is of another size"));
    EXPECT_THAT(list(), IsEmpty());
    // Pushing again repairs.
    EXPECT_EQ(put("p", "1", "one"), "1 new");
    EXPECT_EQ(put("p", "2", "two"), "2 new");
    EXPECT_EQ(find("p"), "2 two");
}

TEST_F(StoredPrograms, AModuleThatChangedIsNotGivenOut) {
    ASSERT_EQ(put("p", "", "one"), "1 new");
    std::ofstream(directory_.path() / "data" / "modules" / (text_sha256("one") + ".wasm")) << "two";
    open();
    EXPECT_EQ(find("p"), "1 program_damaged");
}

TEST_F(StoredPrograms, IsReadableByItsOwnerAlone) {
    EXPECT_EQ(fs::status(directory_.path() / "data").permissions(), fs::perms::owner_all);
}

TEST_F(StoredPrograms, AnotherProcessesVersionsAreSeenAtTheNextPush) {
    const auto other = ProgramStore::open({.directory = directory_.path() / "data"});
    ASSERT_TRUE((*other)->put("a", "p", "", "one"));
    EXPECT_EQ(put("p", "", "two"), "2 new");
    EXPECT_THAT(list(), ElementsAre("p@1", "p@2"));
}

TEST(ProgramRef, NamesAndVersionsAreChecked) {
    EXPECT_EQ(ProgramRef::parse("p")->version, std::nullopt);
    EXPECT_EQ(ProgramRef::parse("p@1.0+b")->version, "1.0+b");
    for (const char* text : {"", "@1", "A", "../x", "-a", "a b"}) {
        EXPECT_EQ(ProgramRef::parse(text).error().code, "invalid_program_name") << text;
    }
    for (const char* text : {"p@", "p@../x", "p@-1", "p@1@2"}) {
        EXPECT_EQ(ProgramRef::parse(text).error().code, "invalid_program_version") << text;
    }
}

TEST(ProgramDirectory, FollowsXdg) {
    using Variables = std::map<std::string, std::string>;
    const auto directory = [](const Variables& variables) {
        const auto found = ProgramStore::default_directory(
            [&](const std::string& name) -> std::optional<std::string> {
                const auto value = variables.find(name);
                return value == variables.end() ? std::nullopt : std::optional(value->second);
            });
        return found ? found->string() : found.error().code;
    };
    EXPECT_EQ(directory({{"XDG_DATA_HOME", "/x"}, {"HOME", "/h"}}), "/x/realm");
    EXPECT_EQ(directory({{"XDG_DATA_HOME", "x"}, {"HOME", "/h"}}), "/h/.local/share/realm");
    EXPECT_EQ(directory({}), "no_data_directory");
}

}  // namespace
}  // namespace realm::registry
