#include "inference/scheduler.h"

#include <algorithm>
#include <limits>

namespace realm::inference {

void Scheduler::add(ContextId context, const Account& account) {
    Party& party = parties_[account.tenant];
    party.weight = account.weight;
    owners_[context.value] = &party;
}

double Scheduler::level() const {
    double lowest = std::numeric_limits<double>::infinity();
    for (const auto& [tenant, party] : parties_) {
        if (party.active()) {
            lowest = std::min(lowest, party.served);
        }
    }
    return std::max(level_, lowest == std::numeric_limits<double>::infinity() ? 0 : lowest);
}

void Scheduler::wake(Party& party) {
    if (!party.active()) {
        const bool rested = party.idle_since < 0 || elapsed_ - party.idle_since > kRest.count();
        party.served = std::max(party.served, level() - (rested ? 0 : kMostAhead.count()));
    }
}

void Scheduler::note_rest(Party& party) const {
    if (!party.active()) {
        party.idle_since = elapsed_;
    }
}

void Scheduler::set_decoding(ContextId context, bool decoding) {
    Party& party = party_of(context);
    const auto found = std::ranges::find(party.decoding, context);
    if (decoding && found == party.decoding.end()) {
        wake(party);
        party.decoding.push_back(context);
    } else if (!decoding && found != party.decoding.end()) {
        party.decoding.erase(found);
        note_rest(party);
    }
}

bool Scheduler::decoding(ContextId context) const {
    const auto& decoding = owners_.at(context.value)->decoding;
    return std::ranges::find(decoding, context) != decoding.end();
}

void Scheduler::add_prefill(ContextId context, std::uint32_t tokens, std::uint32_t done) {
    Party& party = party_of(context);
    wake(party);
    party.prompts.push_back({.context = context, .total = tokens, .done = done});
}

std::uint32_t Scheduler::reusable(std::uint32_t tokens) const {
    const std::uint32_t last = tokens % chunk_;
    return last < kTiledChunk ? tokens - last : tokens;
}

std::uint32_t Scheduler::resume_at(std::uint32_t known, std::uint32_t tokens) const {
    return std::min({known, tokens - 1, reusable(tokens)});
}

void Scheduler::remove(ContextId context) {
    if (!owners_.contains(context.value)) {
        return;
    }
    set_decoding(context, false);
    std::erase_if(party_of(context).prompts,
                  [context](const Prompt& prompt) { return prompt.context == context; });
    owners_.erase(context.value);
}

bool Scheduler::has_work() const {
    return std::ranges::any_of(parties_, [](const auto& entry) { return entry.second.active(); });
}

std::size_t Scheduler::decoding_rows() const {
    std::size_t rows = 0;
    for (const auto& [tenant, party] : parties_) {
        rows += party.decoding.size();
    }
    return rows;
}

std::uint32_t Scheduler::budget() const {
    const std::size_t rows = decoding_rows();
    return rows == 0 ? chunk_
                     : static_cast<std::uint32_t>(
                           std::clamp<std::size_t>(kPromptPerRow * rows, kLeastPiece, kMostPiece));
}

std::uint32_t Scheduler::tiled_of(std::uint32_t total) const {
    return chunk_ < kTiledChunk ? 0 : reusable(total);
}

std::uint32_t Scheduler::piece_of(const Prompt& prompt) const {
    const std::uint32_t tiled = tiled_of(prompt.total);
    const std::uint32_t end = prompt.done < tiled ? tiled : prompt.total;
    return std::min({end - prompt.done, budget(), chunk_});
}

Scheduler::Party* Scheduler::next_with_prompts() {
    Party* next = nullptr;
    for (auto& [tenant, party] : parties_) {
        if (!party.prompts.empty() && (next == nullptr || party.served < next->served)) {
            next = &party;
        }
    }
    return next;
}

Scheduler::PrefillPiece Scheduler::prefill_piece(Party& party) {
    Prompt& prompt = party.prompts.front();
    const std::uint32_t tokens = piece_of(prompt);
    const bool tiled = prompt.done < tiled_of(prompt.total);
    prompt.done += tokens;
    spent_ += tokens;
    const PrefillPiece piece{.context = prompt.context,
                             .tokens = tokens,
                             .last = prompt.done == prompt.total,
                             .tiled = tiled};
    if (piece.last) {
        party.prompts.pop_front();
        note_rest(party);
    }
    last_shares_.assign(1, {&party, 1.0});
    return piece;
}

Scheduler::DecodeStep Scheduler::decode_step() {
    std::vector<Party*> lagging;
    for (auto& [tenant, party] : parties_) {
        if (!party.decoding.empty()) {
            lagging.push_back(&party);
        }
    }
    std::ranges::stable_sort(lagging, {}, &Party::served);
    DecodeStep step;
    last_shares_.clear();
    for (Party* const party : lagging) {
        const std::size_t rows = party->decoding.size();
        if (party->served <= lagging.front()->served || rows <= kJoin * step.contexts.size()) {
            step.contexts.insert(step.contexts.end(), party->decoding.begin(),
                                 party->decoding.end());
            last_shares_.emplace_back(party, static_cast<double>(rows));
        }
    }
    for (auto& [party, share] : last_shares_) {
        share /= static_cast<double>(step.contexts.size());
    }
    return step;
}

Scheduler::Work Scheduler::next() {
    const bool decoding = decoding_rows() != 0;
    last_shares_.clear();
    if (!decoding || spent_ < budget()) {
        if (Party* const party = next_with_prompts()) {
            return prefill_piece(*party);
        }
    }
    if (decoding) {
        spent_ = 0;
        return decode_step();
    }
    return std::monostate{};
}

void Scheduler::charge(Seconds took) {
    elapsed_ += took.count();
    for (const auto& [party, share] : last_shares_) {
        party->served += took.count() * share / party->weight;
    }
    level_ = level();
    for (const auto& [party, share] : last_shares_) {
        party->served = std::min(party->served, level_ + kMostAhead.count());
    }
    last_shares_.clear();
    // Whoever is gone and not ahead begins at the level again anyway.
    std::erase_if(parties_, [this](const auto& entry) {
        const Party& party = entry.second;
        return !party.active() && party.served <= level_ &&
               std::ranges::none_of(owners_,
                                    [&](const auto& owner) { return owner.second == &party; });
    });
}

}  // namespace realm::inference
