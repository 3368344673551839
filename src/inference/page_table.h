// Which cells of a unified KV cache belong to which sequence. Book-keeping alone, no llama.cpp.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "inference/kv_arena.h"

namespace realm::inference {

// Owned by an arena; its thread only. Decision: cells are given out in pages of kPageCells,
// position p of a sequence always lies in a cell that is p modulo kPageCells, and a sequence's
// pages ascend. llama.cpp's attention adds up its cells in ascending order, prompts in tiles of 64,
// and skips those of others; so a sequence meets its own cells as if it were alone, whatever its
// neighbours do, and its logits are the same bit for bit.
class PageTable {
public:
    static constexpr std::uint32_t kPageCells = 64;

    // Enough for `sequences` sequences of `cells` tokens together, however they divide them.
    static constexpr std::uint32_t pages_for(std::uint32_t cells, std::uint32_t sequences) {
        return (cells + kPageCells - 1) / kPageCells + sequences;
    }

    explicit PageTable(std::uint32_t pages);

    // Gives the sequence pages for its first `tokens` tokens. False, and nothing changed, when no
    // free pages lie above those it has: then relocate() it.
    [[nodiscard]] bool extend(SequenceId sequence, std::uint32_t tokens);
    // Takes all its pages and gives it the lowest free ones. False when there are too few.
    [[nodiscard]] bool relocate(SequenceId sequence, std::uint32_t tokens);
    void release(SequenceId sequence);

    // The cell of a position for which extend() or relocate() made room.
    [[nodiscard]] std::uint32_t cell(SequenceId sequence, std::uint32_t position) const;

private:
    bool take_above(std::vector<std::uint32_t>& pages, std::uint32_t tokens);

    std::set<std::uint32_t> free_;
    std::unordered_map<std::int32_t, std::vector<std::uint32_t>> pages_;
};

}  // namespace realm::inference
