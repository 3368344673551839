// A context's tokens are those that plain llama.cpp computes for it alone, whatever runs beside it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inference/engine.h"
#include "inference/tests/test_client.h"
#include "inference/tests/test_model.h"

namespace realm::inference {
namespace {

constexpr std::size_t kContexts = 16;
constexpr std::uint32_t kNewTokens = 64;

constexpr std::array<const char*, kContexts> kQuestions = {
    "What is the capital of France?",
    "Write one sentence about the ocean.",
    "What do bees make?",
    "Explain what a computer is to a child.",
    "Who painted the Mona Lisa?",
    "Write a haiku about winter.",
    "Give me a short recipe for tea.",
    "Translate 'good morning' to Spanish.",
    "Name three colours.",
    "How many legs does a spider have, and why is that so?",
    "Tell me a story about a dragon that was afraid of heights.",
    "What is 17 plus 25?",
    "List the planets of the solar system in order from the sun.",
    "Why is the sky blue? Answer in two sentences please.",
    "Write a polite e-mail that asks a colleague for the minutes of yesterday's meeting.",
    "What is photosynthesis?"};

std::unique_ptr<Engine> start(const EngineOptions& options) {
    auto engine = Engine::start(test_model(), options);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
}

// What llama.cpp computes for each prompt alone; once for all tests here.
struct Expected {
    std::vector<std::vector<Token>> prompts;
    std::vector<std::vector<Token>> answers;
};

const Expected& expected() {
    static const Expected kAll = [] {
        Expected made;
        PlainLlama plain;
        for (const char* question : kQuestions) {
            made.prompts.push_back(question_tokens(question));
        }
        // Two prompts of more than a tile of the attention, one of them longer than a chunk.
        made.prompts[3] = text_tokens(150);
        made.prompts[12] = text_tokens(700);
        for (const auto& prompt : made.prompts) {
            made.answers.push_back(plain.greedy(prompt, kNewTokens));
        }
        return made;
    }();
    return kAll;
}

std::vector<std::vector<Token>> run_together(Engine& engine, std::uint32_t capacity_beyond) {
    std::vector<ContextId> ids;
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (const auto& prompt : expected().prompts) {
        auto created = create(engine, static_cast<std::uint32_t>(prompt.size()) + capacity_beyond);
        ids.push_back(created.first);
        prefill(engine, created.first, prompt);
        sinks.push_back(generate(engine, created.first, {.max_tokens = kNewTokens}));
    }
    std::vector<std::vector<Token>> answers;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        EXPECT_TRUE(sinks[i]->wait());
        answers.push_back(sinks[i]->tokens());
        engine.drop(ids[i]);
    }
    return answers;
}

TEST(EngineExactness, SixteenContextsAtOnceEqualPlainLlama) {
    const auto engine = start({.kv_tokens = 8192, .max_contexts = 16});
    const auto answers = run_together(*engine, kNewTokens);
    for (std::size_t i = 0; i < kContexts; ++i) {
        EXPECT_EQ(answers[i], expected().answers[i]) << kQuestions[i];
        EXPECT_GT(answers[i].size(), 3U);
    }
    EXPECT_GE(engine->stats().largest_batch, 10U);
}

// Cells that others had before, in an arena so tight that contexts must wait and be moved.
TEST(EngineExactness, ReusedCellsAndTightMemoryChangeNothing) {
    const auto engine = start({.kv_tokens = 1200, .max_contexts = 7});
    for (int round = 0; round < 2; ++round) {
        std::vector<ContextId> ids;
        std::vector<std::shared_ptr<CollectingSink>> sinks;
        // Dropping every second context early leaves holes between the others.
        for (std::size_t i = 0; i < kContexts; ++i) {
            const auto& prompt = expected().prompts[i];
            ids.push_back(
                create(*engine, static_cast<std::uint32_t>(prompt.size()) + kNewTokens).first);
            prefill(*engine, ids.back(), prompt);
            const bool brief = i % 2 == 0 && i != 12;
            sinks.push_back(generate(*engine, ids.back(), {.max_tokens = brief ? 3 : kNewTokens}));
            if (brief) {
                sinks.back()->wait_for_tokens(0);
            }
        }
        for (std::size_t i = 0; i < kContexts; ++i) {
            ASSERT_TRUE(sinks[i]->wait());
            engine->drop(ids[i]);
            auto answer = expected().answers[i];
            if (i % 2 == 0 && i != 12) {
                answer.resize(std::min<std::size_t>(answer.size(), 3));
            }
            EXPECT_EQ(sinks[i]->tokens(), answer) << round << ": " << kQuestions[i];
        }
    }
}

TEST(EngineExactness, APromptCutBesideAStreamEqualsPlainLlama) {
    const auto engine = start({.kv_tokens = 4096, .max_contexts = 4});
    auto [stream, created] = create(*engine, 1000);
    prefill(*engine, stream, expected().prompts[10]);
    const auto running = generate(*engine, stream, {.max_tokens = 900});
    running->wait_for_tokens(2);
    const std::size_t before = running->tokens().size();
    auto [longer, created_longer] = create(*engine, 800);
    auto filled_longer = prefill(*engine, longer, expected().prompts[12]);
    const auto answer = generate(*engine, longer, {.max_tokens = kNewTokens});
    ASSERT_TRUE(filled_longer.get());
    // The stream went on in the meantime: the prompt of 700 tokens was not computed in one go.
    EXPECT_GE(running->tokens().size(), before + 5);
    ASSERT_TRUE(answer->wait());
    EXPECT_EQ(answer->tokens(), expected().answers[12]);
    engine->drop(stream);
}

TEST(EngineExactness, SteppingEqualsGenerating) {
    const auto engine = start({.kv_tokens = 2048, .max_contexts = 2});
    const auto& prompt = expected().prompts[0];
    auto [id, created] = create(*engine, 200);
    prefill(*engine, id, prompt);
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < expected().answers[0].size(); ++i) {
        tokens.push_back(step(*engine, id, {}).get().value());
    }
    EXPECT_EQ(tokens, expected().answers[0]);
}

