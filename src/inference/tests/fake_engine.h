// An EngineCore on a model that is only imagined, for what no real one does on demand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "inference/engine_core.h"

namespace realm::inference {

inline constexpr std::uint32_t kVocabulary = 100;
inline constexpr Token kEnd = 99;

class FakeTokens final : public TokenTable {
public:
    [[nodiscard]] std::uint32_t size() const override { return kVocabulary; }
    [[nodiscard]] std::string bytes(Token token) const override {
        return "<" + std::to_string(token) + ">";
    }
    [[nodiscard]] bool ends_generation(Token token) const override { return token == kEnd; }
    [[nodiscard]] std::span<const Token> ending() const override { return {&kEnd, 1}; }
};

// After token t comes t + 1; remembers every batch.
class FakeArena final : public KvArena {
public:
    FakeArena(std::uint32_t cells, std::uint32_t sequences) : cells_(cells), limit_(sequences) {}

    std::optional<SequenceId> acquire(std::uint32_t capacity) override {
        if (reserved_ + capacity > cells_ || capacities_.size() >= limit_) {
            return std::nullopt;
        }
        std::int32_t id = 0;
        while (capacities_.contains(id)) {
            ++id;
        }
        capacities_[id] = capacity;
        reserved_ += capacity;
        return SequenceId{id};
    }
    std::optional<SequenceId> fork(SequenceId from, std::uint32_t capacity) override {
        const auto made = acquire(capacity);
        if (made) {
            forks.emplace_back(from.value, made->value);
        }
        return made;
    }
    [[nodiscard]] bool truncate(SequenceId sequence, std::uint32_t tokens) override {
        if (may_truncate) {
            truncations.emplace_back(sequence.value, tokens);
        }
        return may_truncate;
    }
    void adopt(SequenceId sequence, SequenceId from, std::uint32_t tokens) override {
        adoptions.push_back({sequence.value, from.value, tokens});
    }
    void shrink(SequenceId sequence, std::uint32_t tokens) override {
        std::uint32_t& capacity = capacities_.at(sequence.value);
        reserved_ -= capacity - tokens;
        capacity = tokens;
    }
    void release(SequenceId sequence) override {
        reserved_ -= capacities_.at(sequence.value);
        capacities_.erase(sequence.value);
    }
    [[nodiscard]] std::uint32_t fork_cost(SequenceId /*from*/,
                                          std::uint32_t capacity) const override {
        return capacity;
    }
    [[nodiscard]] bool would_fit(std::uint32_t tokens,
                                 std::span<const SequenceId> released) const override {
        std::uint32_t left = reserved_;
        for (const SequenceId sequence : released) {
            left -= capacities_.at(sequence.value);
        }
        return left + tokens <= cells_;
    }
    [[nodiscard]] Result<SavedCells> save(SequenceId sequence) override {
        return SavedCells{.bytes = std::vector<std::uint8_t>(100, 1),
                          .order = {.tokens = static_cast<std::uint32_t>(sequence.value)}};
    }
    [[nodiscard]] Result<void> load(SequenceId sequence, std::span<const std::uint8_t> bytes,
                                    const SavedOrder& order) override {
        EXPECT_EQ(bytes.size(), 100U);
        loads.emplace_back(sequence.value, order.tokens);
        if (fail_next) {
            fail_next = false;
            return fail(ErrorType::kUnavailable, "kv_move_failed", "as the test wished");
        }
        return {};
    }
    Result<void> compute(std::span<const Row> rows) override {
        batches.push_back(rows.size());
        now += std::chrono::milliseconds(4 + rows.size());
        if (fail_next) {
            fail_next = false;
            return fail(ErrorType::kUnavailable, "decode_failed", "as the test wished");
        }
        logits_.assign(rows.size(), std::vector<float>(kVocabulary, 0.0F));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            logits_[i][static_cast<std::size_t>((rows[i].token + 1) % kVocabulary)] = 1.0F;
        }
        return {};
    }
    [[nodiscard]] std::span<const float> logits(std::size_t index) const override {
        return logits_.at(index);
    }
    [[nodiscard]] std::uint32_t max_decode_rows() const override { return 3; }
    [[nodiscard]] std::uint32_t sequences() const override {
        return static_cast<std::uint32_t>(capacities_.size());
    }
    [[nodiscard]] std::uint32_t tokens_reserved() const override { return reserved_; }

    std::vector<std::size_t> batches;
    std::vector<std::pair<std::int32_t, std::int32_t>> forks;  // from, made
    std::vector<std::pair<std::int32_t, std::uint32_t>> truncations;
    std::vector<std::pair<std::int32_t, std::uint32_t>> loads;  // into, saved from
    struct Adoption {
        std::int32_t sequence = 0;
        std::int32_t from = 0;
        std::uint32_t tokens = 0;
        friend bool operator==(const Adoption&, const Adoption&) = default;
    };
    std::vector<Adoption> adoptions;
    bool may_truncate = true;
    bool fail_next = false;
    base::SteadyTime now;  // a step takes 4 ms and 1 ms for each row

private:
    const std::uint32_t cells_;
    const std::uint32_t limit_;
    std::uint32_t reserved_ = 0;
    std::map<std::int32_t, std::uint32_t> capacities_;
    std::vector<std::vector<float>> logits_;
};

