// contexts_bench MODEL.gguf: what contexts cost, as {"name", "value", "unit", "better"} a line.
//
// fork_us: one context of 1,000 tokens is forked and the fork dropped again, over and over, while
// 16 others of 320 tokens have their cells; from the call to the callback, the median. Its peer is
// an operation that does nothing, which shows what the way to the engine's thread and back takes.
//
// prefix_reuse: a prompt of 1,000 tokens and 24 new ones, from its creation to the first token, by
// a tenant that never asked it over the same by one that did, in turns; the ratio of the medians.
//
// swap_restore: a context of 1,000 tokens whose cells lie in memory, from a step asked of it to the
// token, against computing the same prompt anew, in turns; the ratio of the medians. The cache
// holds one such context, so that each time the other one is swapped out first.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "inference/engine.h"

namespace realm::inference {
namespace {

constexpr std::uint32_t kNeighbours = 16;
constexpr std::uint32_t kNeighbourTokens = 320;
constexpr std::uint32_t kTokens = 1000;
constexpr std::uint32_t kNewTokens = 24;
constexpr std::uint32_t kRoom = 24;
constexpr std::size_t kRounds = 501;
constexpr std::uint32_t kReuseRounds = 5;
constexpr std::uint32_t kRestoreRounds = 5;

// Waits for what an operation calls back.
template <class T>
class Answer {
public:
    Engine::Callback<T> callback() {
        return [this](Result<T> result) { promise_.set_value(std::move(result)); };
    }
    void wait() {
        if (const auto result = promise_.get_future().get(); !result) {
            throw std::runtime_error(result.error().message);
        }
    }

private:
    std::promise<Result<T>> promise_;
};

// Prompts of different `kind` differ from the token `from` on.
std::vector<Token> prompt_of(std::uint32_t tokens, std::uint32_t kind, std::uint32_t from = 0) {
    std::vector<Token> prompt(tokens);
    for (std::uint32_t i = 0; i < tokens; ++i) {
        prompt[i] = static_cast<Token>(100 + (i * 37 + (i < from ? 0 : kind * 101)) % 20'000);
    }
    return prompt;
}

ContextId filled(Engine& engine, const std::string& tenant, std::vector<Token> prompt) {
    Answer<void> created;
    const ContextId id = engine.create(
        {.tenant = tenant}, static_cast<std::uint32_t>(prompt.size()) + kRoom, created.callback());
    created.wait();
    Answer<std::uint32_t> computed;
    engine.prefill(id, std::move(prompt), computed.callback());
    computed.wait();
    return id;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

double first_token_ms(Engine& engine, const std::string& tenant, std::uint32_t kind) {
    const auto began = base::SteadyClock::now();
    const ContextId id = filled(engine, tenant, prompt_of(kTokens + kNewTokens, kind, kTokens));
    Answer<Token> token;
    engine.step(id, {}, nullptr, token.callback());
    token.wait();
    const auto ended = base::SteadyClock::now();
    engine.drop(id);
    return std::chrono::duration<double, std::milli>(ended - began).count();
}

double prefix_reuse(Engine& engine) {
    std::vector<double> cold;
    std::vector<double> warm;
    first_token_ms(engine, "known", 0);
    for (std::uint32_t round = 1; round <= kReuseRounds; ++round) {
        cold.push_back(first_token_ms(engine, std::to_string(round), round));
        warm.push_back(first_token_ms(engine, "known", round));
    }
    return median(cold) / median(warm);
}

double swap_restore(const std::shared_ptr<const Model>& model) {
    auto engine = Engine::start(model, {.kv_tokens = kTokens + kNewTokens + kRoom,
                                        .max_contexts = 2,
                                        .cached_contexts = 0,
                                        .swap = {.memory_bytes = std::uint64_t{1} << 30},
                                        .swap_after = {}});
    if (!engine) {
        throw std::runtime_error(engine.error().message);
    }
    const ContextId kept = filled(**engine, "swap", prompt_of(kTokens, 0));
    std::vector<double> back;
    std::vector<double> anew;
    for (std::uint32_t round = 1; round <= kRestoreRounds; ++round) {
        // Takes the cells, and gives them back.
        anew.push_back(first_token_ms(**engine, "swap", round));
        const auto began = base::SteadyClock::now();
        Answer<Token> token;
        (*engine)->step(kept, {}, nullptr, token.callback());
        token.wait();
        back.push_back(
            std::chrono::duration<double, std::milli>(base::SteadyClock::now() - began).count());
    }
    // The figures are those of when the last work was done.
    Answer<void> done;
    (*engine)->truncate(kept, kTokens, done.callback());
    done.wait();
    if ((*engine)->stats().swapped_in != kRestoreRounds) {
        throw std::runtime_error("the context was not swapped each time");
    }
    return median(anew) / median(back);
}

struct ForkTimes {
    double fork = 0;  // us
    double nothing = 0;
};

ForkTimes fork_us(Engine& engine) {
    for (std::uint32_t i = 0; i < kNeighbours; ++i) {
        filled(engine, "fork", prompt_of(kNeighbourTokens, i + 1));
    }
    const ContextId source = filled(engine, "fork", prompt_of(kTokens, 0));
    std::vector<double> forks;
    std::vector<double> nothings;
    const auto time = [](std::vector<double>& times, const auto& operation) {
        Answer<void> done;
        const auto began = base::SteadyClock::now();
        operation(done.callback());
        done.wait();
        times.push_back(
            std::chrono::duration<double, std::micro>(base::SteadyClock::now() - began).count());
    };
    for (std::size_t i = 0; i < kRounds; ++i) {
        ContextId fork;
        time(forks, [&](Engine::Callback<void> done) {
            fork = engine.fork(source, kTokens + kRoom, std::move(done));
        });
        time(nothings, [&](Engine::Callback<void> done) {
            engine.truncate(source, kTokens, std::move(done));
        });
        // A context that stays as it is: its answer comes when the drop is done.
        Answer<void> dropped;
        engine.drop(fork);
        engine.truncate(source, kTokens, dropped.callback());
        dropped.wait();
    }
    return {.fork = median(std::move(forks)), .nothing = median(std::move(nothings))};
}

int measure(const char* path) {
    auto model = Model::load(path, "bench");
    if (!model) {
        throw std::runtime_error(model.error().message);
    }
    auto engine = Engine::start(*model, {});
    if (!engine) {
        throw std::runtime_error(engine.error().message);
    }
    fmt::print(
        "{{\"name\": \"prefix_reuse\", \"value\": {:.1f}, \"unit\": \"times\", "
        "\"better\": \"higher\"}}\n",
        prefix_reuse(**engine));
    const ForkTimes times = fork_us(**engine);
    fmt::print(
        "{{\"name\": \"fork_us\", \"value\": {:.1f}, \"unit\": \"us\", "
        "\"better\": \"lower\", \"peer\": \"an operation that does nothing\", "
        "\"peer_value\": {:.1f}}}\n",
        times.fork, times.nothing);
    engine->reset();
    fmt::print(
        "{{\"name\": \"swap_restore\", \"value\": {:.1f}, \"unit\": \"times\", "
        "\"better\": \"higher\"}}\n",
        swap_restore(*model));
    return 0;
}

}  // namespace
}  // namespace realm::inference

int main(int argc, char** argv) {
    try {
        if (argc == 2) {
            return realm::inference::measure(argv[1]);
        }
        fmt::print(stderr, "usage: contexts_bench MODEL.gguf\n");
        return 2;
    } catch (const std::exception& problem) {
        fmt::print(stderr, "contexts_bench: {}\n", problem.what());
        return 1;
    }
}
