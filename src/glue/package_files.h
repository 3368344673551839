// The files of an npm package, from its directory or tarball, within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace realm::glue {

// What may be read of a package at most.
struct PackageLimits {
    std::uint64_t module_bytes = std::uint64_t{64} << 20;  // of one .wasm file
    std::uint64_t text_bytes = std::uint64_t{16} << 20;    // of one text; larger ones are left out
    std::uint64_t total_bytes = std::uint64_t{512} << 20;  // of a tarball, unpacked
    std::size_t files = 20'000;
};

struct PackageFile {
    std::string path;  // relative, with '/'; in order of the path
    std::uint64_t bytes = 0;
    std::string content;  // of a tarball; only of files that can matter
};

enum class Depth : std::uint8_t {
    kAll,
    kBeside,  // the directory itself and what is below its `snippets`
};

// Immutable once made. A directory's files are read when they are asked for.
class PackageFiles {
public:
    // Of .wasm, .js, .mjs, .cjs, .d.ts files and package.json, not below node_modules.
    // invalid_request/package_too_large.
    static Result<PackageFiles> from_directory(const std::filesystem::path& directory,
                                               const PackageLimits& limits,
                                               Depth depth = Depth::kAll);
    // A .tgz as npm makes it; what is in its one top folder. invalid_request/invalid_tarball or
    // package_too_large. Links and names that leave the package are left out.
    static Result<PackageFiles> from_tarball(std::string_view bytes, const PackageLimits& limits);

    [[nodiscard]] const std::vector<PackageFile>& files() const { return files_; }
    [[nodiscard]] const PackageFile* find(std::string_view path) const;
    // not_found/file_not_found, invalid_request/file_too_large.
    [[nodiscard]] Result<std::string> read(std::string_view path) const;

private:
    std::filesystem::path directory_;  // empty: the contents are here
    PackageLimits limits_;
    std::vector<PackageFile> files_;
};

// Joins a path with one that is relative to its folder: ("a/b.js", "../c.js") is "c.js". Empty
// where it leaves the package.
std::string joined_path(std::string_view file, std::string_view relative);
// "a/b" of "a/b/c.js"; empty at the top.
std::string_view folder_of(std::string_view path);
std::string_view file_name_of(std::string_view path);

}  // namespace realm::glue
