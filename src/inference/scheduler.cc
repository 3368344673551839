#include "inference/scheduler.h"

#include <algorithm>

namespace realm::inference {

void Scheduler::set_decoding(ContextId context, bool decoding) {
    const auto found = std::find(decoding_.begin(), decoding_.end(), context);
    if (decoding && found == decoding_.end()) {
        decoding_.push_back(context);
    } else if (!decoding && found != decoding_.end()) {
        decoding_.erase(found);
    }
}

void Scheduler::add_prefill(ContextId context, std::uint32_t tokens) {
    prompts_.push_back({.context = context, .total = tokens});
}

void Scheduler::remove(ContextId context) {
    set_decoding(context, false);
    std::erase_if(prompts_, [context](const Prompt& prompt) { return prompt.context == context; });
}

std::uint32_t Scheduler::piece_of(const Prompt& prompt) const {
    const std::uint32_t chunk_end = (prompt.done / chunk_ + 1) * chunk_;
    const std::uint32_t left = std::min(prompt.total, chunk_end) - prompt.done;
    if (decoding_.empty() || left < 2 * kInterleavedPiece) {
        return left;
    }
    return kInterleavedPiece;
}

Scheduler::Work Scheduler::next() {
    const bool prompt_may_run = budget_ > 0 || decoding_.empty();
    if (!prompts_.empty() && prompt_may_run) {
        Prompt& prompt = prompts_.front();
        const std::uint32_t tokens = piece_of(prompt);
        budget_ -= std::min(budget_, tokens);
        prompt.done += tokens;
        const PrefillPiece piece{
            .context = prompt.context, .tokens = tokens, .last = prompt.done == prompt.total};
        if (piece.last) {
            prompts_.pop_front();
        }
        return piece;
    }
    if (!decoding_.empty()) {
        budget_ = kInterleavedPiece;
        return DecodeStep{.contexts = decoding_};
    }
    return std::monostate{};
}

}  // namespace realm::inference
