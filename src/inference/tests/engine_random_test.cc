// Random sequences of operations against a reference that knows nothing but each context's tokens.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "inference/engine.h"
#include "inference/engine_core.h"
#include "inference/tests/content_arena.h"
#include "inference/tests/test_client.h"
#include "inference/tests/test_model.h"

namespace realm::inference {
namespace {

enum class Kind : std::uint8_t {
    kCreate,
    kPrefill,
    kStep,
    kGenerate,
    kFork,
    kTruncate,
    kRead,
    kDrop,
    kRun,
    kPass,
};

struct Operation {
    Kind kind = Kind::kRun;
    std::uint32_t which = 0;   // of the contexts there are
    std::uint32_t amount = 0;  // of tokens, steps or whatever the kind has
};

std::ostream& operator<<(std::ostream& out, const Operation& operation) {
    return out << "{" << static_cast<int>(operation.kind) << ", " << operation.which << ", "
               << operation.amount << "}";
}

rc::Gen<std::vector<Operation>> operations(std::uint32_t largest_amount) {
    return rc::gen::container<std::vector<Operation>>(rc::gen::build<Operation>(
        rc::gen::set(&Operation::kind, rc::gen::map(rc::gen::inRange(0, 10),
                                                    [](int i) { return static_cast<Kind>(i); })),
        rc::gen::set(&Operation::which, rc::gen::inRange(0U, 100U)),
        rc::gen::set(&Operation::amount, rc::gen::inRange(0U, largest_amount))));
}

// The same cases each time, unless REALM_RANDOM_SEED asks for others.
void check(int cases, int operations, const auto& property) {
    const char* seed = std::getenv("REALM_RANDOM_SEED");
    rc::detail::TestParams params;
    params.seed = seed == nullptr ? 20 : std::stoull(seed);
    params.maxSuccess = cases;
    params.maxSize = operations;
    const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata(), params);
    std::ostringstream report;
    rc::detail::printResultMessage(result, report);
    EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << report.str();
}

// Few different prompts, so that many begin alike.
std::vector<Token> prompt_of(std::uint32_t kind, std::uint32_t tokens) {
    std::vector<Token> prompt(tokens);
    for (std::uint32_t i = 0; i < tokens; ++i) {
        prompt[i] = static_cast<Token>((i + (i > 100 ? kind % 3 : 0)) % ContentArena::kVocabulary);
    }
    return prompt;
}

// Drives an EngineCore whose cells hold about three of its contexts, and notes what it said that
// it should not have said.
class Machine {
public:
    explicit Machine(SpeculationMode speculation, bool failing = false)
        : speculation_(speculation), failing_(failing) {}

    void apply(const Operation& operation) {
        const std::uint32_t amount = operation.amount;
        if (operation.kind == Kind::kCreate) {
            create(operation.which, 1 + amount);
        } else if (operation.kind == Kind::kRun) {
            for (std::uint32_t i = 0; i < amount % 8 && core_.has_work(); ++i) {
                core_.run_once();
            }
        } else if (operation.kind == Kind::kPass) {
            arena_.fail_in = failing_ ? 1 + amount % 5 : 0;
            arena_.now += std::chrono::milliseconds(amount * 10);
            core_.tend();
        } else if (!contexts_.empty()) {
            const auto at = std::next(contexts_.begin(), operation.which % std::ssize(contexts_));
            if (failed_.contains(at->first)) {
                contexts_.erase(at);
            } else if (at->second.generating == nullptr || at->second.generating->ended) {
                use(operation, at->first, at->second);
            }
        }
    }

    // Everything that was asked is answered, if time only passes.
    void settle() {
        for (int i = 0; i < 1000 && open_ > 0; ++i) {
            while (core_.has_work()) {
                core_.run_once();
            }
            arena_.now += options_.swap_after;
            core_.tend();
        }
        if (open_ > 0) {
            wrong.push_back(std::to_string(open_) + " operations hang");
        }
    }

    [[nodiscard]] EngineStats stats() const { return core_.stats(); }
    [[nodiscard]] std::uint32_t failures() const { return arena_.failures; }

    void stop() {
        core_.stop();
        if (arena_.sequences() != 0) {
            wrong.emplace_back("sequences are left");
        }
    }

