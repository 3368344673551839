// llama.cpp's default chain of samplers, built and run as its documentation says.
#pragma once

#include <llama.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inference/model.h"
#include "inference/sampling.h"

namespace realm::inference::testing {

// Logits as llama.cpp's samplers take them; the array points into it.
class LlamaCandidates {
public:
    llama_token_data_array of(std::span<const float> logits) {
        candidates_.resize(logits.size());
        for (std::size_t i = 0; i < logits.size(); ++i) {
            candidates_[i] = {.id = static_cast<Token>(i), .logit = logits[i], .p = 0.0F};
        }
        return {.data = candidates_.data(),
                .size = candidates_.size(),
                .selected = -1,
                .sorted = false};
    }

private:
    std::vector<llama_token_data> candidates_;
};

class LlamaChain {
public:
    LlamaChain(const SamplingParams& params, std::size_t vocabulary, std::int32_t history)
        : chain_(llama_sampler_chain_init({.no_perf = true})) {
        const auto size = static_cast<std::int32_t>(vocabulary);
        std::vector<llama_logit_bias> biases;
        for (const LogitBias& item : params.logit_bias) {
            biases.push_back({.token = item.token, .bias = item.bias});
        }
        add(llama_sampler_init_logit_bias(size, static_cast<std::int32_t>(biases.size()),
                                          biases.data()));
        add(llama_sampler_init_penalties(size, history, params.repetition_penalty,
                                         params.frequency_penalty, params.presence_penalty));
        if (params.temperature == 0.0F) {
            add(llama_sampler_init_greedy());
            return;
        }
        add(llama_sampler_init_top_k(params.top_k));
        add(llama_sampler_init_typical(params.typical_p, 1));
        add(llama_sampler_init_top_p(params.top_p, 1));
        add(llama_sampler_init_min_p(params.min_p, 1));
        add(llama_sampler_init_temp(params.temperature));
        add(llama_sampler_init_dist(params.seed.value_or(0)));
    }

    Token choose(std::span<const float> logits) {
        const llama_token_data_array array = apply(logits);
        const Token token = array.data[array.selected].id;
        llama_sampler_accept(chain_.get(), token);
        return token;
    }

    // The probability of each token, 0 where the chain has cut it off.
    std::vector<double> probabilities(std::span<const float> logits) {
        const llama_token_data_array array = apply(logits);
        std::vector<double> all(logits.size(), 0.0);
        for (std::size_t i = 0; i < array.size; ++i) {
            all[static_cast<std::size_t>(array.data[i].id)] = static_cast<double>(array.data[i].p);
        }
        return all;
    }

private:
    struct Deleter {
        void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
    };

    void add(llama_sampler* sampler) { llama_sampler_chain_add(chain_.get(), sampler); }

    llama_token_data_array apply(std::span<const float> logits) {
        llama_token_data_array array = candidates_.of(logits);
        llama_sampler_apply(chain_.get(), &array);
        return array;
    }

    std::unique_ptr<llama_sampler, Deleter> chain_;
    LlamaCandidates candidates_;
};

}  // namespace realm::inference::testing
