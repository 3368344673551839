#include "interfaces/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/limit_error.h"

namespace realm::interfaces {
namespace {

using inference::Token;

template <class T>
std::string bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// Steps of several contexts that are to be answered together; their callbacks come from the
// threads of their engines.
class StepGroup {
public:
    StepGroup(std::size_t count, std::shared_ptr<CallState> state, sandbox::Completion completion)
        : results_(count),
          left_(count),
          state_(std::move(state)),
          completion_(std::move(completion)) {}

    void finish(std::size_t index, ContextRecord& record, Result<Token> token) {
        if (token) {
            ++record.length;
        }
        results_[index] = std::move(token);
        if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            answer();
        }
    }

private:
    void answer() {
        std::vector<std::int32_t> values;
        for (std::optional<Result<Token>>& result : results_) {
            values.push_back(*result ? **result : state_->failed(std::move(result->error())));
        }
        state_->set_result(bytes_of(values));
        completion_.resolve(static_cast<std::int32_t>(values.size()));
    }

    std::vector<std::optional<Result<Token>>> results_;
    std::atomic<std::size_t> left_;
    const std::shared_ptr<CallState> state_;
    sandbox::Completion completion_;
};

// The likeliest tokens, with log softmax over all.
std::vector<realm_candidate> likeliest(const std::vector<float>& logits, std::size_t count) {
    std::vector<std::int32_t> order(logits.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = static_cast<std::int32_t>(i);
    }
    const auto logit = [&](std::int32_t token) { return logits[static_cast<std::size_t>(token)]; };
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
    std::partial_sort(order.begin(), end, order.end(), [&](std::int32_t a, std::int32_t b) {
        return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
    });
    const float largest = logit(order.front());
    double sum = 0;
    for (const float value : logits) {
        sum += std::exp(static_cast<double>(value - largest));
    }
    const double base = static_cast<double>(largest) + std::log(sum);
    std::vector<realm_candidate> candidates;
    for (auto token = order.begin(); token != end; ++token) {
        candidates.push_back(
            {.token = *token,
             .log_probability = static_cast<float>(static_cast<double>(logit(*token)) - base)});
    }
    return candidates;
}

// `sampling` with what the guest sets in it.
Result<inference::SamplingParams> read_sampling(const realm_sampling& wire,
                                                inference::SamplingParams sampling) {
    // Written so that NaN is refused. The other limits are the engine's own.
    if (!(wire.temperature <= 100.0F)) {
        return fail(ErrorType::kInvalidRequest, "invalid_sampling",
                    fmt::format("temperature must be between 0 and 100, not {}", wire.temperature));
    }
    sampling.temperature = wire.temperature;
    sampling.top_k = wire.top_k;
    sampling.top_p = wire.top_p;
    sampling.min_p = wire.min_p;
    sampling.frequency_penalty = wire.frequency_penalty;
    sampling.presence_penalty = wire.presence_penalty;
    sampling.seed.reset();
    if (wire.has_seed != 0) {
        sampling.seed = wire.seed;
    }
    return sampling;
}

// The first bias whose token the vocabulary lacks or another bias has; those of equal tokens lie
// beside each other.
Result<void> check_tokens(std::span<const inference::LogitBias> sorted, std::uint32_t vocabulary) {
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const Token token = sorted[i].token;
        if (token < 0 || static_cast<std::uint32_t>(token) >= vocabulary) {
            return fail(ErrorType::kInvalidRequest, "invalid_sampling",
                        fmt::format("logit_bias names token {}; the vocabulary has 0 to {}", token,
                                    vocabulary - 1));
        }
        if (i > 0 && sorted[i - 1].token == token) {
            return fail(ErrorType::kInvalidRequest, "invalid_sampling",
                        fmt::format("logit_bias names token {} twice", token));
        }
    }
    return {};
}

}  // namespace

std::int32_t SamplingInterface::set(std::int32_t context, sandbox::In<realm_sampling> sampling) {
    const auto record = contexts_->find(context);
    if (!record) {
        return state_->failed(no_such_handle("context", context));
    }
    auto params = read_sampling(sampling.value, record->sampling);
    if (!params) {
        return state_->failed(std::move(params.error()));
    }
    return set_checked(*record, std::move(*params));
}

std::int32_t SamplingInterface::set_checked(ContextRecord& record,
                                            inference::SamplingParams sampling) {
    if (auto valid = inference::validate(sampling); !valid) {
        return state_->failed(std::move(valid.error()));
    }
    record.sampling = std::move(sampling);
    return REALM_OK;
}

std::int32_t SamplingInterface::typical(std::int32_t context, float p) {
    return change(context, &inference::SamplingParams::typical_p, p);
}

std::int32_t SamplingInterface::repetition(std::int32_t context, float penalty) {
    return change(context, &inference::SamplingParams::repetition_penalty, penalty);
}

std::int32_t SamplingInterface::change(std::int32_t context,
                                       float inference::SamplingParams::* field, float value) {
    const auto record = contexts_->find(context);
    if (!record) {
        return state_->failed(no_such_handle("context", context));
    }
    inference::SamplingParams sampling = record->sampling;
    sampling.*field = value;
    return set_checked(*record, std::move(sampling));
}

