#include "registry/program_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "envelope/envelope.h"
#include "registry/file_util.h"
#include "registry/manifest.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using envelope::Json;

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxRecordBytes = 4096;
constexpr std::string_view kRecordSuffix = ".json";
// A tenant may be called "..".
constexpr std::string_view kTenantPrefix = "t.";

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::unexpected<Error> not_found(const ProgramRef& ref) {
    return fail(
        ErrorType::kNotFound, "program_not_found",
        ref.version
            ? fmt::format("there is no program '{}@{}'; GET /v1/programs lists yours", ref.name,
                          *ref.version)
            : fmt::format("there is no program '{}'; GET /v1/programs lists yours", ref.name));
}

std::string record_of(const ProgramVersion& version) {
    const Json json = {{"name", version.name},       {"version", version.version},
                       {"digest", version.digest},   {"bytes", version.bytes},
                       {"created", version.created}, {"sequence", version.sequence}};
    return envelope::dump(json) + "\n";
}

std::optional<ProgramVersion> version_from(const Json& json) {
    try {
        ProgramVersion version{.name = json.at("name"),
                               .version = json.at("version"),
                               .digest = json.at("digest"),
                               .bytes = json.at("bytes"),
                               .created = json.at("created"),
                               .sequence = json.at("sequence")};
        const bool is_digest =
            version.digest.size() == 64 &&
            version.digest.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (is_digest) {
            return version;
        }
    } catch (const Json::exception&) {
        // Not a record: reported by whoever reads it.
    }
    return std::nullopt;
}

// "3" for 1 and 2: the first number that no version has.
std::string next_number(const std::vector<ProgramVersion>& versions) {
    std::uint64_t highest = 0;
    for (const ProgramVersion& version : versions) {
        std::uint64_t number = 0;
        const char* const end = version.version.data() + version.version.size();
        const auto parsed = std::from_chars(version.version.data(), end, number);
        if (parsed.ec == std::errc{} && parsed.ptr == end && number < UINT64_MAX) {
            highest = std::max(highest, number);
        }
    }
    return std::to_string(highest + 1);
}

std::vector<fs::path> entries_of(const fs::path& directory) {
    std::vector<fs::path> paths;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored)) {
        paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
}

const ProgramVersion* find_version(const std::vector<ProgramVersion>& versions,
                                   std::string_view version) {
    const auto found = std::ranges::find(versions, version, &ProgramVersion::version);
    return found == versions.end() ? nullptr : &*found;
}

// See ProgramStore::check().
Result<std::optional<ProgramVersion>> check_push(const std::vector<ProgramVersion>& versions,
                                                 std::string_view name, std::string_view version,
                                                 std::string_view digest, std::size_t most) {
    const ProgramVersion* const same = version.empty()
                                           ? (versions.empty() ? nullptr : &versions.back())
                                           : find_version(versions, version);
    if (same != nullptr && same->digest == digest) {
        return *same;
    }
    if (same != nullptr && !version.empty()) {
        return fail(ErrorType::kConflict, "version_exists",
                    fmt::format("program '{}' has a version '{}' with another content (digest {}); "
                                "versions do not change: push a new one",
                                name, version, same->digest));
    }
    if (versions.size() >= most) {
        return fail(ErrorType::kQuotaExceeded, "too_many_versions",
                    fmt::format("program '{}' has {} versions, as many as it may "
                                "(limits.program_versions); remove one with realm program remove "
                                "NAME@VERSION",
                                name, versions.size()));
    }
    return std::nullopt;
}

}  // namespace

Result<void> check_program_name(std::string_view name) {
    const bool good = !name.empty() && name.size() <= kMaxNameBytes &&
                      is_name_start(name.front()) && std::ranges::all_of(name, [](char c) {
                          return is_name_start(c) || c == '.' || c == '_' || c == '-';
                      });
    if (!good) {
        return fail(ErrorType::kInvalidRequest, "invalid_program_name",
                    fmt::format("'{}' is no program name: 1 to {} of a-z, 0-9, '.', '_' and '-', "
                                "the first a letter or digit",
                                name.substr(0, kMaxNameBytes), kMaxNameBytes));
    }
    return {};
}

