// The engine: one thread that alone touches a model's llama_contexts and batches everybody's work.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "inference/model.h"
#include "inference/sampling.h"
#include "inference/swap_space.h"

namespace realm::inference {

// Names a context inside one engine; never used again after drop(). A strong type, not an index.
struct ContextId {
    std::uint64_t value = 0;
    friend bool operator==(ContextId, ContextId) = default;
};

// Whose work something is, and that tenant's share of the engine beside others'.
struct Account {
    std::string tenant;
    double weight = 1.0;        // > 0
    std::int32_t priority = 0;  // among that tenant's work: lower goes first
};

// A priority is at most so far from 0.
inline constexpr std::int32_t kMostPriority = 1000;

// llama.cpp's sequence ids, but for one that the arena needs.
inline constexpr std::uint32_t kMostContexts = 255;

// Whether generate() also computes tokens that are only guessed, those that followed the same words
// earlier in the context. It changes no token.
enum class SpeculationMode : std::uint8_t {
    kNever,
    kWhereItPays,
    kAlways,  // whatever can be guessed, at any price
};

struct EngineOptions {
    std::uint32_t kv_tokens = 32768;  // KV cells shared by all contexts
    std::uint32_t max_contexts = 64;  // with cells at one time; 1..kMostContexts
    // Finished contexts whose beginning is kept, in cells that nobody needs, for the tenant's next
    // prompt; 0: none. kMostContexts in all.
    std::uint32_t cached_contexts = 64;
    // Where contexts that are idle for `swap_after` wait while others need their cells.
    SwapSpace::Options swap = {};
    std::chrono::milliseconds swap_after{1000};
    std::uint32_t prefill_chunk = 512;  // tokens of a prompt computed in one step
    std::uint32_t queue_limit = 1024;   // contexts waiting for cells before `overloaded`
    std::uint32_t threads = 0;          // 0: the processors this process may use
    bool flash_attention = true;
    SpeculationMode speculation = SpeculationMode::kNever;
};

enum class FinishReason : std::uint8_t { kEndOfGeneration, kStopString, kLength };

struct GenerateParams {
    std::uint32_t max_tokens = 0;        // >= 1; bounded by the context's capacity
    std::uint32_t min_tokens = 0;        // before these are made, no token that would end it
    std::vector<std::string> stop = {};  // at most 16, each 1..256 bytes of UTF-8; not in the text
    SamplingParams sampling = {};
    std::shared_ptr<const TokenMask> mask = {};  // null: every token may be chosen
};

// One token as it was chosen. `text` is whole UTF-8 and may be empty while bytes of a character
// or a possible stop string are held back; a later token brings them.
struct GeneratedToken {
    Token token = 0;
    std::string text = {};
};

struct GenerateEnd {
    FinishReason reason = FinishReason::kLength;
    std::string tail = {};  // text still held back when no stop string came of it
};

// Receives what one generate() makes. Called on the engine thread only: store, wake, return.
class TokenSink {
public:
    virtual ~TokenSink() = default;
    // False: the sink is full for now; the engine leaves this context out of its batches until
    // resume() is called. The token given is kept by the sink in either case.
    virtual bool on_token(GeneratedToken token) = 0;
    // Called exactly once, last; after drop() or stop_generate() with `cancelled`.
    virtual void on_end(Result<GenerateEnd> end) = 0;
};

struct EngineStats {
    std::uint64_t steps = 0;             // decode steps run
    std::uint64_t decode_rows = 0;       // rows in them: generated tokens computed
    std::uint64_t prefill_tokens = 0;    // computed
    std::uint64_t reused_tokens = 0;     // of prompts, found in a beginning computed before
    std::uint32_t contexts = 0;          // with cells now
    std::uint32_t cached_contexts = 0;   // finished ones, kept for their beginnings
    std::uint32_t swapped_contexts = 0;  // idle ones, whose cells are elsewhere now
    std::uint64_t swapped_out = 0;
    std::uint64_t swapped_in = 0;
    std::uint32_t kv_tokens_reserved = 0;
    std::uint32_t largest_batch = 0;    // most rows in one decode step so far
    std::uint64_t chosen_together = 0;  // tokens drawn on several threads at once
    std::uint64_t drafted_tokens = 0;   // computed on a guess
    std::uint64_t accepted_tokens = 0;  // of those, chosen then
};

// Owns its thread, its llama_context and all sequences. Every member may be called from any thread
// and returns at once; callbacks run on the engine thread and must not block or throw. A callback
// is called exactly once, also when the engine stops (then with `unavailable`). Operations of one
// context run in the order in which they were submitted.
//
// Reproducibility: a prompt is computed in chunks of `prefill_chunk` tokens, or, while others
// generate, in pieces of them that give the same bits; decode rows of up to 128 contexts share one
// llama_decode. A context's tokens depend on its own tokens alone, bit for bit, never on its
// neighbours (on the CPU, with flash attention; scheduler.h, page_table.h and unified_arena.h say
// why). The beginning of a prompt that the tenant had computed before, in this engine, is not
// computed again; what is reused is bit for bit what would be computed, as long as pages can be
// had in ascending order. A callback must not destroy the engine.
class Engine {
public:
    template <class T>
    using Callback = std::move_only_function<void(Result<T>)>;

