#include "config/settings.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "config/tests/temporary_folder.h"
#include "config/toml_source.h"

namespace realm::config {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment_of(Variables variables) {
    return
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            if (found == variables.end()) {
                return std::nullopt;
            }
            return found->second;
        };
}

std::string refusal_of(std::string_view toml) {
    Settings settings;
    const auto applied = apply_toml(settings, toml, "realm.toml");
    if (applied.has_value()) {
        return "accepted";
    }
    EXPECT_EQ(applied.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(applied.error().code, "invalid_config");
    return applied.error().message;
}

TEST(Settings, AreTheDefaultsWhenNothingIsGiven) {
    const auto settings = load_settings(std::nullopt, environment_of({}));
    ASSERT_TRUE(settings.has_value()) << settings.error().message;
    EXPECT_EQ(*settings, Settings{});
    EXPECT_EQ(settings->server.address, "127.0.0.1");
    EXPECT_EQ(settings->server.port, 8080);
    EXPECT_EQ(settings->server.grace_ms, std::chrono::milliseconds(10'000));
    EXPECT_EQ(settings->model.context, 32768U);
    EXPECT_EQ(settings->model.max_contexts, 64U);
    EXPECT_TRUE(settings->tenants.empty());
}

TEST(Settings, ReadEverySectionOfAFile) {
    Settings settings;
    const auto applied = apply_toml(settings, R"(
[server]
address = "::1"
port = 0
grace_ms = 5
log_level = "warn"
log_format = "json"
[model]
name = "big.gguf"
context = 4096
max_contexts = 8
cached_contexts = 3
swap_memory_bytes = 4
swap_disk_bytes = 0
threads = 2
prefill_chunk = 64
flash_attention = false
speculation = false
[program]
chat = "chat.wasm"
[limits]
cpu_ms = 250
memory_bytes = 1048576
)",
                                    "realm.toml");
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
    Settings expected;
    expected.server = {.address = "::1",
                       .port = 0,
                       .grace_ms = std::chrono::milliseconds(5),
                       .log_level = LogLevel::kWarn,
                       .log_format = LogFormat::kJson};
    expected.model = {.name_or_path = "big.gguf",
                      .context = 4096,
                      .max_contexts = 8,
                      .cached_contexts = 3,
                      .swap_memory_bytes = 4,
                      .swap_disk_bytes = 0,
                      .threads = 2,
                      .prefill_chunk = 64,
                      .flash_attention = false,
                      .speculation = false};
    expected.program.chat = "chat.wasm";
    expected.limits.cpu_ms = std::chrono::milliseconds(250);
    expected.limits.memory_bytes = 1'048'576;
    EXPECT_EQ(settings, expected);
}

TEST(Settings, EnvironmentWinsOverFile) {
    const TemporaryFolder folder;
    const auto file = folder.write("a.toml", "[server]\nport = 1000\ngrace_ms = 7\n");
    const auto settings = load_settings(file, environment_of({{"REALM_PORT", "2000"},
                                                              {"REALM_MODEL", "other"},
                                                              {"REALM_LIMIT_CPU_MS", "11"},
                                                              {"REALM_ADDRESS", ""}}));
    ASSERT_TRUE(settings.has_value()) << settings.error().message;
    EXPECT_EQ(settings->server.port, 2000);
    EXPECT_EQ(settings->server.grace_ms, std::chrono::milliseconds(7));
    EXPECT_EQ(settings->model.name_or_path, "other");
    EXPECT_EQ(settings->limits.cpu_ms, std::chrono::milliseconds(11));
    EXPECT_EQ(settings->server.address, "127.0.0.1");
    EXPECT_EQ(settings->file, file);
}

TEST(Settings, FileComesFromFlagThenVariableThenHome) {
    const TemporaryFolder folder;
    const auto flag = folder.write("flag.toml", "server.port = 1");
    const auto named = folder.write("named.toml", "server.port = 2");
    static_cast<void>(folder.write("xdg/realm/realm.toml", "server.port = 3"));
    const auto home = folder.write(".config/realm/realm.toml", "server.port = 4");
    Variables variables{{"REALM_CONFIG", named.string()},
                        {"XDG_CONFIG_HOME", (folder.path() / "xdg").string()},
                        {"HOME", folder.path().string()}};
    EXPECT_EQ(load_settings(flag, environment_of(variables))->server.port, 1);
    EXPECT_EQ(load_settings(std::nullopt, environment_of(variables))->server.port, 2);
    variables.erase("REALM_CONFIG");
    EXPECT_EQ(load_settings(std::nullopt, environment_of(variables))->server.port, 3);
    variables["XDG_CONFIG_HOME"] = "relative";
    EXPECT_EQ(load_settings(std::nullopt, environment_of(variables))->server.port, 4);
    variables.erase("XDG_CONFIG_HOME");
    EXPECT_EQ(load_settings(std::nullopt, environment_of(variables))->server.port, 4);
    std::filesystem::remove(home);
    const auto none = load_settings(std::nullopt, environment_of(variables));
    EXPECT_EQ(none->server.port, 8080);
    EXPECT_EQ(none->file, std::nullopt);
}

TEST(Settings, FileThatIsNamedMustBeReadable) {
    const TemporaryFolder folder;
    const auto missing = folder.path() / "no.toml";
    EXPECT_EQ(load_settings(missing, environment_of({})).error().message,
              missing.string() + ": there is no such file");
    EXPECT_EQ(load_settings(std::nullopt, environment_of({{"REALM_CONFIG", missing.string()}}))
                  .error()
                  .message,
              missing.string() + ": there is no such file");
    EXPECT_EQ(load_settings(folder.path(), environment_of({})).error().message,
              folder.path().string() + ": this is a folder, no file");
}

TEST(Settings, FileSizeIsBounded) {
    const TemporaryFolder folder;
    const auto fits = folder.write("a.toml", "#" + std::string((1U << 20) - 1, 'x'));
    EXPECT_TRUE(load_settings(fits, environment_of({})).has_value());
    const auto large = folder.write("b.toml", "#" + std::string(1U << 20, 'x'));
    EXPECT_EQ(load_settings(large, environment_of({})).error().message,
              large.string() + ": the file is larger than 1048576 bytes");
}

TEST(Settings, ErrorsNameFileAndLine) {
    const TemporaryFolder folder;
    const auto file = folder.write("a.toml", "[server]\nport = 70000\n");
    EXPECT_EQ(load_settings(file, environment_of({})).error().message,
              file.string() + ":2: server.port is 70000, allowed is an integer from 0 to 65535");
    EXPECT_EQ(load_settings(std::nullopt, environment_of({{"REALM_PORT", "abc"}})).error().message,
              "REALM_PORT: server.port is \"abc\", allowed is an integer from 0 to 65535");
}

TEST(Settings, RefuseUnknownKeysByFullName) {
    EXPECT_EQ(refusal_of("[server]\n\nprot = 1\n"),
              "realm.toml:3: unknown setting \"server.prot\"; did you mean \"server.port\"?");
    EXPECT_EQ(refusal_of("port = 1\n"),
              "realm.toml:1: unknown setting \"port\"; did you mean \"server.port\"?");
    EXPECT_EQ(refusal_of("[sever]\nport = 1\n"),
              "realm.toml:1: unknown setting \"sever\"; did you mean \"server\"?");
    EXPECT_EQ(refusal_of("\n[zoo.animal]\n"), "realm.toml:2: unknown setting \"zoo\"");
    EXPECT_EQ(refusal_of("\"server.port\" = 1\n"),
              "realm.toml:1: unknown setting \"server.port\"; did you mean \"server.port\"?");
}

TEST(Settings, RefuseWrongTypes) {
    EXPECT_EQ(refusal_of("server = 3"), "realm.toml:1: server is 3, allowed is a table ([server])");
    EXPECT_EQ(refusal_of("server.port = \"80\""),
              "realm.toml:1: server.port is \"80\", allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal_of("server.port = 80.5"),
              "realm.toml:1: server.port is 80.5, allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal_of("server.port = true"),
              "realm.toml:1: server.port is true, allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal_of("server.port = [1]"),
              "realm.toml:1: server.port is a list, allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal_of("server.port.x = 1"),
              "realm.toml:1: server.port is a table, allowed is an integer from 0 to 65535");
    EXPECT_EQ(refusal_of("server.port = 2020-01-01"),
              "realm.toml:1: server.port is a date or a time, allowed is an integer from 0 to "
              "65535");
    EXPECT_EQ(refusal_of("model.name = 7"),
              "realm.toml:1: model.name is 7, allowed is a name or a path");
    EXPECT_EQ(refusal_of("limits.cpu_ms = -5"),
              "realm.toml:1: limits.cpu_ms is -5, allowed is an integer from 1 to 86400000");
}

TEST(Settings, RefuseWhatIsNoToml) {
    const std::string message = refusal_of("[server]\nport = = 1\n");
    EXPECT_EQ(message.substr(0, 29), "realm.toml:2: no valid TOML: ");
    EXPECT_EQ(refusal_of("a = \"\xff\"").substr(0, 29), "realm.toml:1: no valid TOML: ");
}

}  // namespace
}  // namespace realm::config
