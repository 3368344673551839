// What the engine computes next. Policy alone: knows neither llama.cpp nor callbacks nor a clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "inference/engine.h"

namespace realm::inference {

// Owned by the engine; its thread only. Decode rows come first, as many runnable contexts together
// as shares allow. Between two decode steps prompts get a budget of kPromptPerRow tokens for each
// context that decodes, kLeastPiece to kMostPiece, so that what a prompt adds to a step stays in
// proportion to the step; while nothing decodes prompts are computed in whole chunks. It never has
// work and says that there is none.
//
// Tenants share the engine's time by weight. Each has a virtual time, what it was served over its
// weight; the one that lags is served first. A row is cheap beside many and dear alone, so a step
// that begins with the lagging tenant's rows leaves out others' only where those are more than
// kJoin times as many: one stream beside another tenant's fifteen gets steps of its own in between,
// streams of similar number always share theirs. Who was idle for longer than kRest begins at the
// level of the others; a pause between two tokens costs nobody its share. Nobody is remembered as
// being ahead or behind by more than kMostAhead.
//
// Inside one tenant the most urgent contexts, those of the lowest priority, go first: what is less
// urgent gives way, rows and prompts. It gets a turn, all its rows at once or a piece of the prompt
// that waits longest, when the more urgent had kPatience of the tenant's time, and then
// kUrgentShare times what the last turn took; or when the urgent alone cannot use up the tenant's
// share, so that it is behind another by kUnused. So how a tenant divides its time is nothing to
// the others.
class Scheduler {
public:
    using Seconds = std::chrono::duration<double>;

    // Chunks of this many tokens are attended to in tiles, as llama.cpp does by itself; shorter
    // ones row by row. Either gives a token the same bits in any piece, so a prompt may be cut
    // anywhere.
    static constexpr std::uint32_t kTiledChunk = 64;
    static constexpr std::uint32_t kPromptPerRow = 4;
    static constexpr std::uint32_t kLeastPiece = 16;
    static constexpr std::uint32_t kMostPiece = 64;
    static constexpr std::size_t kJoin = 2;
    static constexpr Seconds kMostAhead{0.25};
    static constexpr Seconds kRest{0.05};
    static constexpr Seconds kPatience{0.5};
    static constexpr double kUrgentShare = 9;
    static constexpr Seconds kUnused{0.15};

    explicit Scheduler(std::uint32_t prefill_chunk) : chunk_(prefill_chunk) {}
    ~Scheduler() = default;
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // Rows of these contexts, one each.
    struct DecodeStep {
        std::vector<ContextId> contexts;
    };
    // The next `tokens` tokens of this context's prompt.
    struct PrefillPiece {
        ContextId context;
        std::uint32_t tokens = 0;
        bool last = false;
        bool tiled = false;  // how attention takes it
    };
    using Work = std::variant<std::monostate, DecodeStep, PrefillPiece>;

    // Before anything else is said of a context: whose it is.
    void add(ContextId context, const Account& account);
    void set_priority(ContextId context, std::int32_t priority);
    // Whether the context has a token to compute; telling it twice changes nothing.
    void set_decoding(ContextId context, bool decoding);
    [[nodiscard]] bool decoding(ContextId context) const;
    // A prompt of `tokens` >= 1 tokens waits, of which the first `done` need not be computed; a
    // context has at most one.
    void add_prefill(ContextId context, std::uint32_t tokens, std::uint32_t done = 0);

    // How many tokens of a computed prompt have the bits that they have in any prompt that begins
    // with them: all but a last short chunk.
    [[nodiscard]] std::uint32_t reusable(std::uint32_t tokens) const;
    // From where a prompt of `tokens` tokens may be computed, the first `known` of them being at
    // hand, so that the others get the bits of a prompt computed from its beginning.
    [[nodiscard]] std::uint32_t resume_at(std::uint32_t known, std::uint32_t tokens) const;
    // Forgets the context and all that it wants.
    void remove(ContextId context);

    [[nodiscard]] bool has_work() const;
    // Whether a prompt, of whomever, waits to be computed.
    [[nodiscard]] bool has_prompts() const;

    // The next thing to compute, which counts as done; monostate when there is nothing.
    Work next();
    // That a context had more rows than its first in the last decode step, for its account.
    void add_rows(ContextId context, std::size_t rows);
    // How long the last of them took.
    void charge(Seconds took);

private:
    struct Prompt {
        ContextId context;
        std::uint32_t total = 0;
        std::uint32_t done = 0;
    };
    struct Party {
        double weight = 1.0;
        double served = 0;       // virtual time, in seconds
        double idle_since = -1;  // of elapsed_; before 0: never was at work
        std::vector<ContextId> decoding;
        std::deque<Prompt> prompts;  // as they came
        double urgent_time = 0;      // seconds since what is less urgent had a turn
        double last_turn = kPatience.count() / kUrgentShare;  // how many that took

        [[nodiscard]] bool active() const { return !decoding.empty() || !prompts.empty(); }
    };
    struct Member {
        Party* party = nullptr;
        std::int32_t priority = 0;
        std::uint64_t since = 0;  // by order_: when it was last served, or got work
    };
    // What a party would have computed now.
    struct Offer {
        Party* party = nullptr;
        std::vector<ContextId> rows = {};
        std::optional<std::size_t> prompt = {};  // of the party's
        bool some_wait = false;                  // what is less urgent
        bool turn_of_rows = false;               // of those
        bool turn_of_prompt = false;
    };
    // A party's part of the last work.
    struct Share {
        Party* party = nullptr;
        std::size_t rows = 0;
        bool some_wait = false;
        bool turn = false;
    };

    [[nodiscard]] Party& party_of(ContextId context) { return *members_.at(context.value).party; }
    // Lets a party that was idle begin where the others are; before the context gets work.
    void wake(ContextId context);
    // After it may have lost its last work.
    void note_rest(Party& party) const;
    [[nodiscard]] double level() const;
    [[nodiscard]] static std::size_t decoding_rows(const std::vector<Offer>& offered);
    // Prompt tokens that may be computed before a decode step of so many rows.
    [[nodiscard]] std::uint32_t budget_beside(std::size_t rows) const;
    // How many tokens of a prompt of `total` are attended to in tiles: the first ones.
    [[nodiscard]] std::uint32_t tiled_of(std::uint32_t total) const;
    [[nodiscard]] std::uint32_t piece_of(const Prompt& prompt, std::uint32_t budget) const;
    // Of each party with work.
    [[nodiscard]] std::vector<Offer> offers();
    // What is more urgent than the rest; everything where the party lags so far behind others.
    [[nodiscard]] Offer offer_of(Party& party, Seconds lag) const;
    // Gives what is less urgent than `most` its turn, if it is time.
    void offer_turn(Offer& offer, std::int32_t most) const;
    DecodeStep decode_step(std::vector<Offer>& offered);
    PrefillPiece prefill_piece(const Offer& offer, std::uint32_t budget);

    const std::uint32_t chunk_;
    std::map<std::string, Party> parties_;  // by tenant
    std::unordered_map<std::uint64_t, Member> members_;
    double level_ = 0;         // never sinks
    double elapsed_ = 0;       // seconds of work, of all parties
    std::uint32_t spent_ = 0;  // prompt tokens since the last decode step
    std::uint64_t order_ = 0;  // counts what was served or got work
    std::vector<Share> last_shares_;
};

}  // namespace realm::inference
