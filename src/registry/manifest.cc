#include "registry/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "config/suggestion.h"
#include "envelope/envelope.h"

namespace realm::registry {
namespace {

using envelope::Json;

constexpr std::size_t kMaxVersionBytes = 64;
constexpr std::size_t kMaxDescriptionBytes = 1024;
constexpr std::size_t kMaxNameBytes = 256;   // of operations, exports, variables
constexpr std::size_t kMaxTextBytes = 4096;  // of arguments and variables' values
constexpr std::size_t kMaxEntries = 64;      // of each list
constexpr std::size_t kMaxShownBytes = 64;   // of a key in a message
constexpr std::int64_t kMaxScratchBytes = std::int64_t{1} << 30;

constexpr std::array<std::string_view, 9> kKeys{"name",       "version", "description",
                                                "interfaces", "limits",  "strict",
                                                "operations", "wasi",    "conventions"};
constexpr std::array<std::string_view, 3> kWasiKeys{"args", "env", "scratch_bytes"};

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The end of reading; never leaves this file.
struct Refused {
    Error error;
};

[[noreturn]] void refuse(std::string_view what) {
    throw Refused{invalid_manifest(what).error()};
}

[[noreturn]] void wrong(std::string_view path, std::string_view wanted) {
    refuse(fmt::format("'{}' must be {}", path, wanted));
}

std::string shown_key(std::string_view key) {
    std::string text;
    for (const char c : key.substr(0, kMaxShownBytes)) {
        text += c > ' ' && c < 0x7f ? c : '?';
    }
    return text;
}

std::string child(std::string_view path, std::string_view key) {
    return path.empty() ? shown_key(key) : fmt::format("{}.{}", path, shown_key(key));
}

[[noreturn]] void unknown(std::string_view path, std::string_view kind, std::string_view name,
                          std::span<const std::string_view> known) {
    std::string what = fmt::format("'{}' is no {}", child(path, name), kind);
    if (const auto suggestion = config::suggest(name, known)) {
        what += fmt::format("; did you mean '{}'?", *suggestion);
    } else {
        what += fmt::format("; there is: {}", fmt::join(known, ", "));
    }
    refuse(what);
}

void check_object(const Json& json, std::string_view path,
                  std::span<const std::string_view> known) {
    if (!json.is_object()) {
        wrong(path, "an object");
    }
    for (const auto& [key, value] : json.items()) {
        if (std::ranges::find(known, key) == known.end()) {
            unknown(path, "key of a manifest", key, known);
        }
    }
}

// A string of at most `most` bytes, without the zero byte that would end it for the C library.
std::string text_of(const Json& json, std::string_view path, std::size_t least, std::size_t most) {
    const auto* const text = json.get_ptr<const std::string*>();
    if (text == nullptr || text->size() < least || text->size() > most ||
        text->find('\0') != std::string::npos || !base::is_utf8(*text)) {
        wrong(path, fmt::format("a string of {} to {} bytes without zero bytes", least, most));
    }
    return *text;
}

std::vector<std::string> texts_of(const Json& json, std::string_view path, std::size_t least,
                                  std::size_t most) {
    if (!json.is_array() || json.size() > kMaxEntries) {
        wrong(path, fmt::format("an array of at most {} strings", kMaxEntries));
    }
    std::vector<std::string> texts;
    for (const Json& entry : json) {
        texts.push_back(text_of(entry, fmt::format("{}[{}]", path, texts.size()), least, most));
    }
    return texts;
}

bool flag_of(const Json& json, std::string_view path) {
    if (!json.is_boolean()) {
        wrong(path, "true or false");
    }
    return json.get<bool>();
}

void check_entries(const Json& json, std::string_view path, std::string_view what) {
    if (!json.is_object() || json.size() > kMaxEntries) {
        wrong(path, fmt::format("an object of at most {} {}", kMaxEntries, what));
    }
}

std::string version_of(const Json& json) {
    const auto* const text = json.get_ptr<const std::string*>();
    if (text == nullptr || !is_program_version(*text)) {
        wrong("version", fmt::format("a string of 1 to {} letters, digits, '.', '_', '-' and '+', "
                                     "the first a letter or digit",
                                     kMaxVersionBytes));
    }
    return *text;
}

std::vector<std::string> interfaces_of(const Json& json, const ManifestRules& rules) {
    std::vector<std::string> names = texts_of(json, "interfaces", 1, kMaxNameBytes);
    for (const std::string& name : names) {
        if (std::ranges::find(rules.interfaces, name) == rules.interfaces.end()) {
            unknown("interfaces", "interface of this server", name, rules.interfaces);
        }
    }
    std::ranges::sort(names);
    const auto repeated = std::ranges::unique(names);
    names.erase(repeated.begin(), repeated.end());
    return names;
}

config::LimitValues limits_of(const Json& json, const ManifestRules& rules) {
    check_entries(json, "limits", "limits");
    config::LimitValues values;
    for (const auto& [name, value] : json.items()) {
        const bool fits = value.is_number_integer() &&
                          (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
        if (!fits) {
            wrong(child("limits", name), "a whole number");
        }
        values.emplace(name, value.get<std::int64_t>());
    }
    if (const auto allowed = config::narrowed(rules.limits, values); !allowed) {
        refuse(allowed.error().message);
    }
    return values;
}

std::map<std::string, std::string> operations_of(const Json& json) {
    std::map<std::string, std::string> operations;
    if (json.is_array()) {
        for (std::string& name : texts_of(json, "operations", 1, kMaxNameBytes)) {
            operations.emplace(name, name);
        }
        return operations;
    }
    check_entries(json, "operations", R"(operations {"export": name}, or an array of exports)");
    for (const auto& [name, value] : json.items()) {
        const std::string path = child("operations", name);
        if (name.empty() || name.size() > kMaxNameBytes) {
            wrong(path, fmt::format("named with 1 to {} bytes", kMaxNameBytes));
        }
        check_object(value, path, std::array<std::string_view, 1>{"export"});
        if (!value.contains("export")) {
            wrong(path, R"(an object {"export": name})");
        }
        operations.emplace(name, text_of(value["export"], path + ".export", 1, kMaxNameBytes));
    }
    return operations;
}

WasiGrant wasi_of(const Json& json) {
    check_object(json, "wasi", kWasiKeys);
    WasiGrant grant;
    if (json.contains("args")) {
        grant.args = texts_of(json["args"], "wasi.args", 0, kMaxTextBytes);
    }
    if (json.contains("env")) {
        check_entries(json["env"], "wasi.env", "variables");
        for (const auto& [name, value] : json["env"].items()) {
            const std::string path = child("wasi.env", name);
            if (name.empty() || name.size() > kMaxNameBytes ||
                name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
                wrong(path, fmt::format("named with 1 to {} bytes, none of them '=' or zero",
                                        kMaxNameBytes));
            }
            grant.env.emplace(name, text_of(value, path, 0, kMaxTextBytes));
        }
    }
    if (json.contains("scratch_bytes")) {
        const Json& bytes = json["scratch_bytes"];
        if (!bytes.is_number_unsigned() || bytes.get<std::uint64_t>() > kMaxScratchBytes) {
            wrong("wasi.scratch_bytes",
                  fmt::format("a whole number from 0 to {}", kMaxScratchBytes));
        }
        grant.scratch_bytes = bytes.get<std::uint64_t>();
    }
    return grant;
}

Manifest manifest_of(const Json& json, const ManifestRules& rules) {
    if (!json.is_object()) {
        refuse("it must be a JSON object");
    }
    check_object(json, "", kKeys);
    Manifest manifest;
    const auto at = [&](const char* key, const auto& read) {
        if (const auto found = json.find(key); found != json.end()) {
            read(*found);
        }
    };
    at("name", [&](const Json& value) { manifest.name = text_of(value, "name", 1, 64); });
    at("version", [&](const Json& value) { manifest.version = version_of(value); });
    at("description", [&](const Json& value) {
        manifest.description = text_of(value, "description", 0, kMaxDescriptionBytes);
    });
    at("interfaces", [&](const Json& value) { manifest.interfaces = interfaces_of(value, rules); });
    at("limits", [&](const Json& value) { manifest.limits = limits_of(value, rules); });
    at("operations", [&](const Json& value) { manifest.operations = operations_of(value); });
    at("strict", [&](const Json& value) { manifest.strict = flag_of(value, "strict"); });
    at("wasi", [&](const Json& value) { manifest.wasi = wasi_of(value); });
    at("conventions", [&](const Json& value) {
        if (!value.is_object()) {
            wrong("conventions", "an object");
        }
        manifest.conventions = envelope::dump(value);
    });
    return manifest;
}

}  // namespace

std::unexpected<Error> invalid_manifest(std::string_view what) {
    return fail(ErrorType::kInvalidRequest, "invalid_manifest", fmt::format("manifest: {}", what));
}

bool is_program_version(std::string_view version) {
    return !version.empty() && version.size() <= kMaxVersionBytes &&
           is_alphanumeric(version.front()) && std::ranges::all_of(version, [](char c) {
               return is_alphanumeric(c) || c == '.' || c == '_' || c == '-' || c == '+';
           });
}

Result<Manifest> parse_manifest(std::string_view json, const ManifestRules& rules) {
    if (json.size() > rules.max_bytes) {
        return invalid_manifest(
            fmt::format("its {} bytes are more than the limit of {} "
                        "(limits.manifest_bytes)",
                        json.size(), rules.max_bytes));
    }
    const auto parsed = envelope::parse_json(json);
    if (!parsed) {
        return invalid_manifest(parsed.error().message);
    }
    try {
        return manifest_of(*parsed, rules);
    } catch (const Refused& refused) {
        return std::unexpected(refused.error);
    }
}

std::string manifest_json(const Manifest& manifest) {
    Json json = Json::object();
    const auto put = [&](const char* key, const auto& value) {
        if (value != std::remove_cvref_t<decltype(value)>{}) {
            json[key] = value;
        }
    };
    put("name", manifest.name);
    put("version", manifest.version);
    put("description", manifest.description);
    put("limits", manifest.limits);
    put("strict", manifest.strict);
    if (manifest.interfaces) {
        json["interfaces"] = *manifest.interfaces;
    }
    for (const auto& [name, function] : manifest.operations) {
        json["operations"][name] = {{"export", function}};
    }
    if (manifest.wasi != WasiGrant{}) {
        json["wasi"] = {{"args", manifest.wasi.args},
                        {"env", manifest.wasi.env},
                        {"scratch_bytes", manifest.wasi.scratch_bytes}};
    }
    if (!manifest.conventions.empty()) {
        json["conventions"] = Json::parse(manifest.conventions);
    }
    return envelope::dump(json);
}

}  // namespace realm::registry
