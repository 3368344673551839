// speculation_bench MODEL.gguf: what guessed tokens are worth, as {"name", "value", "unit",
// "better", "peer", "peer_value"} a line: tokens/s of one stream from its first token to its last,
// with speculation and without, in turns; medians. Both must give the same tokens.
//
// speculation_copy: greedy, told to repeat a text of some 200 tokens.
// speculation_none: a story at temperature 1 with a fixed seed, 256 tokens that hardly repeat any.
//
// What was drafted and accepted goes to standard error, as do the single rounds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "inference/engine.h"

namespace realm::inference {
namespace {

constexpr std::uint32_t kNewTokens = 256;
constexpr int kRounds = 10;

constexpr std::string_view kCopy =
    "Repeat the following text exactly, word for word, and add nothing.\n\n"
    "The river that runs through the old town freezes in January. Children skate on it until the "
    "lamps are lit, and old men sell chestnuts from iron stoves on the bank. In March the ice "
    "breaks with a noise like thunder, and the bakers put their tables back into the street. "
    "By May the ferry runs again, twice in the hour, from the fish market to the tannery. Nobody "
    "remembers who built the wooden bridge above the mill, but everybody has carved a name into "
    "its rail. In summer the water is low and brown, and the boys catch crabs with string and "
    "bacon. Autumn brings fog, then rain, then the geese, which fly south above the chimneys in "
    "the shape of an arrow. When they have gone the town waits for the first hard night, and for "
    "the sound of skates on the frozen river.";
constexpr std::string_view kStory = "Write a very long story about a lighthouse.";

struct Made {
    std::vector<Token> tokens;
    double per_second = 0;
};

class TimingSink final : public TokenSink {
public:
    bool on_token(GeneratedToken token) override {
        if (tokens_.empty()) {
            began_ = base::SteadyClock::now();
        }
        tokens_.push_back(token.token);
        ended_ = base::SteadyClock::now();
        return true;
    }
    void on_end(Result<GenerateEnd> end) override { end_.set_value(std::move(end)); }

    Made wait() {
        if (const auto ended = end_.get_future().get(); !ended) {
            throw std::runtime_error(ended.error().message);
        }
        const double seconds = std::chrono::duration<double>(ended_ - began_).count();
        return {.tokens = tokens_, .per_second = static_cast<double>(tokens_.size() - 1) / seconds};
    }

private:
    std::vector<Token> tokens_;
    base::SteadyTime began_;
    base::SteadyTime ended_;
    std::promise<Result<GenerateEnd>> end_;
};

std::unique_ptr<Engine> start(const std::shared_ptr<const Model>& model, SpeculationMode mode) {
    auto engine = Engine::start(model, {.kv_tokens = 4096, .max_contexts = 2, .speculation = mode});
    if (!engine) {
        throw std::runtime_error(engine.error().message);
    }
    return std::move(*engine);
}

Made generated(Engine& engine, std::string_view question, const SamplingParams& sampling) {
    const std::array messages = {
        ChatMessage{.role = "system", .content = "You are a helpful assistant."},
        ChatMessage{.role = "user", .content = std::string(question)}};
    const auto prompt =
        engine.model().tokenize(engine.model().apply_chat_template(messages, true).value()).value();
    const auto capacity = static_cast<std::uint32_t>(prompt.size()) + kNewTokens;
    const ContextId id = engine.create({}, capacity, [](Result<void>) {});
    engine.prefill(id, prompt, [](Result<std::uint32_t>) {});
    const auto sink = std::make_shared<TimingSink>();
    engine.generate(id, {.max_tokens = kNewTokens, .sampling = sampling}, sink);
    Made made = sink->wait();
    engine.drop(id);
    return made;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

void compare(Engine& with, Engine& without, std::string_view name, std::string_view question,
             const SamplingParams& sampling) {
    std::vector<double> values;
    std::vector<double> peers;
    const EngineStats before = with.stats();
    // The first turn warms caches up and does not count.
    for (int round = 0; round <= kRounds; ++round) {
        // They take turns at being first.
        const bool first = round % 2 == 0;
        Made guessing;
        Made plain;
        for (const bool guesses : {first, !first}) {
            (guesses ? guessing : plain) = generated(guesses ? with : without, question, sampling);
        }
        if (guessing.tokens != plain.tokens) {
            throw std::runtime_error("speculation changed a token");
        }
        fmt::print(stderr, "{} round {}: {:.1f} tok/s, {:.1f} without, {} tokens\n", name, round,
                   guessing.per_second, plain.per_second, plain.tokens.size());
        if (round > 0) {
            values.push_back(guessing.per_second);
            peers.push_back(plain.per_second);
        }
    }
    const EngineStats after = with.stats();
    fmt::print(stderr, "{}: {} drafted, {} accepted\n", name,
               after.drafted_tokens - before.drafted_tokens,
               after.accepted_tokens - before.accepted_tokens);
    fmt::print(
        "{{\"name\": \"{}\", \"value\": {:.1f}, \"unit\": \"tok/s\", \"better\": \"higher\", "
        "\"peer\": \"without\", \"peer_value\": {:.1f}}}\n",
        name, median(values), median(peers));
}

int measure(const char* path) {
    auto model = Model::load(path, "bench");
    if (!model) {
        throw std::runtime_error(model.error().message);
    }
    const auto with = start(*model, SpeculationMode::kWhereItPays);
    const auto without = start(*model, SpeculationMode::kNever);
    compare(*with, *without, "speculation_copy", kCopy, {});
    compare(*with, *without, "speculation_none", kStory,
            {.temperature = 1.0F, .top_k = 0, .top_p = 1.0F, .seed = 11});
    return 0;
}

}  // namespace
}  // namespace realm::inference

int main(int argc, char** argv) {
    try {
        if (argc == 2) {
            return realm::inference::measure(argv[1]);
        }
        fmt::print(stderr, "usage: speculation_bench MODEL.gguf\n");
        return 2;
    } catch (const std::exception& problem) {
        fmt::print(stderr, "speculation_bench: {}\n", problem.what());
        return 1;
    }
}
