// The user's model cache: which models are there, and which file a name means.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "registry/cache_directory.h"
#include "registry/known_models.h"

namespace realm::registry {

struct ModelEntry {
    std::string name;  // lower case
    std::filesystem::path path;
    std::uint64_t bytes = 0;
    std::string sha256;  // empty where the file was not pulled by us
    std::string source;  // where it was pulled from; empty where unknown

    friend bool operator==(const ModelEntry&, const ModelEntry&) = default;
};

// Where it came from and what it must be; kept beside the file as NAME.json.
struct ModelRecord {
    std::string source;
    std::string sha256;
    std::uint64_t bytes = 0;
};

// A value: a directory and a catalogue. It keeps nothing in memory, so that it sees what other
// processes pull; any thread may use it. The catalogue must outlive it.
class ModelStore {
public:
    explicit ModelStore(const std::filesystem::path& root,
                        std::span<const KnownModel> catalogue = known_models());

    // "models" in cache_directory().
    static Result<std::filesystem::path> default_root(const Environment& environment);

    // Every *.gguf of the directory, by name; none where the directory is missing.
    [[nodiscard]] Result<std::vector<ModelEntry>> list() const;

    // The file that a name or a path means. What holds a '/' or ends in ".gguf" is a path and must
    // be a file (model_file_not_found); anything else is a name, in either case of letters
    // (model_not_found, with what to do about it). The content is not looked at.
    [[nodiscard]] Result<std::filesystem::path> resolve(std::string_view name_or_path) const;

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] std::span<const KnownModel> catalogue() const { return catalogue_; }
    [[nodiscard]] const KnownModel* find_known(std::string_view name) const;

    // Where a model of this name belongs, and its record.
    [[nodiscard]] std::filesystem::path model_path(std::string_view name) const;
    [[nodiscard]] std::filesystem::path record_path(std::string_view name) const;
    // Where unfinished downloads and locks live; not listed.
    [[nodiscard]] std::filesystem::path partial_directory() const { return root_ / ".partial"; }

    // Nothing where there is none, or it cannot be read.
    [[nodiscard]] std::optional<ModelRecord> read_record(std::string_view name) const;
    [[nodiscard]] Result<void> write_record(std::string_view name, const ModelRecord& record) const;

private:
    [[nodiscard]] Error unknown_name(std::string_view name) const;

    std::filesystem::path root_;
    std::span<const KnownModel> catalogue_;
};

// ASCII letters to lower case; other bytes stay.
std::string lower_case(std::string_view text);

// True for what holds a '/' or ends in ".gguf" in either case.
bool is_model_path(std::string_view name_or_path);

// 1 to 128 of a-z 0-9 . _ -, first a letter or digit; else invalid_model_name.
Result<void> check_model_name(std::string_view name);

}  // namespace realm::registry
