#include "inference/scheduler.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace realm::inference {

void Scheduler::add(ContextId context, const Account& account) {
    Party& party = parties_[account.tenant];
    party.weight = account.weight;
    members_[context.value] = {.party = &party, .priority = account.priority};
}

void Scheduler::set_priority(ContextId context, std::int32_t priority) {
    members_.at(context.value).priority = priority;
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

void Scheduler::wake(ContextId context) {
    members_.at(context.value).since = ++order_;
    Party& party = party_of(context);
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
        wake(context);
        party.decoding.push_back(context);
    } else if (!decoding && found != party.decoding.end()) {
        party.decoding.erase(found);
        note_rest(party);
    }
}

bool Scheduler::decoding(ContextId context) const {
    const auto& decoding = members_.at(context.value).party->decoding;
    return std::ranges::find(decoding, context) != decoding.end();
}

void Scheduler::add_prefill(ContextId context, std::uint32_t tokens, std::uint32_t done) {
    wake(context);
    party_of(context).prompts.push_back({.context = context, .total = tokens, .done = done});
}

std::uint32_t Scheduler::reusable(std::uint32_t tokens) const {
    const std::uint32_t last = tokens % chunk_;
    return last < kTiledChunk ? tokens - last : tokens;
}

std::uint32_t Scheduler::resume_at(std::uint32_t known, std::uint32_t tokens) const {
    return std::min({known, tokens - 1, reusable(tokens)});
}

void Scheduler::remove(ContextId context) {
    if (!members_.contains(context.value)) {
        return;
    }
    set_decoding(context, false);
    Party& party = party_of(context);
    if (std::erase_if(party.prompts,
                      [context](const Prompt& prompt) { return prompt.context == context; }) != 0) {
        note_rest(party);
    }
    members_.erase(context.value);
}

bool Scheduler::has_work() const {
    return std::ranges::any_of(parties_, [](const auto& entry) { return entry.second.active(); });
}

bool Scheduler::has_prompts() const {
    return std::ranges::any_of(parties_,
                               [](const auto& entry) { return !entry.second.prompts.empty(); });
}

std::size_t Scheduler::decoding_rows(const std::vector<Offer>& offered) {
    std::size_t rows = 0;
    for (const Offer& offer : offered) {
        rows += offer.rows.size();
    }
    return rows;
}

std::uint32_t Scheduler::budget_beside(std::size_t rows) const {
    return rows == 0 ? chunk_
                     : static_cast<std::uint32_t>(
                           std::clamp<std::size_t>(kPromptPerRow * rows, kLeastPiece, kMostPiece));
}

std::uint32_t Scheduler::tiled_of(std::uint32_t total) const {
    return chunk_ < kTiledChunk ? 0 : reusable(total);
}

std::uint32_t Scheduler::piece_of(const Prompt& prompt, std::uint32_t budget) const {
    const std::uint32_t tiled = tiled_of(prompt.total);
    const std::uint32_t end = prompt.done < tiled ? tiled : prompt.total;
    return std::min({end - prompt.done, budget, chunk_});
}

std::vector<Scheduler::Offer> Scheduler::offers() {
    double furthest = 0;
    for (const auto& [tenant, party] : parties_) {
        furthest = std::max(furthest, party.active() ? party.served : 0);
    }
    std::vector<Offer> made;
    for (auto& [tenant, party] : parties_) {
        if (party.active()) {
            made.push_back(offer_of(party, Seconds(furthest - party.served)));
        }
    }
    return made;
}

Scheduler::Offer Scheduler::offer_of(Party& party, Seconds lag) const {
    const auto priority = [this](ContextId context) { return members_.at(context.value).priority; };
    std::int32_t most = std::numeric_limits<std::int32_t>::max();
    std::int32_t least = std::numeric_limits<std::int32_t>::min();
    const auto note = [&](ContextId context) {
        most = std::min(most, priority(context));
        least = std::max(least, priority(context));
    };
    std::ranges::for_each(party.decoding, note);
    std::ranges::for_each(party.prompts, note, &Prompt::context);

    const bool all = lag > kUnused;
    Offer offer{.party = &party, .some_wait = most != least && !all};
    std::ranges::copy_if(party.decoding, std::back_inserter(offer.rows),
                         [&](ContextId context) { return all || priority(context) == most; });
    const auto first = std::ranges::min_element(
        party.prompts, {}, [&](const Prompt& prompt) { return priority(prompt.context); });
    if (first != party.prompts.end() && (all || priority(first->context) == most)) {
        offer.prompt = static_cast<std::size_t>(first - party.prompts.begin());
    }
    if (offer.some_wait && party.urgent_time >= kUrgentShare * party.last_turn) {
        offer_turn(offer, most);
    }
    return offer;
}

