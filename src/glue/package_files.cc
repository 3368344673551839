#include "glue/package_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "glue/tarball.h"

namespace realm::glue {
namespace {

namespace fs = std::filesystem;

bool is_module(std::string_view path) {
    return path.ends_with(".wasm");
}

bool can_matter(std::string_view path) {
    constexpr std::array<std::string_view, 6> kEndings{".wasm", ".js",   ".mjs",
                                                       ".cjs",  ".d.ts", ".d.cts"};
    return file_name_of(path) == "package.json" ||
           std::ranges::any_of(kEndings,
                               [&](std::string_view ending) { return path.ends_with(ending); });
}

std::unexpected<Error> too_large(std::string what) {
    return fail(ErrorType::kInvalidRequest, "package_too_large", std::move(what));
}

// Whether the path stays within the package and outside of what it depends on.
bool is_inside(std::string_view path) {
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        if (part == ".." || part == "node_modules" || part.contains('\0')) {
            return false;
        }
        at = end + 1;
    }
    return !path.starts_with('/');
}

}  // namespace

std::string_view folder_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view file_name_of(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::string joined_path(std::string_view file, std::string_view relative) {
    std::vector<std::string_view> parts;
    const auto add = [&](std::string_view path) {
        for (std::size_t at = 0; at < path.size();) {
            const std::size_t end = std::min(path.find('/', at), path.size());
            const std::string_view part = path.substr(at, end - at);
            at = end + 1;
            if (part == "..") {
                if (parts.empty()) {
                    return false;
                }
                parts.pop_back();
            } else if (!part.empty() && part != ".") {
                parts.push_back(part);
            }
        }
        return true;
    };
    if (!add(folder_of(file)) || !add(relative)) {
        return {};
    }
    return fmt::format("{}", fmt::join(parts, "/"));
}

Result<PackageFiles> PackageFiles::from_directory(const fs::path& directory,
                                                  const PackageLimits& limits, Depth depth) {
    PackageFiles files;
    files.directory_ = directory;
    files.limits_ = limits;
    std::error_code failed;
    std::size_t seen = 0;
    for (auto it = fs::recursive_directory_iterator(
             directory, fs::directory_options::skip_permission_denied, failed);
         !failed && it != fs::recursive_directory_iterator(); it.increment(failed)) {
        if (++seen > limits.files) {
            return too_large(fmt::format("the directory '{}' holds more than {} files",
                                         directory.string(), limits.files));
        }
        std::error_code ignored;
        const bool unwanted =
            it->path().filename() == "node_modules" ||
            (depth == Depth::kBeside && it.depth() == 0 && it->path().filename() != "snippets");
        if (unwanted && it->is_directory(ignored)) {
            it.disable_recursion_pending();
        } else if (it->is_regular_file(ignored)) {
            std::string path = it->path().lexically_relative(directory).generic_string();
            if (can_matter(path)) {
                files.files_.push_back(
                    {.path = std::move(path), .bytes = it->file_size(ignored), .content = {}});
            }
        }
    }
    if (failed) {
        return fail(ErrorType::kNotFound, "file_not_found",
                    fmt::format("cannot read the directory '{}': {}", directory.string(),
                                failed.message()));
    }
    std::ranges::sort(files.files_, {}, &PackageFile::path);
    return files;
}

Result<PackageFiles> PackageFiles::from_tarball(std::string_view bytes,
                                                const PackageLimits& limits) {
    const auto tar = gunzip(bytes, limits.total_bytes);
    if (!tar) {
        return std::unexpected(tar.error());
    }
    PackageFiles files;
    files.limits_ = limits;
    std::size_t seen = 0;
    const auto taken = for_each_tar_entry(
        *tar, [&](std::string_view path, std::string_view content) -> Result<void> {
            if (++seen > limits.files) {
                return too_large(fmt::format("the package holds more than {} files", limits.files));
            }
            const std::size_t top = path.find('/');
            path = top == std::string_view::npos ? path : path.substr(top + 1);
            const std::uint64_t most = is_module(path) ? limits.module_bytes : limits.text_bytes;
            if (can_matter(path) && is_inside(path)) {
                files.files_.push_back(
                    {.path = std::string(path),
                     .bytes = content.size(),
                     .content = content.size() > most ? std::string() : std::string(content)});
            }
            return {};
        });
    if (!taken) {
        return std::unexpected(taken.error());
    }
    std::ranges::stable_sort(files.files_, {}, &PackageFile::path);
    return files;
}

const PackageFile* PackageFiles::find(std::string_view path) const {
    const auto found = std::ranges::lower_bound(files_, path, {}, &PackageFile::path);
    return found == files_.end() || found->path != path ? nullptr : &*found;
}

Result<std::string> PackageFiles::read(std::string_view path) const {
    const PackageFile* const file = find(path);
    if (file == nullptr) {
        return fail(ErrorType::kNotFound, "file_not_found",
                    fmt::format("the package holds no file '{}'", path));
    }
    const std::uint64_t most = is_module(path) ? limits_.module_bytes : limits_.text_bytes;
    if (file->bytes > most) {
        return fail(ErrorType::kInvalidRequest, "file_too_large",
                    fmt::format("'{}' of the package has {} bytes; at most {} are read", path,
                                file->bytes, most));
    }
    if (directory_.empty()) {
        return file->content;
    }
    std::ifstream in(directory_ / file->path, std::ios::binary);
    std::string content(file->bytes, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(in.gcount()));
    return content;
}

}  // namespace realm::glue
