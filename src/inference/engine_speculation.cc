// Tokens that are computed on a guess beside a context's own row, and kept as far as they are
// chosen.
#include <algorithm>

#include "inference/engine_core.h"
#include "inference/prompt_lookup.h"

namespace realm::inference {

std::size_t EngineCore::most_drafted(const Context& context) {
    const Generation* const generation = generating(context);
    // Each row chooses a token. What is left fits into the context.
    return generation == nullptr ? 0 : std::min<std::size_t>(kMostDrafted, generation->left() - 1);
}

std::vector<std::vector<Token>> EngineCore::drafts_for(std::span<const ContextId> contexts) {
    std::vector<std::vector<Token>> drafts(contexts.size());
    const bool always = options_.speculation == SpeculationMode::kAlways;
    // A prompt that waits would pay for longer steps, and the streams beside it come slowly enough.
    if (options_.speculation == SpeculationMode::kNever || (!always && scheduler_.has_prompts())) {
        return drafts;
    }
    std::vector<Drafter> drafters;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        const Context& context = *find(contexts[i]);
        const std::size_t most = most_drafted(context);
        if (most > 0 && (always || context.speculation.may_try())) {
            drafts[i] = look_up(context.tokens, most);
        }
        if (!drafts[i].empty()) {
            drafters.push_back({.speculation = &context.speculation, .most = drafts[i].size()});
        }
    }
    const std::size_t rows = arena_.max_decode_rows();
    std::size_t each = 0;
    if (always && !drafters.empty()) {
        each = (rows - contexts.size()) / drafters.size();
    } else {
        each = drafts_worth(cost_, contexts.size(), rows, drafters);
    }
    for (std::vector<Token>& draft : drafts) {
        draft.resize(std::min(draft.size(), each));
    }
    return drafts;
}

void EngineCore::rows_computed(Context& context, std::size_t row, std::span<const Token> drafted,
                               double extra) {
    std::size_t accepted = 0;
    row_computed(context, arena_.logits(row));
    while (accepted < drafted.size() && scheduler_.decoding(context.id) &&
           context.uncomputed == drafted[accepted]) {
        ++accepted;
        row_computed(context, arena_.logits(row + accepted));
    }
    context.speculation.note(drafted.size(), accepted, extra);
    scheduler_.add_rows(context.id, drafted.size());
    stats_.decode_rows += 1 + accepted;
    stats_.drafted_tokens += drafted.size();
    stats_.accepted_tokens += accepted;
    if (accepted == drafted.size()) {
        return;
    }
    // The rows that go shared their cells with nobody, so there is always room without them.
    const std::uint32_t computed = context.length - (context.uncomputed ? 1 : 0);
    if (!arena_.truncate(*context.sequence, computed)) {
        end(context.id, no_cells("go on without tokens that were only guessed").error());
        admit_waiting();
    }
}

}  // namespace realm::inference
