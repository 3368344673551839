#include "tenancy/tenant_store.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace realm::tenancy {
namespace {

using Settings = std::vector<config::TenantSettings>;

std::unique_ptr<StaticTenantStore> store_of(const Settings& settings) {
    auto store = StaticTenantStore::create(settings, {});
    if (!store) {
        ADD_FAILURE() << store.error().message;
        return nullptr;
    }
    return std::move(*store);
}

Settings two_tenants() {
    return {{.name = "acme", .keys = {hash_key("key-a1"), hash_key("key-a2")}, .weight = 2.0},
            {.name = "zenith", .keys = {hash_key("key-z")}, .weight = 0.5}};
}

TEST(TenantStore, WithoutTenantsEverybodyIsLocal) {
    const auto store = store_of({});
    const Tenant local{.name = "local", .weight = 1.0};
    EXPECT_EQ(store->authenticate(std::nullopt), local);
    EXPECT_EQ(store->authenticate(""), local);
    EXPECT_EQ(store->authenticate("whatever"), local);
}

TEST(TenantStore, LimitsAreTheServersUnlessATenantHasItsOwn) {
    config::Limits server;
    server.contexts = 3;
    server.cpu_ms = std::chrono::milliseconds(70);
    config::Limits own = server;
    own.cpu_ms = std::chrono::milliseconds(90);
    const auto local = StaticTenantStore::create({}, server).value();
    EXPECT_EQ(local->authenticate(std::nullopt).value().limits, server);
    Settings settings = two_tenants();
    settings[0].limits = {{"cpu_ms", 90}};
    const auto store = StaticTenantStore::create(settings, server).value();
    EXPECT_EQ(store->authenticate("key-a1").value().limits, own);
    EXPECT_EQ(store->authenticate("key-z").value().limits, server);
    EXPECT_EQ(store->named("acme"), store->authenticate("key-a1"));
    EXPECT_EQ(store->named("nobody").limits, server);
    settings[1].limits = {{"runs", 90}};
    const auto refused = StaticTenantStore::create(settings, server);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "tenant 'zenith': no limit of a run is called \"runs\"");
}

TEST(TenantStore, FindsTheTenantOfEachKey) {
    const auto store = store_of(two_tenants());
    const Tenant acme{.name = "acme", .weight = 2.0};
    const Tenant zenith{.name = "zenith", .weight = 0.5};
    EXPECT_EQ(store->authenticate("key-a1"), acme);
    EXPECT_EQ(store->authenticate("key-a2"), acme);
    EXPECT_EQ(store->authenticate("key-z"), zenith);
}

TEST(TenantStore, AsksForAKeyThatIsMissing) {
    const auto store = store_of(two_tenants());
    for (const std::optional<std::string_view> key :
         {std::optional<std::string_view>(), std::optional<std::string_view>("")}) {
        const auto refused = store->authenticate(key);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().type, ErrorType::kUnauthenticated);
        EXPECT_EQ(refused.error().code, "missing_key");
        EXPECT_EQ(refused.error().message,
                  "This request carries no API key. Send one in the header 'Authorization: Bearer "
                  "<key>'; whoever runs this server gives keys out.");
    }
}

TEST(TenantStore, RefusesAWrongKeyWithoutRepeatingIt) {
    const auto store = store_of(two_tenants());
    const std::vector<std::string> wrong{
        "key-a", "key-a11", "KEY-A1", hash_key("key-a1"), std::string("key-a1\0", 7), "local"};
    for (const std::string& key : wrong) {
        const auto refused = store->authenticate(key);
        ASSERT_FALSE(refused.has_value()) << key;
        EXPECT_EQ(refused.error().type, ErrorType::kUnauthenticated);
        EXPECT_EQ(refused.error().code, "invalid_key");
        EXPECT_FALSE(refused.error().retryable);
        EXPECT_EQ(refused.error().message,
                  "The API key of this request is not valid here. Check that it was copied whole, "
                  "or ask whoever runs this server for a new one.");
    }
}

std::string refusal_of(const Settings& settings) {
    const auto store = StaticTenantStore::create(settings, {});
    if (store.has_value()) {
        return "accepted";
    }
    EXPECT_EQ(store.error().code, "invalid_config");
    return store.error().message;
}

TEST(TenantStore, RefusesAmbiguousOrMalformedTenants) {
    EXPECT_EQ(refusal_of(
                  {{.name = "a", .keys = {hash_key("1")}}, {.name = "a", .keys = {hash_key("2")}}}),
              "two tenants are called 'a'");
    EXPECT_EQ(refusal_of({{.name = "a", .keys = {"rk_plain"}}}),
              "tenant 'a' has a key that is not a hash as `realm key hash` prints it");
    EXPECT_EQ(refusal_of(
                  {{.name = "a", .keys = {hash_key("1")}}, {.name = "b", .keys = {hash_key("1")}}}),
              "tenant 'b' has a key that tenant 'a' has already");
    EXPECT_EQ(refusal_of({{.name = "a", .keys = {hash_key("1"), hash_key("1")}}}),
              "tenant 'a' has a key that tenant 'a' has already");
}

TEST(TenantStore, ATenantWithoutKeysLetsNobodyIn) {
    const auto store = store_of({{.name = "a", .keys = {}}});
    EXPECT_EQ(store->authenticate("x").error().code, "invalid_key");
    EXPECT_EQ(store->authenticate(std::nullopt).error().code, "missing_key");
}

}  // namespace
}  // namespace realm::tenancy
