// All sequences in one llama_context with one unified KV cache.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "inference/engine.h"
#include "inference/kv_arena.h"
#include "inference/page_table.h"

struct llama_context;
struct ggml_threadpool;

namespace realm::inference {

// Owns the llama_context and its compute threads; see KvArena for threads. Which rows attention
// takes in tiles is told to llama.cpp with each batch (realm_llama.h), for by itself it goes by
// their number, and the bits of a row would depend on how many others there are.
class UnifiedArena final : public KvArena {
public:
    // Bounds the memory for their logits.
    static constexpr std::uint32_t kMaxDecodeRows = 128;

    // `options` must be valid, threads given. `places`: a processor for each thread, the one that
    // first calls compute() included; empty: any. unavailable when there is too little memory.
    static Result<std::unique_ptr<UnifiedArena>> create(std::shared_ptr<const Model> model,
                                                        const EngineOptions& options,
                                                        std::span<const std::uint32_t> places = {});
    ~UnifiedArena() override;

    std::optional<SequenceId> acquire(std::uint32_t capacity) override;
    void release(SequenceId sequence) override;
    std::optional<SequenceId> fork(SequenceId from, std::uint32_t capacity) override;
    [[nodiscard]] bool truncate(SequenceId sequence, std::uint32_t tokens) override;
    void adopt(SequenceId sequence, SequenceId from, std::uint32_t tokens) override;
    void shrink(SequenceId sequence, std::uint32_t tokens) override;
    [[nodiscard]] std::uint32_t fork_cost(SequenceId from, std::uint32_t capacity) const override;
    [[nodiscard]] bool would_fit(std::uint32_t tokens,
                                 std::span<const SequenceId> released) const override;
    [[nodiscard]] Result<SavedCells> save(SequenceId sequence) override;
    [[nodiscard]] Result<void> load(SequenceId sequence, std::span<const std::uint8_t> bytes,
                                    const SavedOrder& order) override;
    Result<void> compute(std::span<const Row> rows) override;
    [[nodiscard]] std::span<const float> logits(std::size_t index) const override;
    // Moves a sequence's cells to the lowest free pages, bit for bit, with room for `tokens`
    // tokens. Copies all of them: for when no page above its own is free. After an error it can
    // only be released.
    Result<void> compact(SequenceId sequence, std::uint32_t tokens);
    [[nodiscard]] std::uint32_t max_decode_rows() const override { return kMaxDecodeRows; }
    [[nodiscard]] std::uint32_t sequences() const override { return sequences_; }
    [[nodiscard]] std::uint32_t tokens_reserved() const override { return reserved_; }

private:
    struct Sequence {
        std::uint32_t capacity = 0;  // 0: free
        std::uint32_t length = 0;
        std::uint32_t shared = 0;  // of its pages, the first ones: counted by themselves
    };
    struct Deleter {
        void operator()(llama_context* context) const;
        void operator()(ggml_threadpool* pool) const;
    };
    class Batch;

    UnifiedArena(std::shared_ptr<const Model> model, const EngineOptions& options);
    Result<void> open(const EngineOptions& options, std::span<const std::uint32_t> places);
    Result<void> start_threads(std::uint32_t threads, std::span<const std::uint32_t> places);
    Result<void> decode_batch();
    void cut(SequenceId sequence, std::uint32_t tokens);
    Result<void> make_room(SequenceId sequence, std::uint32_t more);
    [[nodiscard]] Sequence& entry_of(SequenceId sequence) {
        return table_.at(static_cast<std::size_t>(sequence.value));
    }
    [[nodiscard]] const Sequence& entry_of(SequenceId sequence) const {
        return table_.at(static_cast<std::size_t>(sequence.value));
    }
    [[nodiscard]] std::optional<SequenceId> free_sequence() const;
    // From now on the first `pages` pages of a sequence count as shared, or only they do.
    void join(SequenceId sequence, std::uint32_t pages);
    void leave(SequenceId sequence, std::uint32_t pages);
    // Gives the sequence a page of its own in place of a half-full one that others have too.
    Result<void> own_last_page(SequenceId sequence);
    // A sequence's tokens and cells, and how they are put into other cells, bit for bit.
    [[nodiscard]] std::vector<std::uint8_t> state_of(std::int32_t sequence);
    [[nodiscard]] std::vector<std::uint8_t> take_state(std::int32_t sequence);
    Result<void> put_state(std::int32_t sequence, std::span<const std::uint8_t> state,
                           std::span<const std::uint32_t> cells);
    // The cells of its positions from `first` on.
    [[nodiscard]] std::vector<std::uint32_t> cells_from(SequenceId sequence,
                                                        std::uint32_t first) const;

    std::shared_ptr<const Model> model_;
    const std::uint32_t kv_tokens_;
    // Declared before the context, which uses it until it is freed.
    std::unique_ptr<ggml_threadpool, Deleter> threads_;
    std::unique_ptr<llama_context, Deleter> context_;
    std::unique_ptr<Batch> batch_;
    PageTable pages_;
    std::vector<Sequence> table_;  // by SequenceId
    std::uint32_t sequences_ = 0;
    std::uint32_t reserved_ = 0;          // capacities without shared pages, and shared pages once
    std::vector<std::uint32_t> sharers_;  // by page: for how many sequences it counts as shared
    std::size_t vocabulary_size_ = 0;
};

}  // namespace realm::inference
