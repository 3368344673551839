#include "config/exposure.h"

#include <string>

#include <gtest/gtest.h>

#include "config/settings.h"

namespace realm::config {
namespace {

TEST(Exposure, KnowsAddresses) {
    for (const char* text : {"127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1", "localhost"}) {
        EXPECT_TRUE(is_address(text)) << text;
    }
    for (const char* text : {"", "example", "127.0.0", "256.0.0.1", "127.0.0.1:80", "[::1]", "1"}) {
        EXPECT_FALSE(is_address(text)) << text;
    }
    EXPECT_FALSE(is_address(std::string("127.0.0.1\0x", 11)));
}

TEST(Exposure, KnowsLoopback) {
    for (const char* text :
         {"127.0.0.1", "127.255.255.254", "::1", "localhost", "::ffff:127.0.0.1"}) {
        EXPECT_TRUE(is_loopback(text)) << text;
    }
    for (const char* text : {"0.0.0.0", "::", "126.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1",
                             "192.168.1.1", "nonsense"}) {
        EXPECT_FALSE(is_loopback(text)) << text;
    }
}

TEST(Exposure, RefusesToServeOthersWithoutTenants) {
    Settings settings;
    EXPECT_TRUE(check_exposure(settings).has_value());
    settings.server.address = "0.0.0.0";
    const auto refused = check_exposure(settings);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(refused.error().code, "exposed_without_tenants");
    EXPECT_EQ(refused.error().message,
              "server.address is 0.0.0.0, which other machines can reach, but no tenant is "
              "configured, so anybody could use the server; add a tenant with a key (realm key "
              "hash), or listen on 127.0.0.1");
    settings.tenants.push_back({.name = "a", .keys = {"sha256:x"}});
    EXPECT_TRUE(check_exposure(settings).has_value());
}

}  // namespace
}  // namespace realm::config
