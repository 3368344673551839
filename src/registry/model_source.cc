#include "registry/model_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace realm::registry {
namespace {

constexpr std::string_view kHubPrefix = "hf:";
constexpr std::string_view kForms =
    "a name that is known, an http(s) URL of a .gguf file, hf:OWNER/REPO/FILE.gguf or "
    "OWNER/REPO:FILE.gguf";

bool is_url(std::string_view text) {
    const std::string lower = lower_case(text.substr(0, 8));
    return lower.starts_with("http://") || lower.starts_with("https://");
}

bool ends_in_gguf(std::string_view text) {
    return lower_case(text).ends_with(".gguf");
}

// The last part of a path, without ".gguf".
std::string_view stem_of(std::string_view path) {
    path = path.substr(path.find_last_of('/') + 1);
    return ends_in_gguf(path) ? path.substr(0, path.size() - std::string_view(".gguf").size())
                              : path;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '~';
}

// Percent-encodes all but unreserved characters and '/'.
std::string encode_path(std::string_view path) {
    std::string encoded;
    for (const char c : path) {
        if (is_unreserved(c) || c == '/') {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

struct HubFile {
    std::string repository;  // owner/repo
    std::string file;
};

// The parts of "owner/repo/dir/file" at the slashes; an empty or dotted part makes it invalid.
bool has_plain_parts(std::string_view path) {
    while (true) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        if (part.empty() || part == "." || part == "..") {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
}

std::optional<HubFile> parse_hub_file(std::string_view spec) {
    HubFile hub;
    if (spec.starts_with(kHubPrefix)) {
        spec.remove_prefix(kHubPrefix.size());
        const std::size_t owner_end = spec.find('/');
        const std::size_t repo_end =
            owner_end == std::string_view::npos ? owner_end : spec.find('/', owner_end + 1);
        if (repo_end == std::string_view::npos) {
            return std::nullopt;
        }
        hub = {.repository = std::string(spec.substr(0, repo_end)),
               .file = std::string(spec.substr(repo_end + 1))};
    } else {
        const std::size_t colon = spec.find(':');
        if (colon == std::string_view::npos) {
            return std::nullopt;
        }
        hub = {.repository = std::string(spec.substr(0, colon)),
               .file = std::string(spec.substr(colon + 1))};
    }
    const bool good =
        std::ranges::count(hub.repository, '/') == 1 &&
        std::ranges::all_of(hub.repository, [](char c) { return is_unreserved(c) || c == '/'; }) &&
        has_plain_parts(hub.repository) && has_plain_parts(hub.file) && ends_in_gguf(hub.file);
    return good ? std::optional(hub) : std::nullopt;
}

ModelSource from_hub(const HubFile& file, const HubOptions& hub) {
    std::string_view endpoint = hub.endpoint;
    while (endpoint.ends_with('/')) {
        endpoint.remove_suffix(1);
    }
    return {.name = lower_case(stem_of(file.file)),
            .description = fmt::format("hf:{}/{}", file.repository, file.file),
            .from = UrlSource{.url = fmt::format("{}/{}/resolve/main/{}", endpoint, file.repository,
                                                 encode_path(file.file)),
                              .bearer_token = hub.token}};
}

std::unexpected<Error> not_understood(std::string_view spec, std::string_view why) {
    return fail(ErrorType::kInvalidRequest, "invalid_model_source",
                fmt::format("'{}' cannot be pulled: {}. What can: {}", spec, why, kForms));
}

Result<ModelSource> from_url(std::string_view url) {
    std::string display = display_url(url);
    const std::string_view after_scheme = std::string_view(display).substr(display.find("://") + 3);
    const std::size_t slash = after_scheme.find('/');
    const std::string_view path =
        slash == std::string_view::npos ? std::string_view() : after_scheme.substr(slash);
    if (slash == 0 || after_scheme.empty()) {
        return not_understood(display, "the URL names no host");
    }
    if (!ends_in_gguf(path)) {
        return not_understood(display, "the URL's path does not end in .gguf");
    }
    std::string name = lower_case(stem_of(path));
    return ModelSource{.name = std::move(name),
                       .description = std::move(display),
                       .from = UrlSource{.url = std::string(url), .bearer_token = {}}};
}

std::unexpected<Error> unknown_model(std::string_view name, const ModelStore& store) {
    std::string known;
    for (const KnownModel& model : store.catalogue()) {
        known += fmt::format("{}{}", known.empty() ? "" : ", ", model.name);
    }
    return fail(ErrorType::kNotFound, "model_not_found",
                fmt::format("no model is known as '{}'; known by name: {}. Others by {}", name,
                            known.empty() ? "none" : known, kForms.substr(kForms.find("an http"))));
}

}  // namespace

std::string display_url(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) {
        return std::string(url);
    }
    const std::string_view scheme = url.substr(0, scheme_end + 3);
    std::string_view rest = url.substr(scheme_end + 3);
    const std::string_view authority = rest.substr(0, rest.find('/'));
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        rest.remove_prefix(at + 1);
    }
    return fmt::format("{}{}", scheme, rest);
}

Result<ModelSource> parse_model_source(std::string_view spec, const ModelStore& store,
                                       const HubOptions& hub) {
    const std::string lower = lower_case(spec);
    if (const KnownModel* known = store.find_known(lower)) {
        return ModelSource{.name = std::string(known->name),
                           .description = fmt::format("pip:{}=={}", known->package, known->version),
                           .from = PackageSource{.model = known}};
    }
    if (is_url(spec)) {
        return from_url(spec);
    }
    if (const auto file = parse_hub_file(spec)) {
        return from_hub(*file, hub);
    }
    if (spec.contains("://")) {
        return not_understood(display_url(spec), "only http and https are spoken");
    }
    if (spec.starts_with(kHubPrefix) || spec.contains(':')) {
        return not_understood(spec, "it is no OWNER/REPO and FILE.gguf");
    }
    if (is_model_path(spec)) {
        return not_understood(spec,
                              "it is a path; a file that is here needs no pull, "
                              "give the path where a model name is asked for");
    }
    if (spec.empty()) {
        return not_understood(spec, "it is empty");
    }
    return unknown_model(spec, store);
}

}  // namespace realm::registry
