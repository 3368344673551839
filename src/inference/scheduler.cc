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
    return last < kInterleavedPiece ? tokens - last : tokens;
}

std::uint32_t Scheduler::resume_at(std::uint32_t known, std::uint32_t tokens) const {
    const std::uint32_t done = std::min(known, tokens - 1);
    const std::uint32_t begin = done / chunk_ * chunk_;
    const std::uint32_t end = std::min(tokens, begin + chunk_);
    if (end - begin < kInterleavedPiece) {
        return begin;
    }
    return std::max(begin, std::min(done, end - kInterleavedPiece));
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

bool Scheduler::anyone_decodes() const {
    return std::ranges::any_of(parties_,
                               [](const auto& entry) { return !entry.second.decoding.empty(); });
}

std::uint32_t Scheduler::piece_of(const Prompt& prompt) const {
    const std::uint32_t tiled = chunk_ < 2 * kInterleavedPiece ? 0 : reusable(prompt.total);
    if (prompt.done >= tiled) {
        const std::uint32_t chunk_end = (prompt.done / chunk_ + 1) * chunk_;
        return std::min(prompt.total, chunk_end) - prompt.done;
    }
    const std::uint32_t left = tiled - prompt.done;
    if (!anyone_decodes()) {
        // What is left of it is none or long enough.
        return left <= chunk_ ? left : std::min(chunk_, left - kInterleavedPiece);
    }
    // Equal pieces: what is left over would make the last one nearly twice as long.
    const std::uint32_t pieces = left / kInterleavedPiece;
    return (left + pieces - 1) / pieces;
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
    budget_ -= std::min(budget_, tokens);
    prompt.done += tokens;
    const PrefillPiece piece{
        .context = prompt.context, .tokens = tokens, .last = prompt.done == prompt.total};
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
    const bool decoding = anyone_decodes();
    last_shares_.clear();
    if (budget_ > 0 || !decoding) {
        if (Party* const party = next_with_prompts()) {
            return prefill_piece(*party);
        }
    }
    if (decoding) {
        budget_ = kInterleavedPiece;
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