TEST(EngineExactness, ContinuingInPartsEqualsOneGenerate) {
    const auto engine = start({.kv_tokens = 2048, .max_contexts = 2});
    auto [id, created] = create(*engine, 300);
    prefill(*engine, id, expected().prompts[10]);
    std::vector<Token> tokens;
    for (const std::uint32_t part : {1U, 10U, 5U}) {
        const auto sink = generate(*engine, id, {.max_tokens = part});
        ASSERT_TRUE(sink->wait());
        const auto more = sink->tokens();
        tokens.insert(tokens.end(), more.begin(), more.end());
    }
    const auto& whole = expected().answers[10];
    ASSERT_GE(whole.size(), tokens.size());
    EXPECT_EQ(tokens, std::vector<Token>(whole.begin(), whole.begin() + 16));
}

TEST(EngineExactness, SeededSamplingIsTheSameAloneAndInCompany) {
    const SamplingParams seeded{.temperature = 0.9F, .top_k = 40, .top_p = 0.95F, .seed = 42};
    const auto engine = start({.kv_tokens = 8192, .max_contexts = 16});
    const auto sample = [&](std::size_t company) {
        std::vector<ContextId> ids;
        std::vector<std::shared_ptr<CollectingSink>> sinks;
        for (std::size_t i = 0; i <= company; ++i) {
            ids.push_back(create(*engine, 256).first);
            const std::size_t question = i == company ? 10 : i % 3;
            prefill(*engine, ids.back(), expected().prompts[question]);
            SamplingParams params = seeded;
            params.seed = i == company ? 42 : 1000 + i;
            sinks.push_back(generate(*engine, ids.back(), {.max_tokens = 40, .sampling = params}));
        }
        for (const auto& sink : sinks) {
            EXPECT_TRUE(sink->wait());
        }
        for (const ContextId id : ids) {
            engine->drop(id);
        }
        return sinks.back()->tokens();
    };
    const std::vector<Token> alone = sample(0);
    EXPECT_EQ(alone.size(), 40U);
    EXPECT_EQ(sample(0), alone);
    EXPECT_EQ(sample(7), alone);
    EXPECT_NE(alone, expected().answers[10]);
}

// One prompt's answer and how many of its tokens were computed.
std::pair<std::vector<Token>, std::uint64_t> ask(Engine& engine, const std::string& tenant,
                                                 const std::vector<Token>& prompt) {
    const std::uint64_t before = engine.stats().prefill_tokens;
    auto [made, created] = expect<void>();
    const ContextId id =
        engine.create({.tenant = tenant}, static_cast<std::uint32_t>(prompt.size()) + kNewTokens,
                      std::move(made));
    prefill(engine, id, prompt);
    const auto sink = generate(engine, id, {.max_tokens = kNewTokens});
    EXPECT_TRUE(sink->wait());
    engine.drop(id);
    return {sink->tokens(), engine.stats().prefill_tokens - before};
}

