#include "registry/manifest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace realm::registry {
namespace {

constexpr std::array<std::string_view, 2> kInterfaces{"model", "request"};
const config::Limits kLimits;
const ManifestRules kRules{.max_bytes = 300, .interfaces = kInterfaces, .limits = kLimits};

std::string refusal(const std::string& json) {
    const auto manifest = parse_manifest(json, kRules);
    if (manifest) {
        return "accepted";
    }
    EXPECT_EQ(manifest.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(manifest.error().code, "invalid_manifest");
    EXPECT_TRUE(manifest.error().message.starts_with("manifest: ")) << manifest.error().message;
    return manifest.error().message.substr(10);
}

std::string list_of(const std::string& entry, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += (i == 0 ? "" : ",") + entry;
    }
    return text;
}

TEST(Manifest, EverythingItMaySay) {
    const auto manifest = parse_manifest(R"({
        "name": "greeter", "version": "1.2", "description": "greets",
        "interfaces": ["request", "model", "model"], "limits": {"cpu_ms": 500}, "strict": true,
        "operations": {"hello": {"export": "say_hello"}},
        "wasi": {"args": ["-v"], "env": {"A": "b"}, "scratch_bytes": 4096},
        "conventions": {"free": [1]}})",
                                         {.interfaces = kInterfaces, .limits = kLimits});
    ASSERT_TRUE(manifest) << manifest.error().message;
    const Manifest expected{.name = "greeter",
                            .version = "1.2",
                            .description = "greets",
                            .interfaces = std::vector<std::string>{"model", "request"},
                            .limits = {{"cpu_ms", 500}},
                            .operations = {{"hello", "say_hello"}},
                            .strict = true,
                            .wasi = {.args = {"-v"}, .env = {{"A", "b"}}, .scratch_bytes = 4096},
                            .conventions = R"({"free":[1]})"};
    EXPECT_EQ(*manifest, expected);
    EXPECT_EQ(
        parse_manifest(manifest_json(expected), {.interfaces = kInterfaces, .limits = kLimits}),
        expected);
}

TEST(Manifest, AnEmptyOneIsTheDefault) {
    EXPECT_EQ(parse_manifest("{}", kRules), Manifest{});
    EXPECT_EQ(manifest_json({}), "{}");
}

TEST(Manifest, NoInterfacesIsNotAllInterfaces) {
    const auto manifest = parse_manifest(R"({"interfaces": []})", kRules);
    ASSERT_TRUE(manifest);
    EXPECT_EQ(manifest->interfaces, std::vector<std::string>{});
    EXPECT_EQ(manifest_json(*manifest), R"({"interfaces":[]})");
}

TEST(Manifest, OperationsMayBeNamedAsTheirExports) {
    const auto manifest = parse_manifest(R"({"operations": ["a", "b"]})", kRules);
    ASSERT_TRUE(manifest);
    EXPECT_EQ(manifest->operations, (std::map<std::string, std::string>{{"a", "a"}, {"b", "b"}}));
}

TEST(Manifest, SaysWhereAndWhatIsWrong) {
    EXPECT_EQ(refusal("[]"), "it must be a JSON object");
    EXPECT_EQ(refusal("{"), "The body is not valid JSON: it breaks at byte 2.");
    EXPECT_EQ(refusal(R"({"nam": "x"})"), "'nam' is no key of a manifest; did you mean 'name'?");
    EXPECT_EQ(refusal(R"({"wasi": {"arg": []}})"),
              "'wasi.arg' is no key of a manifest; did you mean 'args'?");
    EXPECT_EQ(refusal(R"({"wasi": {"sockets": 1}})"),
              "'wasi.sockets' is no key of a manifest; there is: args, env, scratch_bytes");
    EXPECT_EQ(refusal(R"({"interfaces": ["modle"]})"),
              "'interfaces.modle' is no interface of this server; did you mean 'model'?");
    EXPECT_EQ(refusal(R"({"interfaces": "model"})"),
              "'interfaces' must be an array of at most 64 strings");
    EXPECT_EQ(refusal(R"({"version": "a@b"})"),
              "'version' must be a string of 1 to 64 letters, digits, '.', '_', '-' and '+', the "
              "first a letter or digit");
    EXPECT_EQ(refusal(R"({"strict": 1})"), "'strict' must be true or false");
    EXPECT_EQ(refusal(R"({"wasi": {"args": ["a", 1]}})"),
              "'wasi.args[1]' must be a string of 0 to 4096 bytes without zero bytes");
    EXPECT_EQ(refusal(R"({"wasi": {"env": {"A=B": ""}}})"),
              "'wasi.env.A=B' must be named with 1 to 256 bytes, none of them '=' or zero");
    EXPECT_EQ(refusal(R"({"wasi": {"env": {"A": "\u0000"}}})"),
              "'wasi.env.A' must be a string of 0 to 4096 bytes without zero bytes");
    EXPECT_EQ(refusal(R"({"operations": {"x": {}}})"),
              R"('operations.x' must be an object {"export": name})");
    EXPECT_EQ(refusal(R"({"operations": {"x": {"export": ""}}})"),
              "'operations.x.export' must be a string of 1 to 256 bytes without zero bytes");
    EXPECT_EQ(refusal(R"({"conventions": []})"), "'conventions' must be an object");
}

TEST(Manifest, LimitsAreAtMostTheServers) {
    EXPECT_EQ(refusal(R"({"limits": {"cpu_ms": 10000}})"), "accepted");
    EXPECT_EQ(refusal(R"({"limits": {"cpu_ms": 10001}})"),
              "limits.cpu_ms is 10001, above the tenant's limit of 10000");
    EXPECT_EQ(refusal(R"({"limits": {"cpu_m": 1}})"),
              R"(no limit of a run is called "cpu_m"; did you mean "cpu_ms"?)");
    EXPECT_EQ(refusal(R"({"limits": {"cpu_ms": 1.5}})"), "'limits.cpu_ms' must be a whole number");
    EXPECT_EQ(refusal(R"({"limits": {"cpu_ms": 18446744073709551615}})"),
              "'limits.cpu_ms' must be a whole number");
}

TEST(Manifest, SizesAreBounded) {
    const std::string longest(288, ' ');
    EXPECT_EQ(refusal(R"({"name":"a"})" + longest), "accepted");
    EXPECT_EQ(refusal(R"({"name":"a"})" + longest + " "),
              "its 301 bytes are more than the limit of 300 (limits.manifest_bytes)");
    EXPECT_EQ(refusal(R"({"operations":[)" + list_of(R"("")", 64) + "]}"),
              "'operations[0]' must be a string of 1 to 256 bytes without zero bytes");
    EXPECT_EQ(refusal(R"({"wasi":{"args":[)" + list_of(R"("")", 64) + "]}}"), "accepted");
    EXPECT_EQ(refusal(R"({"wasi":{"args":[)" + list_of(R"("")", 65) + "]}}"),
              "'wasi.args' must be an array of at most 64 strings");
    EXPECT_EQ(refusal(R"({"wasi":{"scratch_bytes":1073741824}})"), "accepted");
    EXPECT_EQ(refusal(R"({"wasi":{"scratch_bytes":1073741825}})"),
              "'wasi.scratch_bytes' must be a whole number from 0 to 1073741824");
    EXPECT_EQ(refusal(R"({"version":")" + std::string(64, '1') + "\"}"), "accepted");
    EXPECT_NE(refusal(R"({"version":")" + std::string(65, '1') + "\"}"), "accepted");
}

}  // namespace
}  // namespace realm::registry
