// What a program says about itself: the manifest that travels in its module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/limits.h"
#include "config/run_limits.h"

namespace realm::registry {

// The custom section that holds a manifest, as JSON.
inline constexpr std::string_view kManifestSection = "realm.manifest";

// What a program that was built for WASI is given.
struct WasiGrant {
    std::vector<std::string> args;  // without the program's name
    std::map<std::string, std::string> env;
    std::uint64_t scratch_bytes = 0;  // of a directory of its own; 0: none

    friend bool operator==(const WasiGrant&, const WasiGrant&) = default;
};

// A value. A module without a manifest has the default one.
struct Manifest {
    std::string name;     // empty: that of the upload
    std::string version;  // empty: the next number
    std::string description;
    std::optional<std::vector<std::string>> interfaces;  // that it may import; nothing: all
    config::LimitValues limits;                          // at most the tenant's
    std::map<std::string, std::string> operations;       // to the export that runs each
    bool strict = false;                                 // unknown imports are refused
    WasiGrant wasi;
    std::string conventions;  // a JSON object for the adapter that calls the module; or empty

    friend bool operator==(const Manifest&, const Manifest&) = default;
};

// What a manifest may say on this server. Borrows its parts.
struct ManifestRules {
    std::size_t max_bytes = std::size_t{64} << 10;
    std::span<const std::string_view> interfaces;  // that the server has
    const config::Limits& limits;                  // of the tenant
};

// Reads the JSON. invalid_request/invalid_manifest names the place in it ("wasi.args[2]"), what is
// wrong and what is allowed; unknown keys are refused with the nearest known one.
Result<Manifest> parse_manifest(std::string_view json, const ManifestRules& rules);

// The same manifest always gives the same text.
std::string manifest_json(const Manifest& manifest);

// 1 to 64 of letters, digits, '.', '_', '-' and '+', the first a letter or digit.
bool is_program_version(std::string_view version);

std::unexpected<Error> invalid_manifest(std::string_view what);

}  // namespace realm::registry
