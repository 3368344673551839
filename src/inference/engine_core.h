// What the engine thread does: the state of every context and the order of the work.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/thread_team.h"
#include "inference/engine.h"
#include "inference/generation.h"
#include "inference/kept_logits.h"
#include "inference/kv_arena.h"
#include "inference/prefix_cache.h"
#include "inference/sampler.h"
#include "inference/scheduler.h"
#include "inference/speculation.h"
#include "inference/swap_space.h"
#include "inference/waiting_line.h"

namespace realm::inference {

// What the engine must know of a model's tokens. Any thread.
class TokenTable {
public:
    TokenTable() = default;
    TokenTable(const TokenTable&) = delete;
    TokenTable& operator=(const TokenTable&) = delete;
    virtual ~TokenTable() = default;
    [[nodiscard]] virtual std::uint32_t size() const = 0;
    [[nodiscard]] virtual std::string bytes(Token token) const = 0;
    [[nodiscard]] virtual bool ends_generation(Token token) const = 0;
    // All tokens that do.
    [[nodiscard]] virtual std::span<const Token> ending() const = 0;
};

// How often contexts go, by which those that wait can be told when to try again.
class DropPace {
public:
    void note(base::SteadyTime now);
    // For what comes behind `ahead` others; 100 ms to 30 s.
    [[nodiscard]] std::chrono::milliseconds wait(std::size_t ahead) const;

private:
    std::optional<base::SteadyTime> last_;
    std::chrono::duration<double> mean_{1.0};  // between two, of late
};

// Owned by the engine and used on its thread alone. The operations are those of Engine; callbacks
// are called from inside them and from run_once(), and must not call back into this class.
class EngineCore {
public:
    using Now = std::function<base::SteadyTime()>;

    // `max_context_tokens`: see Engine. The references must outlive the core. `now`: by which the
    // work for each tenant is measured.
    EngineCore(const EngineOptions& options, std::uint32_t max_context_tokens,
               const TokenTable& tokens, KvArena& arena, Now now = &base::SteadyClock::now);
    ~EngineCore();
    EngineCore(const EngineCore&) = delete;
    EngineCore& operator=(const EngineCore&) = delete;

    void create(ContextId id, const Account& account, std::uint32_t capacity,
                Engine::Callback<void> done);
    void prefill(ContextId id, std::vector<Token> tokens, Engine::Callback<std::uint32_t> done);
    void fork(ContextId from, ContextId id, std::uint32_t capacity, Engine::Callback<void> done);
    void share_beginning(ContextId id, bool shared);
    void set_priority(ContextId id, std::int32_t priority);
    void truncate(ContextId id, std::uint32_t tokens, Engine::Callback<void> done);
    void read_logits(ContextId id, Engine::Callback<std::vector<float>> done);
    void step(ContextId id, const SamplingParams& sampling, std::shared_ptr<const TokenMask> mask,
              Engine::Callback<Token> done);
    void generate(ContextId id, GenerateParams params, std::shared_ptr<TokenSink> sink);
    void resume(ContextId id);
    void stop_generate(ContextId id);
    void drop(ContextId id);

    [[nodiscard]] bool has_work() const { return scheduler_.has_work(); }
    // Gives waiting contexts the cells of those that have been idle for long enough.
    void tend();
    // When tend() may find more than it did now; nothing while nobody waits.
    [[nodiscard]] std::optional<base::SteadyTime> tend_at() const;
    // Computes one decode step or one piece of a prompt.
    void run_once();
    // Ends everything with `unavailable`, and whatever is asked for later.
    void stop();

    [[nodiscard]] EngineStats stats() const;

private:
    struct PrefillOp {
        std::vector<Token> tokens;
        std::size_t computed = 0;
        std::uint32_t reused = 0;  // of them, found in a beginning
        bool started = false;
        bool first = false;  // of its context
        Engine::Callback<std::uint32_t> done;
    };
    struct StepOp {
        SamplingParams sampling;
        std::shared_ptr<const TokenMask> mask;
        Engine::Callback<Token> done;
    };
    struct ForkOp {
        ContextId made;  // in the map from the beginning; its callback waits there
    };
    struct TruncateOp {
        std::uint32_t tokens = 0;
        Engine::Callback<void> done;
    };
    struct ReadOp {
        Engine::Callback<std::vector<float>> done;
    };
    struct GenerateOp {
        GenerateParams params;
        std::shared_ptr<TokenSink> sink;
        std::unique_ptr<Generation> generation;  // none until it starts
        bool paused = false;
    };
    using Op = std::variant<PrefillOp, StepOp, ForkOp, TruncateOp, ReadOp, GenerateOp>;

    // Cells that a context gets back when it is used again.
    struct Swapped {
        std::shared_ptr<const SwapSpace::Saved> bytes;
        SavedOrder order;
    };

