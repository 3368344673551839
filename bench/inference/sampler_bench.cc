// sampler_bench: what one choice of a token costs, as {"name", "value", "unit", "better", "peer",
// "peer_value"} a line; medians.
//
// 49,152 logits; temperature 0.8, top-p 0.95, and top-k 40 (sampler_us) or none
// (sampler_top_p_us). The peer, llama.cpp's chain, chooses from the same logits in turns.
//
// sampler_batch_us: sixteen rows at once without top-k, shared out between as many threads as there
// are processors. Its peer is one thread.
#include <fmt/format.h>
#include <llama.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/thread_team.h"
#include "inference/sampler.h"
#include "inference/tests/llama_chain.h"

namespace realm::inference {
namespace {

constexpr std::uint32_t kVocabulary = 49'152;
constexpr std::size_t kRounds = 1001;
constexpr std::size_t kRows = 16;  // different logits, as a batch of tenants has them

struct Deleter {
    void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
};

// As llama-server builds it; samplers that are off are left out.
class Chain {
public:
    explicit Chain(const SamplingParams& params)
        : chain_(llama_sampler_chain_init({.no_perf = true})) {
        if (params.top_k > 0) {
            add(llama_sampler_init_top_k(params.top_k));
        }
        add(llama_sampler_init_top_p(params.top_p, 1));
        add(llama_sampler_init_temp(params.temperature));
        add(llama_sampler_init_dist(*params.seed));
    }

    Token choose(std::span<const float> logits) {
        llama_token_data_array array = candidates_.of(logits);
        llama_sampler_apply(chain_.get(), &array);
        return array.data[array.selected].id;
    }

private:
    void add(llama_sampler* sampler) { llama_sampler_chain_add(chain_.get(), sampler); }

    std::unique_ptr<llama_sampler, Deleter> chain_;
    testing::LlamaCandidates candidates_;
};

std::vector<std::vector<float>> rows_of_logits() {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0.0F, 3.0F);
    std::vector<std::vector<float>> rows(kRows, std::vector<float>(kVocabulary));
    for (std::vector<float>& row : rows) {
        std::ranges::generate(row, [&] { return normal(random); });
    }
    return rows;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

void print(std::string_view name, std::vector<double> ours, std::string_view peer,
           std::vector<double> theirs) {
    fmt::print(
        "{{\"name\": \"{}\", \"value\": {:.1f}, \"unit\": \"us\", \"better\": \"lower\", "
        "\"peer\": \"{}\", \"peer_value\": {:.1f}}}\n",
        name, median(std::move(ours)), peer, median(std::move(theirs)));
}

void measure(std::string_view name, const SamplingParams& params) {
    const auto rows = rows_of_logits();
    Sampler sampler(params, kVocabulary, 1);
    Chain chain(params);
    std::int64_t chosen = 0;
    const auto time = [&](auto& from, std::size_t round) {
        const auto began = base::SteadyClock::now();
        chosen += from.choose(rows[round % kRows]);
        return std::chrono::duration<double, std::micro>(base::SteadyClock::now() - began).count();
    };
    std::vector<double> ours;
    std::vector<double> theirs;
    for (std::size_t round = 0; round < kRounds; ++round) {
        ours.push_back(time(sampler, round));
        theirs.push_back(time(chain, round));
    }
    print(name, std::move(ours), "llama.cpp's chain", std::move(theirs));
    fmt::print(stderr, "sampler_bench: {} (sum of tokens)\n", chosen);
}

void measure_batch(const SamplingParams& params) {
    const auto rows = rows_of_logits();
    std::vector<Sampler> samplers(kRows, Sampler(params, kVocabulary, 1));
    std::vector<Token> chosen(kRows);
    const auto choose = [&](std::size_t row) { chosen[row] = samplers[row].choose(rows[row]); };
    base::ThreadTeam team("sampler", std::max(1U, std::thread::hardware_concurrency()) - 1);
    const auto time = [](const auto& work) {
        const auto began = base::SteadyClock::now();
        work();
        return std::chrono::duration<double, std::micro>(base::SteadyClock::now() - began).count();
    };
    std::vector<double> ours;
    std::vector<double> theirs;
    for (std::size_t round = 0; round < kRounds; ++round) {
        ours.push_back(time([&] { team.for_each(kRows, choose); }));
        theirs.push_back(time([&] {
            for (std::size_t row = 0; row < kRows; ++row) {
                choose(row);
            }
        }));
    }
    print("sampler_batch_us", std::move(ours), "one thread", std::move(theirs));
}

}  // namespace
}  // namespace realm::inference

int main() {
    try {
        const realm::inference::SamplingParams best{
            .temperature = 0.8F, .top_k = 40, .top_p = 0.95F, .seed = 1};
        realm::inference::measure("sampler_us", best);
        realm::inference::SamplingParams all = best;
        all.top_k = 0;
        realm::inference::measure("sampler_top_p_us", all);
        realm::inference::measure_batch(all);
        return 0;
    } catch (const std::exception& problem) {
        fmt::print(stderr, "sampler_bench: {}\n", problem.what());
        return 1;
    }
}