std::int32_t SamplingInterface::logit_bias(std::int32_t context,
                                           std::span<const realm_logit_bias> biases) {
    const auto record = contexts_->find(context);
    if (!record) {
        return state_->failed(no_such_handle("context", context));
    }
    // Before anything is copied.
    if (auto valid = inference::validate_count(biases.size()); !valid) {
        return state_->failed(std::move(valid.error()));
    }
    inference::SamplingParams sampling = record->sampling;
    sampling.logit_bias.clear();
    for (const realm_logit_bias& item : biases) {
        sampling.logit_bias.push_back({.token = item.token, .bias = item.bias});
    }
    std::ranges::stable_sort(sampling.logit_bias, {}, &inference::LogitBias::token);
    const std::uint32_t vocabulary = record->engine->model().info().vocabulary_size;
    if (auto known = check_tokens(sampling.logit_bias, vocabulary); !known) {
        return state_->failed(std::move(known.error()));
    }
    return set_checked(*record, std::move(sampling));
}

std::int32_t SamplingInterface::mask(std::int32_t context, std::span<const std::uint32_t> words) {
    const auto record = contexts_->find(context);
    if (!record) {
        return state_->failed(no_such_handle("context", context));
    }
    if (words.empty()) {
        record->mask.reset();
        return REALM_OK;
    }
    const std::uint32_t vocabulary = record->engine->model().info().vocabulary_size;
    const std::size_t most = (vocabulary + 31) / 32;
    if (words.size() > most) {
        return state_->failed(fail(ErrorType::kInvalidRequest, "mask_too_long",
                                   "A mask of this model has at most " + std::to_string(most) +
                                       " words; this one has " + std::to_string(words.size()) + ".")
                                  .error());
    }
    auto mask = std::make_shared<inference::TokenMask>(words, vocabulary);
    if (!mask->allows_any()) {
        return state_->failed(fail(ErrorType::kInvalidRequest, "mask_forbids_all",
                                   "The mask allows no token of the vocabulary.")
                                  .error());
    }
    record->mask = std::move(mask);
    return REALM_OK;
}

std::int32_t SamplingInterface::min_tokens(std::int32_t context, std::uint32_t count) {
    const auto record = contexts_->find(context);
    if (!record) {
        return state_->failed(no_such_handle("context", context));
    }
    record->min_tokens = count;
    return REALM_OK;
}

void SamplingInterface::step_many(std::span<const std::int32_t> contexts,
                                  sandbox::Completion completion) {
    const std::uint32_t most = contexts_->limits().contexts;
    if (contexts.size() > most) {
        completion.resolve(state_->failed(limit_error(
            {.limit = "contexts",
             .setting = "limits.contexts",
             .value = most,
             .asked = contexts.size()},
            std::to_string(contexts.size()) +
                " contexts cannot be stepped at once; a run may hold " + std::to_string(most))));
        return;
    }
    const std::set<std::int32_t> different(contexts.begin(), contexts.end());
    if (contexts.empty() || different.size() != contexts.size()) {
        completion.resolve(
            state_->failed(fail(ErrorType::kInvalidRequest, "invalid_contexts",
                                "Contexts to step must be one or more, each named once.")
                               .error()));
        return;
    }
    std::vector<std::shared_ptr<ContextRecord>> records;
    for (const std::int32_t context : contexts) {
        auto record = contexts_->idle(context);
        if (!record) {
            completion.resolve(state_->failed(std::move(record.error())));
            return;
        }
        records.push_back(std::move(*record));
    }
    auto group = std::make_shared<StepGroup>(records.size(), state_, std::move(completion));
    std::map<inference::Engine*, std::vector<inference::Engine::Step>> steps;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto& record = records[i];
        steps[record->engine].push_back({.id = record->id,
                                         .sampling = record->sampling,
                                         .mask = record->mask,
                                         .done = [group, i, record](Result<Token> token) {
                                             group->finish(i, *record, std::move(token));
                                         }});
    }
    for (auto& [engine, together] : steps) {
        engine->step_many(std::move(together));
    }
}

void SamplingInterface::logits(std::int32_t context, sandbox::Completion completion) {
    const auto record = contexts_->idle(context, *state_, completion);
    if (!record) {
        return;
    }
    record->engine->read_logits(record->id, [state = state_, completion = std::move(completion)](
                                                Result<std::vector<float>> read) mutable {
        if (!read) {
            completion.resolve(state->failed(std::move(read.error())));
            return;
        }
        state->set_result(bytes_of(*read));
        completion.resolve(static_cast<std::int32_t>(read->size()));
    });
}

void SamplingInterface::top(std::int32_t context, std::uint32_t count,
                            sandbox::Completion completion) {
    const auto record = contexts_->idle(context, *state_, completion);
    if (!record) {
        return;
    }
    if (count == 0 || count > kMostCandidates) {
        completion.resolve(
            state_->failed(fail(ErrorType::kInvalidRequest, "invalid_count",
                                "1 to " + std::to_string(kMostCandidates) +
                                    " tokens can be asked for, not " + std::to_string(count) + ".")
                               .error()));
        return;
    }
    record->engine->read_logits(
        record->id, [state = state_, count,
                     completion = std::move(completion)](Result<std::vector<float>> read) mutable {
            if (!read) {
                completion.resolve(state->failed(std::move(read.error())));
                return;
            }
            // Sorted on the guest's time, not the engine's.
            completion.resolve_with(
                [state, count, logits = std::move(*read)](
                    const sandbox::GuestMemory&) -> sandbox::HostResult<std::int32_t> {
                    const auto candidates = likeliest(logits, count);
                    state->set_result(bytes_of(candidates));
                    return static_cast<std::int32_t>(candidates.size());
                });
        });
}

}  // namespace realm::interfaces
