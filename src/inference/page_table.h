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
// neighbours do, and its logits are the same bit for bit. Sequences with a common beginning may
// have its pages in common; extend_anywhere() alone leaves the order.
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
    // The same from any free pages.
    [[nodiscard]] bool extend_anywhere(SequenceId sequence, std::uint32_t tokens);
    // Takes all its pages and gives it the lowest free ones. False when there are too few.
    [[nodiscard]] bool relocate(SequenceId sequence, std::uint32_t tokens);
    // Gives `to`, which has none, the pages of `from` for the first `tokens` tokens; both have
    // them.
    void share(SequenceId from, SequenceId to, std::uint32_t tokens);
    // Takes the pages behind its first `tokens` tokens.
    void truncate(SequenceId sequence, std::uint32_t tokens);
    void release(SequenceId sequence);

    // The cell of a position for which there is room.
    [[nodiscard]] std::uint32_t cell(SequenceId sequence, std::uint32_t position) const;
    [[nodiscard]] std::uint32_t page(SequenceId sequence, std::uint32_t position) const;
    // How many sequences have that page.
    [[nodiscard]] std::uint32_t users(std::uint32_t page) const { return users_.at(page); }

private:
    using Pages = std::vector<std::uint32_t>;

    bool take_above(Pages& pages, std::uint32_t tokens);
    void take(Pages& pages, std::set<std::uint32_t>::iterator page);
    // Gives back the pages from the `keep`-th on.
    void give_back(Pages& pages, std::size_t keep);

    std::set<std::uint32_t> free_;
    std::vector<std::uint32_t> users_;  // by page
    std::unordered_map<std::int32_t, Pages> pages_;
};

}  // namespace realm::inference
