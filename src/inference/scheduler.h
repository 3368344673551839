// What the engine computes next. Policy alone: knows neither llama.cpp nor callbacks.
#pragma once

#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

#include "inference/engine.h"

namespace realm::inference {

// Owned by the engine; its thread only. Decode rows come first, all runnable contexts together.
// Between two decode steps prompts get a budget of about kInterleavedPiece tokens, the oldest
// prompt first, so that a long prompt never stalls running streams; while nothing decodes they are
// computed in whole chunks. It never has work and says that there is none.
class Scheduler {
public:
    // A piece of a chunk that has at least this many tokens gives the same bits as the whole chunk:
    // from here on llama.cpp's attention takes its tiled path, row by row independent of the piece.
    // A chunk is cut only where every piece keeps that length.
    static constexpr std::uint32_t kInterleavedPiece = 64;

    explicit Scheduler(std::uint32_t prefill_chunk) : chunk_(prefill_chunk) {}

    // Rows of these contexts, one each, in the order in which they became runnable.
    struct DecodeStep {
        std::vector<ContextId> contexts;
    };
    // The next `tokens` tokens of this context's oldest prompt.
    struct PrefillPiece {
        ContextId context;
        std::uint32_t tokens = 0;
        bool last = false;
    };
    using Work = std::variant<std::monostate, DecodeStep, PrefillPiece>;

    // Whether the context has a token to compute; telling it twice changes nothing.
    void set_decoding(ContextId context, bool decoding);
    // A prompt of `tokens` >= 1 tokens waits; a context has at most one.
    void add_prefill(ContextId context, std::uint32_t tokens);
    // Forgets all that the context wants.
    void remove(ContextId context);

    [[nodiscard]] bool has_work() const { return !decoding_.empty() || !prompts_.empty(); }

    // The next thing to compute, which counts as done; monostate when there is nothing.
    Work next();

private:
    struct Prompt {
        ContextId context;
        std::uint32_t total = 0;
        std::uint32_t done = 0;
    };

    [[nodiscard]] std::uint32_t piece_of(const Prompt& prompt) const;

    const std::uint32_t chunk_;
    std::vector<ContextId> decoding_;
    std::deque<Prompt> prompts_;
    std::uint32_t budget_ = kInterleavedPiece;  // prompt tokens left before the next decode step
};

}  // namespace realm::inference
