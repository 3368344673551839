// What a program says about itself, as its author writes it into the module.

#include "registry/manifest.h"

#include <array>
#include <string_view>

#include "tests/fuzz/fuzz.h"

using realm::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr std::array<std::string_view, 2> kInterfaces{"model", "request"};
    const realm::config::Limits limits;
    // Small, so that small inputs reach it.
    const realm::registry::ManifestRules narrow{
        .max_bytes = 256, .interfaces = kInterfaces, .limits = limits};
    const realm::registry::ManifestRules wide{.interfaces = kInterfaces, .limits = limits};
    const auto manifest = realm::registry::parse_manifest(realm::fuzz::text_of(data, size), narrow);
    if (!manifest) {
        require(manifest.error().type == realm::ErrorType::kInvalidRequest, "a reason is given");
        return 0;
    }
    require(size <= narrow.max_bytes, "a manifest has its limit");
    const std::string text = realm::registry::manifest_json(*manifest);
    const auto again = realm::registry::parse_manifest(text, wide);
    require(again.has_value() && *again == *manifest, "what was written is read");
    require(realm::registry::manifest_json(*again) == text, "and always written so");
    return 0;
}