Result<ProgramRef> ProgramRef::parse(std::string_view text) {
    const std::size_t at = text.find('@');
    ProgramRef ref{.name = std::string(text.substr(0, at)), .version = std::nullopt};
    if (auto good = check_program_name(ref.name); !good) {
        return std::unexpected(std::move(good.error()));
    }
    if (at != std::string_view::npos) {
        ref.version = text.substr(at + 1);
        if (!is_program_version(*ref.version)) {
            return fail(ErrorType::kInvalidRequest, "invalid_program_version",
                        fmt::format("'{}' is no version: 1 to 64 letters, digits, '.', '_', '-' "
                                    "and '+', the first a letter or digit",
                                    ref.version->substr(0, kMaxNameBytes)));
        }
    }
    return ref;
}

Result<fs::path> ProgramStore::default_directory(
    const std::function<std::optional<std::string>(const std::string& name)>& environment) {
    const auto value = [&](const char* name) {
        auto found = environment(name);
        return found && fs::path(*found).is_absolute() ? found : std::nullopt;
    };
    if (const auto data = value("XDG_DATA_HOME")) {
        return fs::path(*data) / "realm";
    }
    if (const auto home = value("HOME")) {
        return fs::path(*home) / ".local" / "share" / "realm";
    }
    return fail(ErrorType::kInvalidRequest, "no_data_directory",
                "no place for programs: set program.directory, XDG_DATA_HOME or HOME");
}

Result<std::unique_ptr<ProgramStore>> ProgramStore::open(const ProgramStoreOptions& options) {
    std::unique_ptr<ProgramStore> store(new ProgramStore(options));
    if (auto scanned = store->scan(); !scanned) {
        return std::unexpected(std::move(scanned.error()));
    }
    return store;
}

fs::path ProgramStore::tenant_directory(std::string_view tenant) const {
    return options_.directory / "tenants" / (std::string(kTenantPrefix) += tenant);
}

fs::path ProgramStore::blob_path(std::string_view digest) const {
    return options_.directory / "modules" / (std::string(digest) + ".wasm");
}

Result<void> ProgramStore::scan() {
    for (const char* part : {"tenants", "modules"}) {
        if (auto made = make_directories(options_.directory / part); !made) {
            return made;
        }
    }
    std::error_code ignored;  // somebody else's directory that we may write to is fine, too
    fs::permissions(options_.directory, fs::perms::owner_all, ignored);
    tenants_.with([&](Tenants& tenants) {
        for (const fs::path& directory : entries_of(options_.directory / "tenants")) {
            const std::string name = directory.filename();
            if (!name.starts_with(kTenantPrefix)) {
                damaged_.push_back(
                    fmt::format("'{}' is no tenant's directory", directory.string()));
                continue;
            }
            for (const fs::path& program : entries_of(directory)) {
                Versions versions = read_program(program, damaged_);
                if (!versions.empty()) {
                    tenants[name.substr(kTenantPrefix.size())].emplace(program.filename(),
                                                                       std::move(versions));
                }
            }
        }
    });
    return {};
}

ProgramStore::Versions ProgramStore::read_program(const fs::path& directory,
                                                  std::vector<std::string>& damaged) const {
    Versions versions;
    for (const fs::path& path : entries_of(directory)) {
        if (path.extension() != kRecordSuffix) {
            continue;  // what an interrupted write left
        }
        const auto text = read_file(path, kMaxRecordBytes);
        const auto json = text ? envelope::parse_json(*text) : std::unexpected(text.error());
        auto version = json ? version_from(*json) : std::nullopt;
        if (!version || version->name != directory.filename() ||
            version->version != path.stem().string()) {
            damaged.push_back(fmt::format("'{}' is no record of a program", path.string()));
            continue;
        }
        std::error_code missing;
        const auto bytes = fs::file_size(blob_path(version->digest), missing);
        if (missing || bytes != version->bytes) {
            damaged.push_back(fmt::format("program '{}@{}': its module '{}' is {}", version->name,
                                          version->version, blob_path(version->digest).string(),
                                          missing ? "missing" : "of another size"));
            continue;
        }
        versions.push_back(std::move(*version));
    }
    std::ranges::sort(versions, {}, &ProgramVersion::sequence);
    return versions;
}

