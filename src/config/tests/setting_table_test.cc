#include "config/setting_table.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include <gtest/gtest.h>

namespace realm::config {
namespace {

TEST(SettingTable, NamesAreUniqueAndWellFormed) {
    std::set<std::string_view> keys;
    std::set<std::string_view> variables;
    for (const SettingRow& row : setting_table()) {
        EXPECT_TRUE(keys.insert(row.key).second) << row.key;
        EXPECT_TRUE(variables.insert(row.environment).second) << row.environment;
        EXPECT_EQ(std::count(row.key.begin(), row.key.end(), '.'), 1) << row.key;
        EXPECT_TRUE(row.environment.starts_with("REALM_")) << row.environment;
        EXPECT_NE(row.environment, "REALM_CONFIG");
        EXPECT_FALSE(row.meaning.empty()) << row.key;
    }
}

TEST(SettingTable, EachDefaultIsAllowedAndChangesNothing) {
    for (const SettingRow& row : setting_table()) {
        Settings settings;
        const std::string value = value_text(row, settings);
        const auto set = set_text(settings, row, value, "test");
        EXPECT_TRUE(set.has_value()) << row.key << ": " << (set ? "" : set.error().message);
        EXPECT_EQ(settings, Settings{}) << row.key;
    }
}

TEST(SettingTable, EachIntegerTakesBothEndsOfItsRangeAndNoMore) {
    for (const SettingRow& row : setting_table()) {
        const auto* const slot = std::get_if<IntegerSlot>(&row.slot);
        if (slot == nullptr) {
            continue;
        }
        Settings settings;
        for (const std::int64_t good : {slot->minimum, slot->maximum}) {
            EXPECT_TRUE(set_value(settings, row, good, "x", "test").has_value()) << row.key;
            EXPECT_EQ(slot->get(settings), good) << row.key;
        }
        const Settings before = settings;
        for (const std::int64_t bad : {slot->minimum - 1, slot->maximum + 1}) {
            EXPECT_FALSE(set_value(settings, row, bad, "x", "test").has_value()) << row.key;
        }
        EXPECT_EQ(settings, before) << row.key;
    }
}

TEST(SettingTable, AppliesTextByKey) {
    Settings settings;
    EXPECT_TRUE(apply_setting(settings, "server.port", "9000", "--port").has_value());
    EXPECT_TRUE(apply_setting(settings, "server.log_level", "debug", "--log-level").has_value());
    EXPECT_TRUE(apply_setting(settings, "model.flash_attention", "false", "flag").has_value());
    EXPECT_TRUE(apply_setting(settings, "model.name", "/m.gguf", "--model").has_value());
    EXPECT_TRUE(apply_setting(settings, "limits.cpu_ms", "5", "flag").has_value());
    EXPECT_EQ(settings.server.port, 9000);
    EXPECT_EQ(settings.server.log_level, LogLevel::kDebug);
    EXPECT_FALSE(settings.model.flash_attention);
    EXPECT_EQ(settings.model.name_or_path, "/m.gguf");
    EXPECT_EQ(settings.limits.cpu_ms, std::chrono::milliseconds(5));
}

std::string refusal(std::string_view key, std::string_view text) {
    Settings settings;
    const auto set = apply_setting(settings, key, text, "--flag");
    EXPECT_EQ(settings, Settings{});
    if (set.has_value()) {
        return "accepted";
    }
    EXPECT_EQ(set.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(set.error().code, "invalid_config");
    return set.error().message;
}

TEST(SettingTable, RefusesTextWithTheReason) {
    EXPECT_EQ(refusal("server.port", "70000"),
              "--flag: server.port is 70000, allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal("server.port", "80x"),
              "--flag: server.port is \"80x\", allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal("server.port", ""),
              "--flag: server.port is \"\", allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal("server.port", "99999999999999999999"),
              "--flag: server.port is \"99999999999999999999\", allowed is an integer from 0 to "
              "65535");
    EXPECT_EQ(refusal("server.grace_ms", "-1"),
              "--flag: server.grace_ms is -1, allowed is an integer from 0 to 86400000");
    EXPECT_EQ(refusal("server.log_level", "loud"),
              "--flag: server.log_level is \"loud\", allowed is one of debug, info, warn, error");
    EXPECT_EQ(refusal("model.flash_attention", "yes"),
              "--flag: model.flash_attention is \"yes\", allowed is true or false");
    EXPECT_EQ(refusal("server.address", "example.org"),
              "--flag: server.address is \"example.org\", allowed is an IP address or localhost");
    EXPECT_EQ(refusal("server.prot", "1"),
              "--flag: unknown setting \"server.prot\"; did you mean \"server.port\"?");
    EXPECT_EQ(refusal("colour", "1"), "--flag: unknown setting \"colour\"");
}

TEST(SettingTable, ShowsHostileTextSafely) {
    EXPECT_EQ(quote_text("a\nb\x1b"), "\"a\\x0ab\\x1b\"");
    EXPECT_EQ(quote_text(std::string(60, 'a')), "\"" + std::string(60, 'a') + "\"");
    EXPECT_EQ(quote_text(std::string(61, 'a')), "\"" + std::string(60, 'a') + "...\"");
    EXPECT_EQ(quote_text(std::string(59, 'a') + "ää"), "\"" + std::string(59, 'a') + "...\"");
}

TEST(SettingTable, DescribesEverySetting) {
    const auto descriptions = setting_descriptions();
    ASSERT_EQ(descriptions.size(), setting_table().size() + 4);
    EXPECT_EQ(descriptions[1].key, "server.port");
    EXPECT_EQ(descriptions[1].environment, "REALM_PORT");
    EXPECT_EQ(descriptions[1].allowed, "an integer from 0 to 65535");
    EXPECT_EQ(descriptions[1].default_value, "8080");
    EXPECT_EQ(descriptions[1].meaning, "port to listen on; 0 takes any free one");
    EXPECT_EQ(descriptions.back().key, "tenants[].limits");
}

}  // namespace
}  // namespace realm::config