    std::vector<std::string> wrong;

private:
    struct Sink final : TokenSink {
        Sink(Machine& owner, std::uint64_t context, std::vector<Token> wanted)
            : machine(owner), id(context), expected(std::move(wanted)) {}
        bool on_token(GeneratedToken token) override {
            tokens.push_back(token.token);
            return true;
        }
        void on_end(Result<GenerateEnd> end) override {
            ended = true;
            machine.answered(id, "generate", end ? "ok" : end.error().code,
                             expected.empty() ? "nothing_prefilled" : "ok");
            if (end && tokens != expected) {
                machine.wrong.emplace_back("generate: other tokens");
            }
        }
        Machine& machine;
        std::uint64_t id;
        std::vector<Token> expected;
        std::vector<Token> tokens;
        bool ended = false;
    };
    // What a context should hold once all that was asked of it is done.
    struct Reference {
        std::uint32_t capacity = 0;
        std::vector<Token> tokens;
        bool logits = false;
        std::shared_ptr<Sink> generating;
    };

    void answered(std::uint64_t id, const std::string& what, const std::string& answer,
                  const std::string& expected) {
        --open_;
        // A context of a failed batch is gone, whether something was asked of it then or not.
        if (arena_.failures > 0 && (answer == "decode_failed" || answer == "context_not_found")) {
            failed_.insert(id);
        } else if (answer != expected) {
            wrong.push_back(what + ": " + answer + ", not " + expected);
        }
    }
    template <class T = void>
    Engine::Callback<T> expect(std::uint64_t id, std::string what, std::string expected) {
        ++open_;
        return
            [this, id, what = std::move(what), expected = std::move(expected)](Result<T> result) {
                answered(id, what, result ? "ok" : result.error().code, expected);
            };
    }

    void create(std::uint32_t which, std::uint32_t capacity) {
        const std::uint64_t id = ++last_;
        contexts_[id].capacity = capacity;
        core_.create({id}, {.tenant = which % 2 == 0 ? "even" : "odd"}, capacity,
                     expect(id, "create", "ok"));
    }

    void use(const Operation& operation, std::uint64_t id, Reference& context) {
        switch (operation.kind) {
            case Kind::kPrefill:
                return prefill(id, context, prompt_of(operation.which, operation.amount));
            case Kind::kStep:
                return step(id, context);
            case Kind::kGenerate:
                return generate(id, context, 1 + operation.amount % 10);
            case Kind::kFork:
                return fork(id, context, operation.amount);
            case Kind::kTruncate:
                return truncate(id, context, operation.amount);
            case Kind::kRead:
                return read(id, context);
            default:
                settle();  // whoever drops a context with open operations cancels them
                core_.drop({id});
                contexts_.erase(id);
        }
    }

    void prefill(std::uint64_t id, Reference& context, std::vector<Token> prompt) {
        const bool fits = prompt.size() <= context.capacity - context.tokens.size();
        const char* expected = prompt.empty() ? "no_tokens" : fits ? "ok" : "context_full";
        if (!prompt.empty() && fits) {
            context.tokens.insert(context.tokens.end(), prompt.begin(), prompt.end());
            context.logits = true;
        }
        core_.prefill({id}, std::move(prompt), expect<std::uint32_t>(id, "prefill", expected));
    }

    void step(std::uint64_t id, Reference& context) {
        std::string expected = "nothing_prefilled";
        if (context.logits && context.tokens.size() >= context.capacity) {
            expected = "context_full";
        } else if (context.logits) {
            context.tokens.push_back(ContentArena::after(context.tokens));
            expected = std::to_string(context.tokens.back());
        }
        ++open_;
        core_.step({id}, {}, nullptr, [this, id, expected](Result<Token> token) {
            answered(id, "step", token ? std::to_string(*token) : token.error().code, expected);
        });
    }

    void generate(std::uint64_t id, Reference& context, std::uint32_t most) {
        if (context.tokens.size() >= context.capacity) {
            return;
        }
        std::vector<Token> expected;
        while (context.logits && expected.size() < most &&
               context.tokens.size() < context.capacity) {
            context.tokens.push_back(ContentArena::after(context.tokens));
            expected.push_back(context.tokens.back());
        }
        ++open_;
        context.generating = std::make_shared<Sink>(*this, id, std::move(expected));
        core_.generate({id}, {.max_tokens = most}, context.generating);
    }

    void fork(std::uint64_t from, Reference& context, std::uint32_t more) {
        const std::uint64_t id = ++last_;
        const auto capacity = std::min<std::uint32_t>(
            kCells, static_cast<std::uint32_t>(context.tokens.size()) + more);
        if (capacity == 0) {
            return;
        }
        contexts_[id] = {.capacity = capacity,
                         .tokens = context.tokens,
                         .logits = context.logits,
                         .generating = {}};
        core_.fork({from}, {id}, capacity, expect(id, "fork", "ok"));
    }