Result<std::optional<ProgramVersion>> ProgramStore::check(std::string_view tenant,
                                                          std::string_view name,
                                                          std::string_view version,
                                                          std::string_view digest) const {
    return tenants_.with([&](const Tenants& tenants) -> Result<std::optional<ProgramVersion>> {
        const auto programs = tenants.find(tenant);
        const auto program =
            programs == tenants.end() ? Programs::const_iterator{} : programs->second.find(name);
        const bool known = programs != tenants.end() && program != programs->second.end();
        if (!known && programs != tenants.end() &&
            programs->second.size() >= options_.max_programs) {
            return fail(ErrorType::kQuotaExceeded, "too_many_programs",
                        fmt::format("you have {} programs, as many as you may (limits.programs); "
                                    "remove one with realm program remove NAME",
                                    programs->second.size()));
        }
        return check_push(known ? program->second : Versions{}, name, version, digest,
                          options_.max_versions);
    });
}

Result<PushedProgram> ProgramStore::put(std::string_view tenant, std::string_view name,
                                        std::string_view version, std::string_view wasm) {
    const auto lock = FileLock::acquire(options_.directory / "lock", nullptr, {});
    if (!lock) {
        return std::unexpected(lock.error());
    }
    // Another process may have pushed to it.
    std::vector<std::string> ignored;
    Versions versions = read_program(tenant_directory(tenant) / name, ignored);
    tenants_.with([&](Tenants& tenants) {
        Programs& programs = tenants[std::string(tenant)];
        if (versions.empty()) {
            programs.erase(std::string(name));
        } else {
            programs.insert_or_assign(std::string(name), versions);
        }
    });
    const std::string digest = text_sha256(wasm);
    auto there = check(tenant, name, version, digest);
    if (!there) {
        return std::unexpected(std::move(there.error()));
    }
    if (*there) {
        return PushedProgram{.version = std::move(**there), .is_new = false};
    }
    ProgramVersion added{.name = std::string(name),
                         .version = version.empty() ? next_number(versions) : std::string(version),
                         .digest = digest,
                         .bytes = wasm.size(),
                         .created = base::rfc3339_now(),
                         .sequence = versions.empty() ? 1 : versions.back().sequence + 1};
    if (auto written = write(tenant, added, wasm); !written) {
        return std::unexpected(std::move(written.error()));
    }
    tenants_.with(
        [&](Tenants& tenants) { tenants[std::string(tenant)][added.name].push_back(added); });
    return PushedProgram{.version = std::move(added), .is_new = true};
}

Result<void> ProgramStore::write(std::string_view tenant, const ProgramVersion& version,
                                 std::string_view wasm) const {
    // The module first: a record always finds it.
    const fs::path blob = blob_path(version.digest);
    const auto there = file_sha256(blob);
    if (!there || *there != version.digest) {
        if (auto written = write_file_atomically(blob, wasm); !written) {
            return written;
        }
    }
    const fs::path directory = tenant_directory(tenant) / version.name;
    if (auto made = make_directories(directory); !made) {
        return made;
    }
    return write_file_atomically(directory / (version.version + std::string(kRecordSuffix)),
                                 record_of(version));
}

