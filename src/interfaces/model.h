// Model: what a program may ask of a model apart from computing with it.
#pragma once

#include <realm/realm.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interfaces/call_state.h"
#include "interfaces/model_directory.h"
#include "interfaces/text_workers.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// Models that one instance opened; its handles are indices into it.
class ModelTable {
public:
    // Opening a model again gives the same handle.
    std::int32_t open(inference::Engine& engine);
    // Null for a handle that was never given.
    [[nodiscard]] inference::Engine* find(std::int32_t handle) const;

private:
    std::vector<inference::Engine*> open_;
};

struct ModelLimits {
    std::size_t text_bytes = inference::Model::kMaxTextBytes;  // of one call; at most that
    std::uint32_t context_tokens = 32'768;                     // of one context
};

class ModelInterface {
public:
    // `directory` and `workers` outlive every run; the workers' time goes to `tenant`.
    ModelInterface(const ModelDirectory& directory, TextWorkers& workers, std::string tenant,
                   std::shared_ptr<ModelTable> table, std::shared_ptr<CallState> state,
                   const ModelLimits& limits)
        : directory_(directory),
          workers_(workers),
          tenant_(std::move(tenant)),
          table_(std::move(table)),
          state_(std::move(state)),
          limits_(limits) {}

    std::int32_t open(std::string_view name);
    std::int32_t describe(std::int32_t model, sandbox::Out<realm_model_info> info);
    std::int32_t name(std::int32_t model, std::span<char> buffer);
    void tokenize(std::int32_t model, std::string_view text, std::uint32_t flags,
                  sandbox::Completion completion);
    void detokenize(std::int32_t model, std::span<const std::int32_t> tokens,
                    sandbox::Completion completion);
    void apply_template(std::int32_t model, std::string_view messages,
                        std::uint32_t add_generation_prompt, sandbox::Completion completion);

private:
    // What a worker computes: the result's bytes and the value that the guest sees.
    struct Outcome {
        std::string bytes;
        std::int32_t value = 0;
    };

    // Runs `work(const Model&) -> Result<Outcome>` on a worker and resolves with what came of it.
    template <class Work>
    void on_worker(std::int32_t model, std::size_t input_bytes, sandbox::Completion completion,
                   Work work);

    const ModelDirectory& directory_;
    TextWorkers& workers_;
    const std::string tenant_;
    std::shared_ptr<ModelTable> table_;
    std::shared_ptr<CallState> state_;
    const ModelLimits limits_;
};

// The error for a handle that this instance does not have.
Error no_such_handle(std::string_view kind, std::int32_t handle);

}  // namespace realm::interfaces
