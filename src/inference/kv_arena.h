// Where the KV cells of all contexts live. Nothing above knows how many llama_contexts there are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "inference/model.h"

namespace realm::inference {

// Names a token sequence inside one arena while it is acquired; used again after release().
struct SequenceId {
    std::int32_t value = 0;
    friend bool operator==(SequenceId, SequenceId) = default;
};

// A token to append to a sequence and to compute.
struct Row {
    SequenceId sequence;
    Token token = 0;
    bool wants_logits = true;
    // Whether attention takes it in a tile with others, as those of a prompt. What is rounded where
    // differs between the two; neither depends on what else is in the batch.
    bool tiled = false;
};

// In what order the cells of a sequence were saved.
struct SavedOrder {
    std::uint32_t tokens = 0;
    std::vector<std::uint32_t> positions = {};  // of each cell; empty: they ascend
};

// A sequence's tokens and cells outside the arena.
struct SavedCells {
    std::vector<std::uint8_t> bytes;
    SavedOrder order;
};

// Owned by the engine and used on its thread alone. A sequence that was acquired can grow to the
// capacity asked for, whatever the others do.
class KvArena {
public:
    KvArena() = default;
    KvArena(const KvArena&) = delete;
    KvArena& operator=(const KvArena&) = delete;
    virtual ~KvArena() = default;

    // Nothing when there is no room for `capacity` more tokens, or for one more sequence, now.
    virtual std::optional<SequenceId> acquire(std::uint32_t capacity) = 0;
    virtual void release(SequenceId sequence) = 0;
    // A sequence with the tokens of `from` that can grow to `capacity`, which is not below their
    // number. Their cells are shared and cost nothing again, but for those of a page half full.
    // Nothing when there is no room.
    virtual std::optional<SequenceId> fork(SequenceId from, std::uint32_t capacity) = 0;
    // Takes away what follows the first `tokens` tokens. False, and nothing changed, when there is
    // no room for the sequence to grow again on its own, where it shares cells.
    [[nodiscard]] virtual bool truncate(SequenceId sequence, std::uint32_t tokens) = 0;

    // Gives a sequence that has no tokens yet the first `tokens` ones of `from`, which has as many
    // or more, and their cells in common. Always possible.
    virtual void adopt(SequenceId sequence, SequenceId from, std::uint32_t tokens) = 0;
    // Leaves the first `tokens` tokens, all that the sequence can have from now on. Always
    // possible.
    virtual void shrink(SequenceId sequence, std::uint32_t tokens) = 0;

    // Tokens that fork() would reserve.
    [[nodiscard]] virtual std::uint32_t fork_cost(SequenceId from,
                                                  std::uint32_t capacity) const = 0;
    // Whether `tokens` more could be reserved if these sequences were released.
    [[nodiscard]] virtual bool would_fit(std::uint32_t tokens,
                                         std::span<const SequenceId> released) const = 0;

    // A copy of what a sequence holds, to be put into one that has no tokens yet: the same tokens
    // follow, bit for bit where the positions ascended. unavailable/kv_move_failed: then the
    // sequence that was loaded can only be released.
    [[nodiscard]] virtual Result<SavedCells> save(SequenceId sequence) = 0;
    [[nodiscard]] virtual Result<void> load(SequenceId sequence,
                                            std::span<const std::uint8_t> bytes,
                                            const SavedOrder& order) = 0;

    // Appends the rows to their sequences, in order, and computes them in one batch, those in tiles
    // last. A batch is either at most max_decode_rows() rows, those of a sequence beside each
    // other, or a piece of one prompt of at most the prefill chunk. After `unavailable` the
    // sequences of these rows can only be released.
    virtual Result<void> compute(std::span<const Row> rows) = 0;
    // The logits of row `index` of the last compute(), where it wanted them; valid until the next.
    [[nodiscard]] virtual std::span<const float> logits(std::size_t index) const = 0;

    [[nodiscard]] virtual std::uint32_t max_decode_rows() const = 0;
    [[nodiscard]] virtual std::uint32_t sequences() const = 0;  // acquired now
    // The sum of their capacities, what they share counted once.
    [[nodiscard]] virtual std::uint32_t tokens_reserved() const = 0;
};

}  // namespace realm::inference