    void truncate(std::uint64_t id, Reference& context, std::uint32_t tokens) {
        const bool possible = tokens <= context.tokens.size();
        if (tokens < context.tokens.size()) {
            context.tokens.resize(tokens);
            context.logits = false;
        }
        core_.truncate({id}, tokens, expect(id, "truncate", possible ? "ok" : "too_short"));
    }

    void read(std::uint64_t id, const Reference& context) {
        const std::string expected = context.logits
                                         ? std::to_string(ContentArena::after(context.tokens))
                                         : "nothing_prefilled";
        ++open_;
        core_.read_logits({id}, [this, id, expected](Result<std::vector<float>> logits) {
            answered(id, "read",
                     logits ? std::to_string(std::ranges::max_element(*logits) - logits->begin())
                            : logits.error().code,
                     expected);
        });
    }

    static constexpr std::uint32_t kCells = 700;

    const SpeculationMode speculation_;
    const bool failing_;
    const EngineOptions options_{.kv_tokens = kCells,
                                 .max_contexts = 5,
                                 .cached_contexts = 3,
                                 .swap = {.memory_bytes = 2000,
                                          .disk_bytes = std::uint64_t{1} << 30,
                                          .directory = testing::TempDir()},
                                 .swap_after = std::chrono::seconds(1),
                                 .prefill_chunk = 128,
                                 .queue_limit = 1000,
                                 .speculation = speculation_};
    ContentTokens tokens_;
    ContentArena arena_{kCells, 8};
    EngineCore core_{options_, kCells, tokens_, arena_, [this] { return arena_.now; }};
    std::map<std::uint64_t, Reference> contexts_;
    std::set<std::uint64_t> failed_;
    std::uint64_t last_ = 0;
    std::uint32_t open_ = 0;
};

EngineStats run_random(int cases, SpeculationMode speculation) {
    EngineStats all;
    check(cases, 200, [&all, speculation] {
        Machine machine(speculation);
        for (const Operation& operation : *operations(300)) {
            machine.apply(operation);
        }
        machine.settle();
        const EngineStats stats = machine.stats();
        all.decode_rows += stats.decode_rows;
        all.swapped_in += stats.swapped_in;
        all.reused_tokens += stats.reused_tokens;
        all.drafted_tokens += stats.drafted_tokens;
        all.accepted_tokens += stats.accepted_tokens;
        machine.stop();
        RC_ASSERT(machine.wrong == std::vector<std::string>());
    });
    return all;
}

TEST(EngineRandom, EveryTokenIsWhereItShouldBe) {
    const EngineStats all = run_random(4000, SpeculationMode::kNever);
    // The cases do reach what they are about.
    EXPECT_GT(all.decode_rows, 10'000U);
    EXPECT_GT(all.swapped_in, 1000U);
    EXPECT_GT(all.reused_tokens, 5000U);
    EXPECT_EQ(all.drafted_tokens, 0U);
}

TEST(EngineRandom, SpeculationChangesNothing) {
    for (const auto speculation : {SpeculationMode::kWhereItPays, SpeculationMode::kAlways}) {
        const EngineStats all = run_random(1500, speculation);
        EXPECT_GT(all.accepted_tokens, 500U);
        EXPECT_GT(all.drafted_tokens, all.accepted_tokens + 100);
        EXPECT_GT(all.swapped_in, 300U);
    }
}

// Failed batches end the contexts they had rows of; all others go on, and nothing hangs.
TEST(EngineRandom, FailedBatchesEndTheirContextsAlone) {
    std::uint32_t failures = 0;
    std::uint64_t computed = 0;
    check(1500, 200, [&] {
        Machine machine(SpeculationMode::kAlways, true);
        for (const Operation& operation : *operations(300)) {
            machine.apply(operation);
        }
        machine.settle();
        failures += machine.failures();
        computed += machine.stats().decode_rows;
        machine.stop();
        RC_ASSERT(machine.wrong == std::vector<std::string>());
    });
    EXPECT_GT(failures, 300U);
    EXPECT_GT(computed, 2000U);
}

// The real engine, whose contexts each note how they came to be, so that plain llama.cpp can do the
// same for each of them alone. Three sequences for up to six contexts: whoever rests is swapped
// out.
class RealMachine {
public:
    RealMachine() {
        auto started = Engine::start(test_model(), {.kv_tokens = 8192,
                                                    .max_contexts = 3,
                                                    .cached_contexts = 3,
                                                    .swap = {.memory_bytes = 4 << 20,
                                                             .disk_bytes = std::uint64_t{1} << 30,
                                                             .directory = testing::TempDir()},
                                                    .swap_after = {},
                                                    .threads = test_threads(),
                                                    .speculation = SpeculationMode::kAlways});
        EXPECT_TRUE(started) << started.error().message;
        engine_ = std::move(*started);
    }

    void apply(const Operation& operation) {
        const std::uint32_t amount = operation.amount;
        if (contexts_.empty() || (operation.kind == Kind::kCreate && contexts_.size() < kMost)) {
            contexts_.push_back(
                {.id = realm::inference::create(*engine_, kCapacity).first, .history = {}});
            return;
        }
        Reference& context = contexts_[operation.which % contexts_.size()];
        if (operation.kind == Kind::kPrefill || context.history.empty()) {
            prefill(context, 1 + amount);
        } else if (operation.kind == Kind::kFork && contexts_.size() < kMost) {
            auto [done, forked] = expect<void>();
            const Reference made{.id = engine_->fork(context.id, kCapacity, std::move(done)),
                                 .history = context.history,
                                 .length = context.length};
            EXPECT_TRUE(forked.get());
            contexts_.push_back(made);
        } else if (operation.kind == Kind::kTruncate) {
            truncate(context, context.length * (amount % 10) / 10);
        } else if (operation.kind == Kind::kDrop) {
            engine_->drop(context.id);
            contexts_.erase(contexts_.begin() + (operation.which % std::ssize(contexts_)));
        } else {
            generate(1 + operation.which % 3, 1 + amount % 7);
        }
    }

    // Which contexts have other logits than plain llama.cpp computes for them alone.
    std::vector<std::size_t> wrong(PlainLlama& plain) {
        std::vector<std::size_t> found;
        for (std::size_t i = 0; i < contexts_.size(); ++i) {
            if (contexts_[i].history.empty() || contexts_[i].history.back().cut_to) {
                continue;
            }
            auto [done, logits] = expect<std::vector<float>>();
            engine_->read_logits(contexts_[i].id, std::move(done));
            if (logits.get().value() != plain.logits_after(contexts_[i].history)) {
                found.push_back(i);
            }
        }
        return found;
    }

private:
    static constexpr std::size_t kMost = 6;
    static constexpr std::uint32_t kCapacity = 700;

    struct Reference {
        ContextId id;
        std::vector<PlainLlama::Event> history;
        std::uint32_t length = 0;
    };

    void prefill(Reference& context, std::uint32_t tokens) {
        tokens = std::min(tokens, kCapacity - context.length);
        if (tokens == 0) {
            return;
        }
        // From the same text, so that beginnings are alike.
        const std::vector<Token> all = text_tokens(kCapacity);
        const auto begin = all.begin() + (context.length == 0 ? 0 : 13);
        std::vector<Token> prompt(begin, begin + std::min(tokens, kCapacity - 13));
        context.length += static_cast<std::uint32_t>(prompt.size());
        context.history.push_back({.tokens = prompt});
        EXPECT_TRUE(realm::inference::prefill(*engine_, context.id, std::move(prompt)).get());
    }

    void truncate(Reference& context, std::uint32_t tokens) {
        auto [done, truncated] = expect<void>();
        engine_->truncate(context.id, tokens, std::move(done));
        EXPECT_TRUE(truncated.get());
        if (tokens < context.length) {
            context.history.push_back({.cut_to = tokens});
            context.length = tokens;
        }
    }

    // Of the first `count` contexts at once; those that end before have no more tokens.
    void generate(std::size_t count, std::uint32_t tokens) {
        std::vector<std::shared_ptr<CollectingSink>> sinks;
        for (std::size_t i = 0; i < std::min(count, contexts_.size()); ++i) {
            sinks.push_back(
                realm::inference::generate(*engine_, contexts_[i].id, {.max_tokens = tokens}));
        }
        for (std::size_t i = 0; i < sinks.size(); ++i) {
            const auto ended = sinks[i]->wait();
            EXPECT_TRUE(ended || ended.error().code == "nothing_prefilled");
            const std::vector<Token> made = sinks[i]->tokens();
            if (!made.empty()) {
                contexts_[i].length += static_cast<std::uint32_t>(made.size());
                contexts_[i].history.push_back({.tokens = made, .together = false});
            }
        }
    }

    std::unique_ptr<Engine> engine_;
    std::vector<Reference> contexts_;
};

TEST(EngineRandom, LogitsAreThoseOfPlainLlamaBitForBit) {
    PlainLlama plain;
    check(8, 30, [&] {
        RealMachine machine;
        for (const Operation& operation : *operations(200)) {
            machine.apply(operation);
        }
        RC_ASSERT(machine.wrong(plain) == std::vector<std::size_t>());
    });
}

}  // namespace
}  // namespace realm::inference