    static Result<std::unique_ptr<Engine>> start(std::shared_ptr<const Model> model,
                                                 const EngineOptions& options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    [[nodiscard]] const Model& model() const;
    [[nodiscard]] const std::shared_ptr<const Model>& shared_model() const;
    [[nodiscard]] const EngineOptions& options() const;
    // As of the end of the thread's last round: a callback may come before they show its cause.
    [[nodiscard]] EngineStats stats() const;
    // Tokens that one context may hold at most: the model's length, bounded by kv_tokens.
    [[nodiscard]] std::uint32_t max_context_tokens() const;

    // Makes a context that may hold up to `capacity` tokens and reserves their cells, so that it
    // cannot run short half-way. While cells are short, contexts idle for EngineOptions::swap_after
    // are swapped out, and what was asked for waits in a bounded queue, first come first served but
    // for the priorities inside a tenant; so do swapped contexts when they are used again.
    // invalid_request/context_too_long above max_context_tokens(); overloaded when the queue is
    // full. The id is valid at once: drop() takes it out of the queue (callback: cancelled).
    ContextId create(const Account& account, std::uint32_t capacity, Callback<void> done);

    // Makes a context with the tokens of `from`, once what was asked of `from` before is done; it
    // may hold up to `capacity` tokens and shares cells and account. Both go on independently.
    // not_found, conflict as for prefill(); invalid_request/invalid_capacity below the tokens there
    // are, context_too_long; overloaded/no_cells when there is no room now, not even for swapping.
    // The id is valid at once.
    ContextId fork(ContextId from, std::uint32_t capacity, Callback<void> done);

    // Takes away what follows the first `tokens` tokens. Where that is something, the next token
    // cannot be chosen before more is prefilled. invalid_request/too_short when there are fewer;
    // overloaded/no_cells when a context that shares cells has no room to grow again.
    void truncate(ContextId id, std::uint32_t tokens, Callback<void> done);

    // The logits after the last token, one for each token of the vocabulary. conflict when nothing
    // was prefilled.
    void read_logits(ContextId id, Callback<std::vector<float>> done);

    // Whether the context may take the beginning of its first prompt from what the same tenant
    // computed before, and leave its own to later ones; at first it may. The tokens are the same
    // either way. For before the first prefill.
    void share_beginning(ContextId id, bool shared);

    // How urgent the context is from now on among its tenant's; at first as its account says, or as
    // the context it was forked from. What is less urgent gives way to what is more, but is never
    // left out for good; no other tenant has more or less of it. Of this and of share_beginning()
    // what was said last counts, maybe for what was asked for just before as well.
    void set_priority(ContextId id, std::int32_t priority);

    // Appends tokens. `done` gets how many of them were found computed before, as the beginning of
    // one of the tenant's prompts. invalid_request: a token outside the vocabulary, no tokens, or
    // more than the capacity leaves; not_found: no such context; conflict: it is generating.
    void prefill(ContextId id, std::vector<Token> tokens, Callback<std::uint32_t> done);

    // Chooses the next token from the logits after the last one, appends it and computes it.
    // The token is delivered as soon as it is chosen. `mask`: null, or which may be chosen, at
    // least one. conflict when nothing was prefilled.
    void step(ContextId id, const SamplingParams& sampling, std::shared_ptr<const TokenMask> mask,
              Callback<Token> done);

    // The same for many contexts, whose rows are then computed together.
    struct Step {
        ContextId id;
        SamplingParams sampling = {};
        std::shared_ptr<const TokenMask> mask = {};
        Callback<Token> done;
    };
    void step_many(std::vector<Step> steps);

    // Chooses and appends until a stop condition holds; runs ahead of the sink until that is full.
    // An end-of-generation token ends it and is not given to the sink.
    void generate(ContextId id, GenerateParams params, std::shared_ptr<TokenSink> sink);
    void resume(ContextId id);
    void stop_generate(ContextId id);

    // Ends whatever the context is doing (those callbacks get `cancelled`) and frees its cells.
    // Unknown ids are ignored.
    void drop(ContextId id);

private:
    class Impl;
    explicit Engine(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace realm::inference
