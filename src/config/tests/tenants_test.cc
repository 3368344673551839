#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "config/settings.h"
#include "config/toml_source.h"

namespace realm::config {
namespace {

std::string hash_of(char digit) {
    return "sha256:" + std::string(64, digit);
}

std::string refusal_of(std::string_view toml) {
    Settings settings;
    const auto applied = apply_toml(settings, toml, "f");
    if (applied.has_value()) {
        return "accepted";
    }
    EXPECT_EQ(applied.error().code, "invalid_config");
    return applied.error().message;
}

std::string tenant(std::string_view body) {
    return "[[tenants]]\n" + std::string(body);
}

std::string key_line(const std::string& key) {
    return "keys = [\"" + key + "\"]\n";
}

TEST(Tenants, AreRead) {
    Settings settings;
    const std::string toml = tenant("name = \"acme\"\nkeys = [\"" + hash_of('a') + "\", \"" +
                                    hash_of('b') + "\"]\nweight = 2.5\n") +
                             tenant("name = \"B.c_d-9\"\n" + key_line(hash_of('c')));
    const auto applied = apply_toml(settings, toml, "f");
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
    const std::vector<TenantSettings> expected{
        {.name = "acme", .keys = {hash_of('a'), hash_of('b')}, .weight = 2.5},
        {.name = "B.c_d-9", .keys = {hash_of('c')}, .weight = 1.0}};
    EXPECT_EQ(settings.tenants, expected);
}

TEST(Tenants, NamesAreChecked) {
    const std::string rule = "1 to 64 letters, digits, '.', '_', '-'";
    EXPECT_EQ(refusal_of(tenant("name = \"\"\n")),
              "f:2: tenants[0].name is \"\", allowed is " + rule);
    EXPECT_EQ(refusal_of(tenant("name = \"a b\"\n")),
              "f:2: tenants[0].name is \"a b\", allowed is " + rule);
    EXPECT_EQ(refusal_of(tenant("name = 5\n")), "f:2: tenants[0].name is 5, allowed is " + rule);
    EXPECT_EQ(refusal_of(tenant("weight = 1\n")), "f:1: tenants[0].name is missing");
    const std::string longest(64, 'n');
    EXPECT_EQ(refusal_of(tenant("name = \"" + longest + "\"\n" + key_line(hash_of('a')))),
              "accepted");
    EXPECT_EQ(refusal_of(tenant("name = \"" + longest + "n\"\n")),
              "f:2: tenants[0].name is \"" + std::string(60, 'n') + "...\", allowed is " + rule);
    EXPECT_EQ(refusal_of(tenant("name = \"a\"\n" + key_line(hash_of('a'))) +
                         tenant("name = \"a\"\n" + key_line(hash_of('b')))),
              "f:5: tenants[1].name is \"a\", which an earlier tenant is called already");
}

TEST(Tenants, WeightsAreChecked) {
    const auto refused = [](const std::string& weight) {
        return refusal_of(
            tenant("name = \"a\"\n" + key_line(hash_of('a')) + "weight = " + weight + "\n"));
    };
    const auto message = [](const std::string& shown) {
        return "f:4: tenants[0].weight is " + shown + ", allowed is a number above 0, at most 1000";
    };
    EXPECT_EQ(refused("0"), message("0"));
    EXPECT_EQ(refused("0.0"), message("0"));
    EXPECT_EQ(refused("-1.5"), message("-1.5"));
    EXPECT_EQ(refused("nan"), message("nan"));
    EXPECT_EQ(refused("inf"), message("inf"));
    EXPECT_EQ(refused("1000.5"), message("1000.5"));
    EXPECT_EQ(refused("\"2\""), message("\"2\""));
    EXPECT_EQ(refused("true"), message("true"));
    EXPECT_EQ(refused("1000"), "accepted");
    EXPECT_EQ(refused("0.001"), "accepted");
}

TEST(Tenants, KeyHashesAreCheckedAndNeverShown) {
    const auto refused = [](const std::string& keys) {
        return refusal_of(tenant("name = \"a\"\n" + keys));
    };
    const std::string bad =
        "f:3: tenants[0].keys[0] is not the hash of a key; allowed is sha256: and 64 lower-case "
        "hexadecimal digits, as `realm key hash` prints";
    EXPECT_EQ(refused(key_line("rk_secret")), bad);
    EXPECT_EQ(refused(key_line("sha256:" + std::string(63, 'a'))), bad);
    EXPECT_EQ(refused(key_line("sha256:" + std::string(65, 'a'))), bad);
    EXPECT_EQ(refused(key_line("sha256:" + std::string(64, 'A'))), bad);
    EXPECT_EQ(refused(key_line("sha512:" + std::string(64, 'a'))), bad);
    EXPECT_EQ(refused("keys = [5]\n"), bad);
    EXPECT_EQ(refused("keys = []\n"),
              "f:3: tenants[0].keys is empty, allowed is a list of one or more key hashes");
    EXPECT_EQ(refused("keys = 5\n"),
              "f:3: tenants[0].keys is 5, allowed is a list of one or more key hashes");
    EXPECT_EQ(refused(""),
              "f:1: tenants[0].keys is missing; `realm key hash` makes the hash of a key");
    EXPECT_EQ(refused("keys = [\"" + hash_of('a') + "\", \"" + hash_of('a') + "\"]\n"),
              "f:3: tenants[0].keys[1] is a key that tenant \"a\" has already");
    EXPECT_EQ(refusal_of(tenant("name = \"a\"\n" + key_line(hash_of('a'))) +
                         tenant("name = \"b\"\n" + key_line(hash_of('a')))),
              "f:6: tenants[1].keys[0] is a key that tenant \"a\" has already");
}

TEST(Tenants, MayHaveLimitsOfTheirOwn) {
    Settings settings;
    const std::string named = "name = \"a\"\n" + key_line(hash_of('a'));
    const auto applied =
        apply_toml(settings, tenant(named + "[tenants.limits]\ncpu_ms = 5\nlog_bytes = 0\n"), "f");
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
    EXPECT_EQ(settings.tenants.at(0).limits, (LimitValues{{"cpu_ms", 5}, {"log_bytes", 0}}));
    EXPECT_EQ(settings.limits, Limits{});
    const auto refused = [&](const std::string& limits) {
        return refusal_of(tenant(named + limits));
    };
    EXPECT_EQ(refused("[tenants.limits]\ncpu_ms = 0\n"),
              "f:5: tenants[0].limits.cpu_ms is 0, allowed is an integer from 1 to 86400000");
    EXPECT_EQ(refused("[tenants.limits]\ncpu_ms = \"5\"\n"),
              "f:5: tenants[0].limits.cpu_ms is \"5\", allowed is an integer from 1 to 86400000");
    EXPECT_EQ(refused("[tenants.limits]\ncpu_m = 5\n"),
              "f:5: unknown setting \"tenants[0].limits.cpu_m\"; did you mean "
              "\"tenants[0].limits.cpu_ms\"?");
    // One of the whole server.
    EXPECT_EQ(refused("[tenants.limits]\nruns = 5\n"),
              "f:5: unknown setting \"tenants[0].limits.runs\"");
    EXPECT_EQ(refused("limits = 5\n"),
              "f:4: tenants[0].limits is 5, allowed is a table ([tenants.limits])");
}

TEST(Tenants, UnknownKeysAndWrongShapesAreRefused) {
    EXPECT_EQ(refusal_of(tenant("name = \"a\"\nwieght = 2\n")),
              "f:3: unknown setting \"tenants[0].wieght\"; did you mean \"tenants[0].weight\"?");
    EXPECT_EQ(refusal_of("tenants = 3"),
              "f:1: tenants is 3, allowed is a list of tables ([[tenants]])");
    EXPECT_EQ(refusal_of("[tenants]\n"),
              "f:1: tenants is a table, allowed is a list of tables ([[tenants]])");
    EXPECT_EQ(refusal_of("tenants = [1]"), "f:1: tenants[0] is 1, allowed is a table");
    EXPECT_EQ(refusal_of("tenants = []"), "accepted");
}

}  // namespace
}  // namespace realm::config
