// Who a request belongs to: the tenant behind an API key.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "tenancy/key.h"

namespace realm::tenancy {

// The tenant of a server that has none configured.
inline constexpr std::string_view kLocalTenant = "local";

// A value. `name` is unique in a server and names the tenant everywhere.
struct Tenant {
    std::string name;
    double weight = 1.0;      // share of the model against other tenants; > 0
    config::Limits limits{};  // of its programs' runs; the server's, where it has none of its own

    friend bool operator==(const Tenant&, const Tenant&) = default;
};

// Where tenants and their keys come from. Owned by the composition root. Thread-safe.
class TenantStore {
public:
    TenantStore() = default;
    TenantStore(const TenantStore&) = delete;
    TenantStore& operator=(const TenantStore&) = delete;
    virtual ~TenantStore() = default;

    // The tenant that holds `key`. unauthenticated/missing_key without one,
    // unauthenticated/invalid_key when nobody holds it; no message contains the key.
    [[nodiscard]] virtual Result<Tenant> authenticate(
        std::optional<std::string_view> key) const = 0;
    // The tenant that authenticate() once gave; for another name one with the server's limits.
    [[nodiscard]] virtual Tenant named(std::string_view name) const = 0;
};

// The tenants of the configuration, fixed for the life of the process. Without any, every request
// is the local tenant's, whatever key it brings.
class StaticTenantStore final : public TenantStore {
public:
    // invalid_request/invalid_config when a hash is malformed or two tenants share a name or key.
    // `limits` are the server's.
    static Result<std::unique_ptr<StaticTenantStore>> create(
        std::span<const config::TenantSettings> tenants, const config::Limits& limits);

    [[nodiscard]] Result<Tenant> authenticate(std::optional<std::string_view> key) const override;
    [[nodiscard]] Tenant named(std::string_view name) const override;

private:
    struct Entry {
        KeyDigest digest{};
        std::size_t tenant = 0;  // index into tenants_
    };

    explicit StaticTenantStore(const config::Limits& limits) : limits_(limits) {}
    Result<void> add(const config::TenantSettings& settings);
    [[nodiscard]] std::optional<std::size_t> find(const KeyDigest& digest) const;

    const config::Limits limits_;
    std::vector<Tenant> tenants_;
    std::vector<Entry> entries_;
};

}  // namespace realm::tenancy