Result<ProgramVersion> ProgramStore::find(std::string_view tenant, const ProgramRef& ref) const {
    return tenants_.with([&](const Tenants& tenants) -> Result<ProgramVersion> {
        const auto programs = tenants.find(tenant);
        if (programs == tenants.end()) {
            return not_found(ref);
        }
        const auto program = programs->second.find(ref.name);
        if (program == programs->second.end()) {
            return not_found(ref);
        }
        const ProgramVersion* const found =
            ref.version ? find_version(program->second, *ref.version) : &program->second.back();
        return found != nullptr ? Result<ProgramVersion>(*found) : not_found(ref);
    });
}

std::vector<ProgramVersion> ProgramStore::list(std::string_view tenant) const {
    return tenants_.with([&](const Tenants& tenants) {
        std::vector<ProgramVersion> list;
        if (const auto programs = tenants.find(tenant); programs != tenants.end()) {
            for (const auto& [name, versions] : programs->second) {
                list.insert(list.end(), versions.begin(), versions.end());
            }
        }
        return list;
    });
}

Result<std::string> ProgramStore::read(const ProgramVersion& version) const {
    auto wasm = read_file(blob_path(version.digest), version.bytes);
    if (!wasm || text_sha256(*wasm) != version.digest) {
        return fail(ErrorType::kInternal, "program_damaged",
                    fmt::format("the stored module of program '{}@{}' is damaged; remove it and "
                                "push it again",
                                version.name, version.version));
    }
    return wasm;
}

Result<StoredProgram> ProgramStore::load(std::string_view tenant, const ProgramRef& ref) const {
    auto version = find(tenant, ref);
    if (!version) {
        return std::unexpected(std::move(version.error()));
    }
    auto wasm = read(*version);
    if (!wasm) {
        return std::unexpected(std::move(wasm.error()));
    }
    return StoredProgram{.version = std::move(*version), .wasm = std::move(*wasm)};
}

bool ProgramStore::in_use(std::string_view digest) const {
    std::vector<std::string> ignored;
    for (const fs::path& tenant : entries_of(options_.directory / "tenants")) {
        for (const fs::path& program : entries_of(tenant)) {
            const Versions versions = read_program(program, ignored);
            if (std::ranges::find(versions, digest, &ProgramVersion::digest) != versions.end()) {
                return true;
            }
        }
    }
    return false;
}

Result<std::vector<ProgramVersion>> ProgramStore::remove(std::string_view tenant,
                                                         const ProgramRef& ref) {
    const auto lock = FileLock::acquire(options_.directory / "lock", nullptr, {});
    if (!lock) {
        return std::unexpected(lock.error());
    }
    auto removed = tenants_.with([&](Tenants& tenants) -> Result<Versions> {
        const auto programs = tenants.find(tenant);
        const auto program =
            programs == tenants.end() ? Programs::iterator{} : programs->second.find(ref.name);
        if (programs == tenants.end() || program == programs->second.end() ||
            (ref.version && find_version(program->second, *ref.version) == nullptr)) {
            return not_found(ref);
        }
        Versions gone;
        std::erase_if(program->second, [&](const ProgramVersion& version) {
            const bool meant = !ref.version || version.version == *ref.version;
            if (meant) {
                gone.push_back(version);
            }
            return meant;
        });
        if (program->second.empty()) {
            programs->second.erase(program);
        }
        return gone;
    });
    if (!removed) {
        return removed;
    }
    const fs::path directory = tenant_directory(tenant) / ref.name;
    for (const ProgramVersion& version : *removed) {
        std::error_code failed;
        fs::remove(directory / (version.version + std::string(kRecordSuffix)), failed);
        if (failed) {
            return std::unexpected(file_error(failed.value(), "remove a record in", directory));
        }
        if (!in_use(version.digest)) {
            fs::remove(blob_path(version.digest), failed);
        }
    }
    if (auto synced = sync_path(directory); !synced) {
        return std::unexpected(std::move(synced.error()));
    }
    std::error_code not_empty;
    fs::remove(directory, not_empty);
    return removed;
}

}  // namespace realm::registry
