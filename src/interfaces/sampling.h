// How contexts choose tokens: their sampling and masks, steps of many at once, and what lies behind
// a choice: logits and the likeliest tokens.
#pragma once

#include <realm/realm.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "interfaces/call_state.h"
#include "interfaces/context.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

class SamplingInterface {
public:
    static constexpr std::uint32_t kMostCandidates = 1000;

    SamplingInterface(std::shared_ptr<ContextTable> contexts, std::shared_ptr<CallState> state)
        : contexts_(std::move(contexts)), state_(std::move(state)) {}

    std::int32_t set(std::int32_t context, sandbox::In<realm_sampling> sampling);
    std::int32_t typical(std::int32_t context, float p);
    std::int32_t repetition(std::int32_t context, float penalty);
    std::int32_t logit_bias(std::int32_t context, std::span<const realm_logit_bias> biases);
    std::int32_t mask(std::int32_t context, std::span<const std::uint32_t> words);
    std::int32_t min_tokens(std::int32_t context, std::uint32_t count);
    void step_many(std::span<const std::int32_t> contexts, sandbox::Completion completion);
    void logits(std::int32_t context, sandbox::Completion completion);
    void top(std::int32_t context, std::uint32_t count, sandbox::Completion completion);

private:
    std::int32_t change(std::int32_t context, float inference::SamplingParams::* field,
                        float value);
    std::int32_t set_checked(ContextRecord& record, inference::SamplingParams sampling);

    std::shared_ptr<ContextTable> contexts_;
    std::shared_ptr<CallState> state_;
};

}  // namespace realm::interfaces
