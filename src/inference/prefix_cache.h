// The beginnings of finished contexts, kept so that a tenant's next prompt need not compute them
// again. Book-keeping alone: the cells stay where they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "inference/kv_arena.h"
#include "inference/model.h"

namespace realm::inference {

// Owned by the engine; its thread only. A tenant finds what it left itself and nothing else: who
// shared beginnings with others could tell from the time of an answer what others have asked.
class PrefixCache {
public:
    // Shorter ones are not worth their place.
    static constexpr std::uint32_t kLeastTokens = 64;

    // `most`: entries, all tenants together.
    explicit PrefixCache(std::size_t most) : most_(most) {}

    struct Match {
        SequenceId sequence;
        std::uint32_t tokens = 0;  // that both begin with
    };
    // The longest common beginning of kLeastTokens or more; that entry counts as just used.
    std::optional<Match> find(const std::string& tenant, std::span<const Token> tokens);

    // Keeps a sequence of exactly these tokens. Gives those that may now be released: the new one
    // if another begins with it, entries that it begins with, what is too much.
    std::vector<SequenceId> put(const std::string& tenant, std::vector<Token> tokens,
                                SequenceId sequence);

    // Gives up an entry of the tenant that holds most tokens, the one used longest ago; nothing
    // when there is none.
    std::optional<SequenceId> evict();

    [[nodiscard]] std::size_t size() const { return size_; }
    // All that are kept.
    [[nodiscard]] std::vector<SequenceId> sequences() const;

private:
    struct Entry {
        std::vector<Token> tokens;
        SequenceId sequence;
    };
    // Used most recently first.
    using Entries = std::list<Entry>;
    struct Tenant {
        Entries entries;
        std::size_t tokens = 0;
    };

    SequenceId remove(Tenant& tenant, Entries::iterator entry);

    const std::size_t most_;
    std::size_t size_ = 0;
    std::map<std::string, Tenant> tenants_;
};

// How many tokens both begin with.
[[nodiscard]] std::uint32_t common_beginning(std::span<const Token> one,
                                             std::span<const Token> other);

}  // namespace realm::inference
