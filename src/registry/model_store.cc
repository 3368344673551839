#include "registry/model_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>
#include <tuple>

#include "registry/file_util.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{64} << 10;
constexpr std::string_view kExtension = ".gguf";

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_name_character(char c) {
    return is_name_start(c) || c == '.' || c == '_' || c == '-';
}

std::string join_names(const std::vector<ModelEntry>& entries) {
    std::string names;
    for (const ModelEntry& entry : entries) {
        names += (names.empty() ? "" : ", ") + entry.name;
    }
    return names;
}

fs::path absolute_or_same(const fs::path& path) {
    std::error_code error;
    fs::path absolute = fs::absolute(path, error);
    return error ? path : absolute.lexically_normal();
}

Result<fs::path> resolve_path(std::string_view text) {
    fs::path path(text);
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
        return fail(ErrorType::kNotFound, "model_file_not_found",
                    fmt::format("there is no model file '{}'{}", text,
                                error && error != std::errc::no_such_file_or_directory
                                    ? fmt::format(" ({})", error.message())
                                    : std::string()));
    }
    if (!fs::is_regular_file(status)) {
        return fail(ErrorType::kInvalidRequest, "not_a_file",
                    fmt::format("'{}' is no file; a model is one .gguf file", text));
    }
    return path;
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

bool is_model_path(std::string_view name_or_path) {
    return name_or_path.contains('/') || lower_case(name_or_path).ends_with(kExtension);
}

Result<void> check_model_name(std::string_view name) {
    const bool good = !name.empty() && name.size() <= kMaxNameBytes &&
                      is_name_start(name.front()) && std::ranges::all_of(name, is_name_character) &&
                      !name.ends_with(kExtension);
    if (!good) {
        return fail(ErrorType::kInvalidRequest, "invalid_model_name",
                    fmt::format("'{}' is no model name: 1 to {} of a-z, 0-9, '.', '_' and '-', the "
                                "first a letter or digit, without '.gguf' at the end",
                                name.substr(0, kMaxNameBytes), kMaxNameBytes));
    }
    return {};
}

ModelStore::ModelStore(const fs::path& root, std::span<const KnownModel> catalogue)
    : root_(absolute_or_same(root)), catalogue_(catalogue) {}

Result<fs::path> ModelStore::default_root(const Environment& environment) {
    auto root = cache_directory(environment);
    return root ? Result<fs::path>(*root / "models") : root;
}

fs::path ModelStore::model_path(std::string_view name) const {
    return root_ / fmt::format("{}{}", name, kExtension);
}

fs::path ModelStore::record_path(std::string_view name) const {
    return root_ / fmt::format("{}.json", name);
}

const KnownModel* ModelStore::find_known(std::string_view name) const {
    const auto found = std::ranges::find(catalogue_, name, &KnownModel::name);
    return found == catalogue_.end() ? nullptr : &*found;
}

std::optional<ModelRecord> ModelStore::read_record(std::string_view name) const {
    const auto text = read_file(record_path(name), kMaxRecordBytes);
    if (!text) {
        return std::nullopt;
    }
    const json record = json::parse(*text, nullptr, false);
    if (!record.is_object() || !record.contains("source") || !record["source"].is_string() ||
        !record.contains("sha256") || !record["sha256"].is_string() || !record.contains("bytes") ||
        !record["bytes"].is_number_unsigned()) {
        return std::nullopt;
    }
    return ModelRecord{
        .source = record["source"], .sha256 = record["sha256"], .bytes = record["bytes"]};
}

Result<void> ModelStore::write_record(std::string_view name, const ModelRecord& record) const {
    const json text = {
        {"source", record.source}, {"sha256", record.sha256}, {"bytes", record.bytes}};
    return write_file_atomically(record_path(name),
                                 text.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

Result<std::vector<ModelEntry>> ModelStore::list() const {
    std::vector<ModelEntry> entries;
    std::error_code error;
    fs::directory_iterator place(root_, error);
    for (; !error && place != fs::directory_iterator(); place.increment(error)) {
        const fs::path& path = place->path();
        std::error_code file_error;
        if (lower_case(path.extension().string()) != kExtension ||
            !place->is_regular_file(file_error)) {
            continue;
        }
        const std::uint64_t bytes = place->file_size(file_error);
        if (file_error) {
            continue;  // removed since the directory was read
        }
        ModelEntry entry{.name = lower_case(path.stem().string()),
                         .path = path,
                         .bytes = bytes,
                         .sha256 = {},
                         .source = {}};
        // A record counts for the file that it was written for, not for one put in its place.
        if (auto record = read_record(path.stem().string()); record && record->bytes == bytes) {
            entry.sha256 = std::move(record->sha256);
            entry.source = std::move(record->source);
        }
        entries.push_back(std::move(entry));
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return std::unexpected(registry::file_error(error.value(), "read the directory", root_));
    }
    std::ranges::sort(entries, [](const ModelEntry& a, const ModelEntry& b) {
        return std::tie(a.name, a.path) < std::tie(b.name, b.path);
    });
    return entries;
}

Result<fs::path> ModelStore::resolve(std::string_view name_or_path) const {
    if (is_model_path(name_or_path)) {
        return resolve_path(name_or_path);
    }
    const std::string name = lower_case(name_or_path);
    std::error_code error;
    if (check_model_name(name) && fs::is_regular_file(model_path(name), error)) {
        return model_path(name);
    }
    const auto entries = list();
    if (!entries) {
        return std::unexpected(entries.error());
    }
    const auto found = std::ranges::find(*entries, name, &ModelEntry::name);
    if (found != entries->end()) {
        return found->path;
    }
    return std::unexpected(unknown_name(name_or_path));
}

Error ModelStore::unknown_name(std::string_view name) const {
    const std::string lower = lower_case(name);
    std::string message;
    if (find_known(lower) != nullptr) {
        message =
            fmt::format("model '{0}' is not on this machine yet; run `realm pull {0}`", lower);
    } else {
        const auto entries = list().value_or(std::vector<ModelEntry>());
        message = entries.empty() ? fmt::format("there is no model '{}', and none at all in '{}'",
                                                name, root_.string())
                                  : fmt::format("there is no model '{}'; there is: {}", name,
                                                join_names(entries));
        for (const KnownModel& known : catalogue_) {
            if (std::ranges::find(entries, known.name, &ModelEntry::name) == entries.end()) {
                message += fmt::format("; run `realm pull {0}` for '{0}'", known.name);
            }
        }
        message += "; a path to a .gguf file works too";
    }
    return fail(ErrorType::kNotFound, "model_not_found", std::move(message)).error();
}

}  // namespace realm::registry