TEST(EngineExactness, ABeginningThatTheTenantComputedBeforeIsNotComputedAgain) {
    const auto engine = start({.kv_tokens = 8192, .max_contexts = 4});
    const auto& prompt = expected().prompts[12];
    const auto& answer = expected().answers[12];
    ASSERT_EQ(prompt.size(), 700U);
    EXPECT_EQ(ask(*engine, "one", prompt), std::pair(answer, std::uint64_t{700}));
    EXPECT_EQ(ask(*engine, "one", prompt), std::pair(answer, std::uint64_t{1}));
    EXPECT_EQ(ask(*engine, "two", prompt), std::pair(answer, std::uint64_t{700}));
    std::vector<Token> other(prompt.begin(), prompt.begin() + 600);
    const auto tail = text_tokens(131);
    other.insert(other.end(), tail.begin(), tail.end());
    const auto cold = ask(*engine, "three", other);
    EXPECT_EQ(cold.second, 731U);
    EXPECT_EQ(ask(*engine, "one", other), std::pair(cold.first, std::uint64_t{131}));
}

// Its answer repeats its question, so that most of it can be guessed.
const char* const kRepeating =
    "Repeat the following text exactly, word for word, and nothing else: The river that runs "
    "through the old town freezes in January, and the children of the town skate on it until the "
    "lamps are lit. The river that runs through the old town is forgotten in summer.";

TEST(EngineExactness, SpeculationChangesNoToken) {
    constexpr std::uint32_t kTokens = 40;
    const auto prompt = question_tokens(kRepeating);
    const auto answer = PlainLlama().greedy(prompt, kTokens);
    const SamplingParams sampled{
        .temperature = 0.3F, .top_k = 40, .top_p = 0.95F, .frequency_penalty = 0.1F, .seed = 7};
    std::vector<std::vector<Token>> without;
    for (const auto mode : {SpeculationMode::kNever, SpeculationMode::kAlways}) {
        const auto engine = start({.kv_tokens = 4096, .max_contexts = 4, .speculation = mode});
        std::vector<std::shared_ptr<CollectingSink>> sinks;
        // Beside each other, so that their rows share batches.
        for (const auto& params : {SamplingParams{}, sampled, SamplingParams{}}) {
            auto [id, created] = create(*engine, 300);
            prefill(*engine, id, sinks.size() == 2 ? question_tokens(kQuestions[10]) : prompt);
            sinks.push_back(generate(*engine, id, {.max_tokens = kTokens, .sampling = params}));
        }
        std::vector<std::vector<Token>> made;
        for (const auto& sink : sinks) {
            ASSERT_TRUE(sink->wait());
            made.push_back(sink->tokens());
        }
        EXPECT_EQ(made[0], answer);
        if (mode == SpeculationMode::kNever) {
            EXPECT_EQ(engine->stats().drafted_tokens, 0U);
            without = made;
        } else {
            EXPECT_GT(engine->stats().accepted_tokens, 20U);
            EXPECT_GT(engine->stats().drafted_tokens, engine->stats().accepted_tokens);
            EXPECT_EQ(made, without);
        }
    }
}

// Sixteen contexts that pause after every few tokens, in cells for half of them: they are swapped
// again and again, to memory and to the disk.
TEST(EngineExactness, SwappedContextsGoOnWithTheSameTokens) {
    const auto engine = start({.kv_tokens = 1000,
                               .max_contexts = 16,
                               .cached_contexts = 0,
                               .swap = {.memory_bytes = 16 << 20,
                                        .disk_bytes = std::uint64_t{1} << 30,
                                        .directory = testing::TempDir()},
                               .swap_after = {}});
    std::vector<ContextId> ids;
    std::vector<std::vector<Token>> answers(kContexts);
    for (std::size_t i = 0; i < kContexts; ++i) {
        const auto& prompt = expected().prompts[i];
        auto [id, created] = create(*engine, static_cast<std::uint32_t>(prompt.size()) + 32);
        ids.push_back(id);
        ASSERT_TRUE(prefill(*engine, id, prompt).get());
    }
    for (std::uint32_t made = 0; made < 24; made += 8) {
        for (std::size_t i = 0; i < kContexts; ++i) {
            const auto sink = generate(*engine, ids[i], {.max_tokens = 8});
            ASSERT_TRUE(sink->wait());
            const auto tokens = sink->tokens();
            answers[i].insert(answers[i].end(), tokens.begin(), tokens.end());
        }
    }
    for (std::size_t i = 0; i < kContexts; ++i) {
        auto wanted = expected().answers[i];
        wanted.resize(std::min<std::size_t>(wanted.size(), 24));
        EXPECT_EQ(answers[i], wanted) << kQuestions[i];
    }
    EXPECT_GE(engine->stats().swapped_in, 2 * kContexts);
}

}  // namespace
}  // namespace realm::inference
