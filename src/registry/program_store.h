// The programs that tenants have pushed, on disk: names, versions, modules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"

namespace realm::registry {

// A program's name in a request: NAME is its newest version, NAME@VERSION that one.
struct ProgramRef {
    std::string name;
    std::optional<std::string> version;

    // invalid_program_name, invalid_program_version.
    static Result<ProgramRef> parse(std::string_view text);
};

// 1 to 64 of a-z 0-9 . _ -, the first a letter or digit; else invalid_program_name.
Result<void> check_program_name(std::string_view name);

// One version, which never changes.
struct ProgramVersion {
    std::string name;
    std::string version;
    std::string digest;  // SHA-256 of the module, hexadecimal
    std::uint64_t bytes = 0;
    std::string created;         // RFC 3339
    std::uint64_t sequence = 0;  // grows with each version of the program

    friend bool operator==(const ProgramVersion&, const ProgramVersion&) = default;
};

struct PushedProgram {
    ProgramVersion version;
    bool is_new = false;  // false: it was there with the same content
};

struct StoredProgram {
    ProgramVersion version;
    std::string wasm;
};

struct ProgramStoreOptions {
    std::filesystem::path directory;
    std::size_t max_programs = 64;  // of a tenant
    std::size_t max_versions = 32;  // of a program
};

// Owned by the composition root. Thread-safe. All but find(), list() and damaged() read or write
// files: call them on a worker. Several processes may share a directory; each sees what the others
// push to a program when it next pushes to it or starts.
class ProgramStore {
public:
    // $XDG_DATA_HOME/realm or ~/.local/share/realm; no_data_directory when neither variable is set.
    static Result<std::filesystem::path> default_directory(
        const std::function<std::optional<std::string>(const std::string& name)>& environment);

    // Creates the directory, readable by its owner alone, and reads what is there. Entries that
    // are damaged are left out and told by damaged().
    static Result<std::unique_ptr<ProgramStore>> open(const ProgramStoreOptions& options);

    // What a push of that content would come to, as far as it is known: the version that is there
    // already, nothing for a new one, or the error. `version` is empty for the next number, which
    // also means the newest version where that has this content.
    // conflict/version_exists, quota_exceeded/too_many_programs, too_many_versions.
    [[nodiscard]] Result<std::optional<ProgramVersion>> check(std::string_view tenant,
                                                              std::string_view name,
                                                              std::string_view version,
                                                              std::string_view digest) const;

    // Keeps the module. Errors as above, and those of writing files.
    Result<PushedProgram> put(std::string_view tenant, std::string_view name,
                              std::string_view version, std::string_view wasm);

    // not_found/program_not_found; the same whether nobody or somebody else has one of that name.
    [[nodiscard]] Result<ProgramVersion> find(std::string_view tenant, const ProgramRef& ref) const;

    // By name, and within it from the oldest version to the newest.
    [[nodiscard]] std::vector<ProgramVersion> list(std::string_view tenant) const;

    // The module, verified; internal/program_damaged where it is not what was pushed.
    [[nodiscard]] Result<std::string> read(const ProgramVersion& version) const;

    // find() and read() in one.
    [[nodiscard]] Result<StoredProgram> load(std::string_view tenant, const ProgramRef& ref) const;

    // Removes one version, or all of them; returns them.
    Result<std::vector<ProgramVersion>> remove(std::string_view tenant, const ProgramRef& ref);

    // What was left out, one line each, for people.
    [[nodiscard]] const std::vector<std::string>& damaged() const { return damaged_; }

private:
    using Versions = std::vector<ProgramVersion>;  // by sequence
    using Programs = std::map<std::string, Versions, std::less<>>;
    using Tenants = std::map<std::string, Programs, std::less<>>;

    explicit ProgramStore(ProgramStoreOptions options) : options_(std::move(options)) {}

    Result<void> scan();
    // Reads one program's records; what is damaged goes to `damaged`.
    [[nodiscard]] Versions read_program(const std::filesystem::path& directory,
                                        std::vector<std::string>& damaged) const;
    [[nodiscard]] std::filesystem::path tenant_directory(std::string_view tenant) const;
    [[nodiscard]] std::filesystem::path blob_path(std::string_view digest) const;
    Result<void> write(std::string_view tenant, const ProgramVersion& version,
                       std::string_view wasm) const;
    [[nodiscard]] bool in_use(std::string_view digest) const;

    const ProgramStoreOptions options_;
    std::vector<std::string> damaged_;
    base::Guarded<Tenants> tenants_;
};

}  // namespace realm::registry
