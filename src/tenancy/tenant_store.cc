#include "tenancy/tenant_store.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "config/run_limits.h"

namespace realm::tenancy {
namespace {

std::unexpected<Error> bad_config(std::string message) {
    return fail(ErrorType::kInvalidRequest, "invalid_config", std::move(message));
}

}  // namespace

Result<std::unique_ptr<StaticTenantStore>> StaticTenantStore::create(
    std::span<const config::TenantSettings> tenants, const config::Limits& limits) {
    std::unique_ptr<StaticTenantStore> store(new StaticTenantStore(limits));
    for (const config::TenantSettings& tenant : tenants) {
        if (auto added = store->add(tenant); !added) {
            return std::unexpected(std::move(added.error()));
        }
    }
    return store;
}

Result<void> StaticTenantStore::add(const config::TenantSettings& settings) {
    if (std::ranges::find(tenants_, settings.name, &Tenant::name) != tenants_.end()) {
        return bad_config("two tenants are called '" + settings.name + "'");
    }
    for (const std::string& hash : settings.keys) {
        const auto digest = parse_key_hash(hash);
        if (!digest) {
            return bad_config("tenant '" + settings.name +
                              "' has a key that is not a hash as "
                              "`realm key hash` prints it");
        }
        if (const auto owner = find(*digest)) {
            const std::string& holder =
                *owner == tenants_.size() ? settings.name : tenants_[*owner].name;
            return bad_config("tenant '" + settings.name + "' has a key that tenant '" + holder +
                              "' has already");
        }
        entries_.push_back({.digest = *digest, .tenant = tenants_.size()});
    }
    auto limits = config::overridden(limits_, settings.limits);
    if (!limits) {
        return bad_config("tenant '" + settings.name + "': " + limits.error().message);
    }
    tenants_.push_back({.name = settings.name, .weight = settings.weight, .limits = *limits});
    return {};
}

// Looks at every entry and at every byte of it, so that the time says nothing about the hashes.
std::optional<std::size_t> StaticTenantStore::find(const KeyDigest& digest) const {
    std::size_t found = 0;  // 1 + the index of the tenant
    for (const Entry& entry : entries_) {
        const bool equal = CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0;
        found |= (entry.tenant + 1) * static_cast<std::size_t>(equal);
    }
    if (found == 0) {
        return std::nullopt;
    }
    return found - 1;
}

Result<Tenant> StaticTenantStore::authenticate(std::optional<std::string_view> key) const {
    if (tenants_.empty()) {
        return named(kLocalTenant);
    }
    if (!key || key->empty()) {
        return fail(ErrorType::kUnauthenticated, "missing_key",
                    "This request carries no API key. Send one in the header 'Authorization: "
                    "Bearer <key>'; whoever runs this server gives keys out.");
    }
    const auto tenant = find(digest_of_key(*key));
    if (!tenant) {
        return fail(ErrorType::kUnauthenticated, "invalid_key",
                    "The API key of this request is not valid here. Check that it was copied "
                    "whole, or ask whoever runs this server for a new one.");
    }
    return tenants_[*tenant];
}

Tenant StaticTenantStore::named(std::string_view name) const {
    const auto found = std::ranges::find(tenants_, name, &Tenant::name);
    return found == tenants_.end() ? Tenant{.name = std::string(name), .limits = limits_} : *found;
}

}  // namespace realm::tenancy