// What was called back, in order: "create1 ok", "token1 5", "end1 length", "prefill2 not_found".
using Journal = std::vector<std::string>;

class JournalSink final : public TokenSink {
public:
    JournalSink(Journal& journal, std::string name, std::size_t room)
        : journal_(journal), name_(std::move(name)), room_(room) {}
    bool on_token(GeneratedToken token) override {
        journal_.push_back("token" + name_ + " " + token.text);
        return --room_ > 0;
    }
    void on_end(Result<GenerateEnd> end) override {
        static const std::vector<std::string> kNames = {"end_of_generation", "stop", "length"};
        journal_.push_back("end" + name_ + " " +
                           (end ? kNames.at(static_cast<std::size_t>(end->reason)) + end->tail
                                : end.error().code));
    }

private:
    Journal& journal_;
    const std::string name_;
    std::size_t room_;
};

class EngineCoreTest : public testing::Test {
protected:
    explicit EngineCoreTest(SwapSpace::Options swap = {},
                            SpeculationMode speculation = SpeculationMode::kWhereItPays)
        : options_(options(std::move(swap), speculation)) {}

    // 100 cells, eight contexts of at most 60 tokens, two that wait.
    static EngineOptions options(SwapSpace::Options swap, SpeculationMode speculation) {
        return {.kv_tokens = 100,
                .max_contexts = 8,
                .swap = std::move(swap),
                .swap_after = std::chrono::seconds(1),
                .prefill_chunk = 512,
                .queue_limit = 2,
                .speculation = speculation};
    }

    void create(std::uint64_t id, std::uint32_t capacity) {
        core_.create({id}, {}, capacity, note<void>("create" + std::to_string(id)));
    }
    void create_for(const std::string& tenant, std::uint64_t id) {
        core_.create({id}, {.tenant = tenant}, 20, [](Result<void>) {});
        prefill(id, {1});
    }
    void prefill(std::uint64_t id, std::vector<Token> prompt) {
        core_.prefill({id}, std::move(prompt), note<std::uint32_t>("prefill" + std::to_string(id)));
    }
    void fork(std::uint64_t from, std::uint64_t id, std::uint32_t capacity) {
        core_.fork({from}, {id}, capacity, note<void>("fork" + std::to_string(id)));
    }
    void truncate(std::uint64_t id, std::uint32_t tokens) {
        core_.truncate({id}, tokens, note<void>("truncate" + std::to_string(id)));
    }
    // Notes the token with the largest logit.
    void read(std::uint64_t id) {
        core_.read_logits({id}, [this, id](Result<std::vector<float>> logits) {
            journal_.push_back(
                "read" + std::to_string(id) + " " +
                (logits ? std::to_string(std::ranges::max_element(*logits) - logits->begin())
                        : logits.error().code));
        });
    }
    static std::shared_ptr<const TokenMask> only(Token token) {
        std::vector<std::uint32_t> words(4, 0);
        words[static_cast<std::size_t>(token) / 32] = 1U << (token % 32);
        return std::make_shared<TokenMask>(words, kVocabulary);
    }
    void step(std::uint64_t id, const SamplingParams& sampling = {},
              std::shared_ptr<const TokenMask> mask = nullptr) {
        core_.step({id}, sampling, std::move(mask), [this, id](Result<Token> token) {
            journal_.push_back("step" + std::to_string(id) + " " +
                               (token ? std::to_string(*token) : token.error().code));
        });
    }
    void generate(std::uint64_t id, std::uint32_t max_tokens, std::vector<std::string> stop = {},
                  std::size_t room = 1000) {
        core_.generate({id}, {.max_tokens = max_tokens, .stop = std::move(stop)},
                       std::make_shared<JournalSink>(journal_, std::to_string(id), room));
    }
    void run() {
        while (core_.has_work()) {
            core_.run_once();
        }
    }
    Journal take() { return std::exchange(journal_, {}); }

    template <class T>
    Engine::Callback<T> note(std::string what) {
        return [this, what = std::move(what)](Result<T> result) {
            journal_.push_back(what + " " + (result ? "ok" : result.error().code));
        };
    }

    const EngineOptions options_;
    Journal journal_;
    FakeTokens tokens_;
    FakeArena arena_{options_.kv_tokens, options_.max_contexts};
    EngineCore core_{options_, 60, tokens_, arena_, [this] { return arena_.now; }};
};

}  // namespace realm::inference
