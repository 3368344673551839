// An arena that computes nothing but remembers every token, so that what follows a context tells
// whether each of its tokens is where it should be.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "inference/engine_core.h"

namespace realm::inference {

class ContentArena final : public KvArena {
public:
    static constexpr std::uint32_t kVocabulary = 50;

    ContentArena(std::uint32_t cells, std::uint32_t sequences) : cells_(cells), limit_(sequences) {}

    // The token that follows these: depends on each of them and on their order, and is mostly the
    // one after the last, so that texts repeat themselves.
    static Token after(std::span<const Token> tokens) {
        std::uint64_t hash = 14695981039346656037U;  // FNV-1a
        for (const Token token : tokens) {
            hash = (hash ^ static_cast<std::uint64_t>(token)) * 1099511628211U;
        }
        const bool other = tokens.empty() || (hash >> 40) % 3 == 0;
        return static_cast<Token>(other ? (hash >> 20) % kVocabulary
                                        : (static_cast<std::uint64_t>(tokens.back()) + 1) %
                                              kVocabulary);
    }

    std::optional<SequenceId> acquire(std::uint32_t capacity) override {
        if (capacity > cells_ - tokens_reserved() || sequences_.size() >= limit_) {
            return std::nullopt;
        }
        std::int32_t id = 0;
        while (sequences_.contains(id)) {
            ++id;
        }
        sequences_[id].capacity = capacity;
        return SequenceId{id};
    }
    void release(SequenceId sequence) override { sequences_.erase(sequence.value); }
    std::optional<SequenceId> fork(SequenceId from, std::uint32_t capacity) override {
        const auto made = acquire(capacity);
        if (made) {
            tokens_of(*made) = tokens_of(from);
        }
        return made;
    }
    [[nodiscard]] bool truncate(SequenceId sequence, std::uint32_t tokens) override {
        tokens_of(sequence).resize(tokens);
        return true;
    }
    void adopt(SequenceId sequence, SequenceId from, std::uint32_t tokens) override {
        const auto& source = tokens_of(from);
        tokens_of(sequence).assign(source.begin(), source.begin() + tokens);
    }
    void shrink(SequenceId sequence, std::uint32_t tokens) override {
        tokens_of(sequence).resize(tokens);
        sequences_.at(sequence.value).capacity = tokens;
    }
    [[nodiscard]] std::uint32_t fork_cost(SequenceId /*from*/,
                                          std::uint32_t capacity) const override {
        return capacity;
    }
    [[nodiscard]] bool would_fit(std::uint32_t tokens,
                                 std::span<const SequenceId> released) const override {
        std::uint32_t left = tokens_reserved();
        for (const SequenceId sequence : released) {
            left -= sequences_.at(sequence.value).capacity;
        }
        return left + tokens <= cells_;
    }
    [[nodiscard]] Result<SavedCells> save(SequenceId sequence) override {
        const std::vector<Token>& tokens = tokens_of(sequence);
        SavedCells saved{.bytes = std::vector<std::uint8_t>(tokens.size() * sizeof(Token)),
                         .order = {.tokens = static_cast<std::uint32_t>(tokens.size())}};
        if (!tokens.empty()) {
            std::memcpy(saved.bytes.data(), tokens.data(), saved.bytes.size());
        }
        return saved;
    }
    [[nodiscard]] Result<void> load(SequenceId sequence, std::span<const std::uint8_t> bytes,
                                    const SavedOrder& order) override {
        tokens_of(sequence).resize(order.tokens);
        if (!bytes.empty()) {
            std::memcpy(tokens_of(sequence).data(), bytes.data(), bytes.size());
        }
        return {};
    }
    Result<void> compute(std::span<const Row> rows) override {
        chosen_.clear();
        const bool fails = fail_in == 1;
        fail_in -= fail_in > 0 ? 1 : 0;
        if (fails) {
            ++failures;
            return fail(ErrorType::kUnavailable, "decode_failed", "as the test wished");
        }
        for (const Row& row : rows) {
            auto& [capacity, tokens] = sequences_.at(row.sequence.value);
            if (tokens.size() >= capacity) {
                return fail(ErrorType::kInternal, "bad_batch", "beyond the capacity");
            }
            tokens.push_back(row.token);
            chosen_.push_back(after(tokens));
        }
        now += std::chrono::milliseconds(4 + rows.size());
        return {};
    }
    [[nodiscard]] std::span<const float> logits(std::size_t index) const override {
        std::vector<float>& logits = logits_[index];
        logits.assign(kVocabulary, 0.0F);
        logits[static_cast<std::size_t>(chosen_.at(index))] = 1.0F;
        return logits;
    }
    [[nodiscard]] std::uint32_t max_decode_rows() const override { return 6; }
    [[nodiscard]] std::uint32_t sequences() const override {
        return static_cast<std::uint32_t>(sequences_.size());
    }
    [[nodiscard]] std::uint32_t tokens_reserved() const override {
        std::uint32_t all = 0;
        for (const auto& [id, sequence] : sequences_) {
            all += sequence.capacity;
        }
        return all;
    }

    base::SteadyTime now;
    std::uint32_t fail_in = 0;  // batches; 0: never
    std::uint32_t failures = 0;

private:
    struct Sequence {
        std::uint32_t capacity = 0;
        std::vector<Token> tokens;
    };
    std::vector<Token>& tokens_of(SequenceId sequence) {
        return sequences_.at(sequence.value).tokens;
    }

    const std::uint32_t cells_;
    const std::uint32_t limit_;
    std::map<std::int32_t, Sequence> sequences_;
    std::vector<Token> chosen_;                                 // by row of the last batch
    mutable std::map<std::size_t, std::vector<float>> logits_;  // by row
};

class ContentTokens final : public TokenTable {
public:
    [[nodiscard]] std::uint32_t size() const override { return ContentArena::kVocabulary; }
    [[nodiscard]] std::string bytes(Token token) const override { return std::to_string(token); }
    [[nodiscard]] bool ends_generation(Token /*token*/) const override { return false; }
    [[nodiscard]] std::span<const Token> ending() const override { return {}; }
};

}  // namespace realm::inference