void Scheduler::offer_turn(Offer& offer, std::int32_t most) const {
    const Party& party = *offer.party;
    std::uint64_t longest = std::numeric_limits<std::uint64_t>::max();
    for (const ContextId context : party.decoding) {
        const Member& member = members_.at(context.value);
        if (member.priority != most && member.since < longest) {
            longest = member.since;
            offer.turn_of_rows = true;
        }
    }
    for (std::size_t i = 0; i < party.prompts.size(); ++i) {
        const Member& member = members_.at(party.prompts[i].context.value);
        if (member.priority != most && member.since < longest) {
            longest = member.since;
            offer.prompt = i;
            offer.turn_of_prompt = true;
            offer.turn_of_rows = false;
        }
    }
    if (offer.turn_of_rows) {
        offer.rows = party.decoding;
    }
}

Scheduler::PrefillPiece Scheduler::prefill_piece(const Offer& offer, std::uint32_t budget) {
    Party& party = *offer.party;
    const auto at = party.prompts.begin() + static_cast<std::ptrdiff_t>(*offer.prompt);
    const std::uint32_t tokens = piece_of(*at, budget);
    const bool tiled = at->done < tiled_of(at->total);
    at->done += tokens;
    spent_ += tokens;
    const PrefillPiece piece{
        .context = at->context, .tokens = tokens, .last = at->done == at->total, .tiled = tiled};
    members_.at(piece.context.value).since = ++order_;
    if (piece.last) {
        party.prompts.erase(at);
        note_rest(party);
    }
    last_shares_.push_back(
        {.party = &party, .rows = 1, .some_wait = offer.some_wait, .turn = offer.turn_of_prompt});
    return piece;
}

Scheduler::DecodeStep Scheduler::decode_step(std::vector<Offer>& offered) {
    std::erase_if(offered, [](const Offer& offer) { return offer.rows.empty(); });
    std::ranges::stable_sort(offered, {}, [](const Offer& offer) { return offer.party->served; });
    const double lowest = offered.front().party->served;
    DecodeStep step;
    for (const Offer& offer : offered) {
        const std::size_t rows = offer.rows.size();
        if (offer.party->served <= lowest || rows <= kJoin * step.contexts.size()) {
            step.contexts.insert(step.contexts.end(), offer.rows.begin(), offer.rows.end());
            last_shares_.push_back({.party = offer.party,
                                    .rows = rows,
                                    .some_wait = offer.some_wait,
                                    .turn = offer.turn_of_rows});
        }
    }
    for (const ContextId context : step.contexts) {
        members_.at(context.value).since = ++order_;
    }
    return step;
}

Scheduler::Work Scheduler::next() {
    std::vector<Offer> offered = offers();
    const std::size_t rows = decoding_rows(offered);
    const std::uint32_t budget = budget_beside(rows);
    last_shares_.clear();
    if (rows == 0 || spent_ < budget) {
        const Offer* next = nullptr;
        for (const Offer& offer : offered) {
            if (offer.prompt && (next == nullptr || offer.party->served < next->party->served)) {
                next = &offer;
            }
        }
        if (next != nullptr) {
            return prefill_piece(*next, budget);
        }
    }
    if (rows != 0) {
        spent_ = 0;
        return decode_step(offered);
    }
    return std::monostate{};
}

void Scheduler::add_rows(ContextId context, std::size_t rows) {
    const auto found = std::ranges::find(last_shares_, &party_of(context), &Share::party);
    if (found != last_shares_.end()) {
        found->rows += rows;
    }
}

void Scheduler::charge(Seconds took) {
    elapsed_ += took.count();
    std::size_t all = 0;
    for (const Share& share : last_shares_) {
        all += share.rows;
    }
    for (const auto& [party, rows, some_wait, turn] : last_shares_) {
        const double seconds = took.count() * static_cast<double>(rows) / static_cast<double>(all);
        party->served += seconds / party->weight;
        party->last_turn = turn ? seconds : party->last_turn;
        party->urgent_time = some_wait && !turn ? party->urgent_time + seconds : 0;
    }
    level_ = level();
    for (const auto& [party, rows, some_wait, turn] : last_shares_) {
        party->served = std::min(party->served, level_ + kMostAhead.count());
    }
    last_shares_.clear();
    // Whoever is gone and not ahead begins at the level again anyway.
    std::erase_if(parties_, [this](const auto& entry) {
        const Party& party = entry.second;
        return !party.active() && party.served <= level_ &&
               std::ranges::none_of(
                   members_, [&](const auto& member) { return member.second.party == &party; });
    });
}

}  // namespace realm::inference
