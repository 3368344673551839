// contexts_bench MODEL.gguf: what a fork costs. One context of 1,000 tokens is forked and the fork
// dropped again, over and over, while 16 others of 320 tokens have their cells; from the call to
// the callback, as the median: {"name": "fork_us", "value": ..., "unit": "us", "better": "lower"}.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "inference/engine.h"

namespace realm::inference {
namespace {

constexpr std::uint32_t kNeighbours = 16;
constexpr std::uint32_t kNeighbourTokens = 320;
constexpr std::uint32_t kTokens = 1000;
constexpr std::size_t kRounds = 501;

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

ContextId filled(Engine& engine, std::uint32_t tokens) {
    Answer<void> created;
    const ContextId id = engine.create({}, tokens + 24, created.callback());
    created.wait();
    std::vector<Token> prompt(tokens);
    for (std::uint32_t i = 0; i < tokens; ++i) {
        prompt[i] = static_cast<Token>(100 + i * 37 % 20'000);
    }
    Answer<void> computed;
    engine.prefill(id, std::move(prompt), computed.callback());
    computed.wait();
    return id;
}

double fork_us(Engine& engine) {
    for (std::uint32_t i = 0; i < kNeighbours; ++i) {
        filled(engine, kNeighbourTokens);
    }
    const ContextId source = filled(engine, kTokens);
    std::vector<double> times;
    for (std::size_t i = 0; i < kRounds; ++i) {
        Answer<void> forked;
        const auto began = base::SteadyClock::now();
        const ContextId fork = engine.fork(source, kTokens + 24, forked.callback());
        forked.wait();
        times.push_back(
            std::chrono::duration<double, std::micro>(base::SteadyClock::now() - began).count());
        // A context that stays as it is: its answer comes when the drop is done.
        Answer<void> dropped;
        engine.drop(fork);
        engine.truncate(source, kTokens, dropped.callback());
        dropped.wait();
    }
    const auto middle = times.begin() + kRounds / 2;
    std::ranges::nth_element(times, middle);
    return *middle;
}

int measure(const char* path) {
    auto model = Model::load(path, "bench");
    if (!model) {
        throw std::runtime_error(model.error().message);
    }
    auto engine = Engine::start(std::move(*model), {});
    if (!engine) {
        throw std::runtime_error(engine.error().message);
    }
    fmt::print(
        "{{\"name\": \"fork_us\", \"value\": {:.1f}, \"unit\": \"us\", "
        "\"better\": \"lower\"}}\n",
        fork_us(**engine));
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
