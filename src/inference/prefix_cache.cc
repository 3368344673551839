#include "inference/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace realm::inference {

std::uint32_t common_beginning(std::span<const Token> one, std::span<const Token> other) {
    return static_cast<std::uint32_t>(std::ranges::mismatch(one, other).in1 - one.begin());
}

std::optional<PrefixCache::Match> PrefixCache::find(const std::string& tenant,
                                                    std::span<const Token> tokens) {
    const auto own = tenants_.find(tenant);
    if (own == tenants_.end()) {
        return std::nullopt;
    }
    Entries& entries = own->second.entries;
    auto best = entries.end();
    std::uint32_t longest = kLeastTokens - 1;
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
        const std::uint32_t common = common_beginning(entry->tokens, tokens);
        if (common > longest) {
            longest = common;
            best = entry;
        }
    }
    if (best == entries.end()) {
        return std::nullopt;
    }
    entries.splice(entries.begin(), entries, best);
    return Match{.sequence = best->sequence, .tokens = longest};
}

std::vector<SequenceId> PrefixCache::put(const std::string& tenant, std::vector<Token> tokens,
                                         SequenceId sequence) {
    Tenant& own = tenants_[tenant];
    std::vector<SequenceId> superfluous;
    for (auto entry = own.entries.begin(); entry != own.entries.end();) {
        const std::uint32_t common = common_beginning(entry->tokens, tokens);
        if (common == tokens.size()) {
            own.entries.splice(own.entries.begin(), own.entries, entry);
            return {sequence};
        }
        const auto here = entry++;
        if (common == here->tokens.size()) {
            superfluous.push_back(remove(own, here));
        }
    }
    own.tokens += tokens.size();
    own.entries.push_front({.tokens = std::move(tokens), .sequence = sequence});
    ++size_;
    while (size_ > most_) {
        superfluous.push_back(*evict());
    }
    return superfluous;
}

SequenceId PrefixCache::remove(Tenant& tenant, Entries::iterator entry) {
    const SequenceId sequence = entry->sequence;
    tenant.tokens -= entry->tokens.size();
    tenant.entries.erase(entry);
    --size_;
    return sequence;
}

std::optional<SequenceId> PrefixCache::evict() {
    if (size_ == 0) {
        return std::nullopt;
    }
    const auto largest = std::ranges::max_element(
        tenants_, {}, [](const auto& tenant) { return tenant.second.tokens; });
    Tenant& tenant = largest->second;
    const SequenceId sequence = remove(tenant, std::prev(tenant.entries.end()));
    if (tenant.entries.empty()) {
        tenants_.erase(largest);
    }
    return sequence;
}

std::vector<SequenceId> PrefixCache::sequences() const {
    std::vector<SequenceId> all;
    for (const auto& [name, tenant] : tenants_) {
        for (const Entry& entry : tenant.entries) {
            all.push_back(entry.sequence);
        }
    }
    return all;
}

}  // namespace realm::inference
