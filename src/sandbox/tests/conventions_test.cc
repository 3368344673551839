#include "sandbox/conventions.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace realm::sandbox {
namespace {

using Json = nlohmann::json;

constexpr auto kI32 = ValueType::kI32;

ModuleInfo module_of(std::vector<std::pair<std::string, Signature>> exports) {
    ModuleInfo info;
    for (auto& [name, signature] : exports) {
        info.exports.push_back({.name = std::move(name),
                                .kind = ExternKind::kFunction,
                                .signature = std::move(signature),
                                .type = ""});
    }
    return info;
}

TEST(Conventions, HelpersAreFoundByPrefixAndSignature) {
    const auto found =
        detect_conventions(module_of({{"malloc", {{kI32}, {kI32}}},
                                      {"__wbindgen_malloc_command_export", {{kI32, kI32}, {kI32}}},
                                      {"__wbindgen_free", {{kI32, kI32, kI32}, {}}},
                                      {"__wbindgen_add_to_stack_pointer", {{kI32}, {kI32}}}}));
    EXPECT_EQ(found.allocate, "__wbindgen_malloc_command_export");
    EXPECT_EQ(found.release, "__wbindgen_free");
    EXPECT_EQ(found.stack_pointer, "__wbindgen_add_to_stack_pointer");
    EXPECT_TRUE(found.callee_frees);
}

TEST(Conventions, AHelperOfAnotherTypeIsNone) {
    const auto found =
        detect_conventions(module_of({{"malloc", {{}, {kI32}}},
                                      {"free", {{kI32}, {}}},
                                      {"__wbindgen_add_to_stack_pointer", {{kI32}, {}}}}));
    EXPECT_EQ(found.allocate, "");
    EXPECT_EQ(found.release, "free");
    EXPECT_EQ(found.stack_pointer, "");
    EXPECT_FALSE(found.callee_frees);
}

TEST(Conventions, AClassIsWhatHasAFree) {
    const auto found = detect_conventions(module_of({{"__wbg_realm_free", {{kI32, kI32}, {}}},
                                                     {"realm_new", {{kI32}, {}}},
                                                     {"realm_generate", {{kI32}, {}}},
                                                     {"__wbg_get_realm_seed", {{kI32}, {kI32}}},
                                                     {"__wbg_set_realm_seed", {{kI32, kI32}, {}}},
                                                     {"realmless", {{}, {}}}}));
    ASSERT_EQ(found.classes.size(), 1U);
    const ClassConvention& realm = found.classes.at("realm");
    EXPECT_EQ(realm.constructor, "realm_new");
    EXPECT_EQ(realm.free, "__wbg_realm_free");
    EXPECT_EQ(realm.methods, (std::map<std::string, std::string>{{"generate", "realm_generate"}}));
    EXPECT_EQ(realm.getters,
              (std::map<std::string, std::string>{{"seed", "__wbg_get_realm_seed"}}));
    EXPECT_EQ(realm.setters,
              (std::map<std::string, std::string>{{"seed", "__wbg_set_realm_seed"}}));
}

TEST(Conventions, ADescriptionIsReadAndWrittenBack) {
    const Json json = Json::parse(R"({
        "exports": {"f": {"params": ["string", "u32", "Thing"], "returns": "bool",
                          "fallible": true}},
        "classes": {"Thing": {"constructor": "thing_make", "free": "", "methods": {"go": "thing_go"},
                              "getters": {}, "setters": {}}},
        "allocate": "alloc", "release": "", "stack_pointer": "", "callee_frees": true})");
    const auto read = with_description({}, json);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(to_json(*read), json);
    const ExportConvention& f = read->exports.at("f");
    EXPECT_EQ(f.parameters.at(2).passing, Passing::kObject);
    EXPECT_EQ(f.parameters.at(2).class_name, "Thing");
}

TEST(Conventions, AWrongDescriptionIsRefusedWithItsPath) {
    const auto error = [](const char* text) {
        const auto read = with_description({}, Json::parse(text));
        return read ? "" : read.error().code + ": " + read.error().message;
    };
    EXPECT_EQ(error("[]"), "invalid_conventions: conventions: must be an object");
    EXPECT_EQ(error(R"({"nope": 1})"),
              "invalid_conventions: conventions.nope: there is no such key");
    EXPECT_EQ(error(R"({"exports": {"f": {"params": "string"}}})"),
              "invalid_conventions: conventions.exports.f.params: must be an array");
    EXPECT_EQ(error(R"({"exports": {"f": {"returns": ""}}})"),
              "invalid_conventions: conventions.exports.f.returns: must be a type or the name of a "
              "class");
    EXPECT_EQ(error(R"({"classes": {"C": {"methods": {"m": 3}}}})"),
              "invalid_conventions: conventions.classes.C.methods.m: must be a string");
    EXPECT_EQ(error(R"({"callee_frees": 1})"),
              "invalid_conventions: conventions.callee_frees: must be true or false");
}

}  // namespace
}  // namespace realm::sandbox