    struct Context {
        ContextId id;
        Account account;
        std::uint32_t capacity = 0;
        std::optional<SequenceId> sequence;  // none while it waits for cells, or is swapped
        std::optional<Swapped> swapped;
        base::SteadyTime used;            // last
        Engine::Callback<void> created;   // empty once it has them, or a fork failed
        std::uint32_t length = 0;         // tokens appended
        std::optional<Token> uncomputed;  // the last of them, when it was chosen but not computed
        KeptLogits logits;                // after the last token; empty: none
        std::deque<Op> ops;               // the first is at work
        std::unique_ptr<Sampler> step_sampler;
        bool shares = true;          // its beginning
        std::vector<Token> prompt;   // the first one, once it is computed
        std::uint32_t reusable = 0;  // tokens of it that later prompts may begin with
        std::vector<Token> tokens;   // all that were appended, `length`
        Speculation speculation;
    };

    static Error engine_stopped();
    Context* find(ContextId id);
    // The context, if an operation may be queued on it; otherwise why not.
    Result<Context*> accept(ContextId id);
    // Queues the operation that `make` makes of `done`, or tells it why not.
    template <class T, class Make>
    void submit(ContextId id, Engine::Callback<T> done, Make&& make);
    static void refuse(Op& op, const Error& error);
    [[nodiscard]] Result<void> check_capacity(std::uint32_t capacity) const;
    // What `make` makes of the arena, which reserves `tokens`, after as many kept beginnings were
    // given up and idle contexts swapped out as it needs; none of them when all are not enough.
    std::optional<SequenceId> with_room(std::uint32_t tokens,
                                        const std::function<std::optional<SequenceId>()>& make);
    [[nodiscard]] std::uint32_t live() const;
    bool evict();
    [[nodiscard]] bool idle(const Context& context) const;
    // Idle for long enough, those used longest ago first.
    [[nodiscard]] std::vector<Context*> swappable();
    // What the context's sequence holds; nothing when there is no room for it.
    std::optional<Swapped> saved(const Context& context);
    bool swap_out(Context& context);
    bool swap_out_one();
    Result<void> swap_in(Context& context);
    // Queues a swapped context that is used again.
    void want_cells(Context& context);
    void admit_waiting();
    [[nodiscard]] std::unexpected<Error> overloaded(std::string_view code,
                                                    std::string message) const;
    [[nodiscard]] std::unexpected<Error> no_cells(std::string_view what) const;
    // Lets the context begin with what is known of its prompt; how many tokens that is.
    std::uint32_t take_beginning(const Context& context, std::span<const Token> prompt);
    // Takes the cells of a context that goes, if later prompts may want them.
    void keep_beginning(Context& context);
    // Runs the context's operations until one needs something computed.
    void advance(Context& context);
    bool start_prefill(Context& context, PrefillOp& op);
    void run_step(Context& context, StepOp& op);
    void run_fork(Context& context, const ForkOp& op);
    void run_truncate(Context& context, TruncateOp& op);
    static void run_read(const Context& context, ReadOp& op);
    // False when it has to wait for something to be computed.
    bool run(Context& context, Op& op);
    bool start_generate(Context& context, GenerateOp& op);
    [[nodiscard]] Result<void> check_prefill(const Context& context, const PrefillOp& op) const;
    // Chooses and delivers the next token of the running generate. True when it ended.
    bool generate_token(Context& context, GenerateOp& op, std::span<const float> logits);
    void append(Context& context, Token token);
    void decode(const std::vector<ContextId>& contexts);
    void decode_batch(std::span<const ContextId> contexts);
    // Chooses what follows the rows just computed, on several threads, where that takes long.
    void choose_ahead(std::span<const ContextId> contexts,
                      std::span<const std::vector<Token>> drafts);
    void prefill_piece(const Scheduler::PrefillPiece& piece);
    void row_computed(Context& context, std::span<const float> logits);
    // What each of these contexts shall have computed on a guess, mostly nothing.
    std::vector<std::vector<Token>> drafts_for(std::span<const ContextId> contexts);
    [[nodiscard]] static std::size_t most_drafted(const Context& context);
    // The one that runs and wants a token; null without one.
    [[nodiscard]] static Generation* generating(const Context& context);
    // The context's rows of a batch, the first at `row`; the others are the drafted tokens, which
    // stay as far as they are chosen. `extra`: see Speculation::note().
    void rows_computed(Context& context, std::size_t row, std::span<const Token> drafted,
                       double extra);
    // Ends the context's operations with `error` and forgets it; its cells become free.
    void end(ContextId id, const Error& error);

    const EngineOptions options_;
    const std::uint32_t max_context_tokens_;
    const TokenTable& tokens_;
    KvArena& arena_;
    const Now now_;
    Scheduler scheduler_;
    SwapSpace swap_;  // before the contexts, which lie in it
    std::unordered_map<std::uint64_t, std::unique_ptr<Context>> contexts_;
    PrefixCache beginnings_;
    WaitingLine waiting_;  // for cells
    DropPace drops_;
    std::vector<Row> rows_;  // of the batch in the making
    base::ThreadTeam choosers_;
    StepCost cost_;
    EngineStats stats_;
    bool stopped_ = false;
};

}  // namespace realm::inference
