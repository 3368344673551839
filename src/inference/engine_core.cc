#include "inference/engine_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace realm::inference {
namespace {

Error cancelled() {
    return fail(ErrorType::kCancelled, "context_dropped", "the context was dropped").error();
}

// Threads that choose tokens beside the engine's own.
std::size_t helpers(std::uint32_t threads) {
    constexpr std::uint32_t kMost = 8;
    return std::clamp(threads, 1U, kMost) - 1;
}

template <class Op>
constexpr bool kHasCallback = requires(Op op) { op.done; };

}  // namespace

// For operations that have a callback of their own.
void EngineCore::refuse(Op& op, const Error& error) {
    std::visit(
        [&]<class T>(T& known) {
            if constexpr (kHasCallback<T>) {
                known.done(std::unexpected(error));
            }
        },
        op);
}

EngineCore::EngineCore(const EngineOptions& options, std::uint32_t max_context_tokens,
                       const TokenTable& tokens, KvArena& arena, Now now)
    : options_(options),
      max_context_tokens_(max_context_tokens),
      tokens_(tokens),
      arena_(arena),
      now_(std::move(now)),
      scheduler_(options.prefill_chunk),
      swap_(options.swap),
      beginnings_(options.cached_contexts),
      choosers_("sampler", helpers(options.threads)) {}

EngineCore::~EngineCore() = default;

Error EngineCore::engine_stopped() {
    return fail(ErrorType::kUnavailable, "engine_stopped", "the engine has stopped").error();
}

EngineStats EngineCore::stats() const {
    EngineStats stats = stats_;
    stats.contexts = live();
    stats.cached_contexts = static_cast<std::uint32_t>(beginnings_.size());
    stats.kv_tokens_reserved = arena_.tokens_reserved();
    stats.swapped_contexts = static_cast<std::uint32_t>(std::ranges::count_if(
        contexts_, [](const auto& entry) { return entry.second->swapped.has_value(); }));
    return stats;
}

EngineCore::Context* EngineCore::find(ContextId id) {
    const auto found = contexts_.find(id.value);
    return found == contexts_.end() ? nullptr : found->second.get();
}

Result<EngineCore::Context*> EngineCore::accept(ContextId id) {
    if (stopped_) {
        return std::unexpected(engine_stopped());
    }
    Context* context = find(id);
    if (context == nullptr) {
        return fail(ErrorType::kNotFound, "context_not_found", "there is no such context");
    }
    if (!context->ops.empty() && std::holds_alternative<GenerateOp>(context->ops.back())) {
        return fail(ErrorType::kConflict, "context_generating",
                    "the context is generating: wait for its end or stop it");
    }
    context->used = now_();
    return context;
}

template <class T, class Make>
void EngineCore::submit(ContextId id, Engine::Callback<T> done, Make&& make) {
    auto context = accept(id);
    if (!context) {
        done(std::unexpected(std::move(context.error())));
        return;
    }
    (*context)->ops.emplace_back(make(std::move(done)));
    advance(**context);
}

void EngineCore::prefill(ContextId id, std::vector<Token> tokens,
                         Engine::Callback<std::uint32_t> done) {
    submit(id, std::move(done), [&](Engine::Callback<std::uint32_t> callback) {
        return PrefillOp{.tokens = std::move(tokens), .done = std::move(callback)};
    });
}

void EngineCore::truncate(ContextId id, std::uint32_t tokens, Engine::Callback<void> done) {
    submit(id, std::move(done), [&](Engine::Callback<void> callback) {
        return TruncateOp{.tokens = tokens, .done = std::move(callback)};
    });
}

void EngineCore::read_logits(ContextId id, Engine::Callback<std::vector<float>> done) {
    submit(id, std::move(done), [](Engine::Callback<std::vector<float>> callback) {
        return ReadOp{.done = std::move(callback)};
    });
}

void EngineCore::step(ContextId id, const SamplingParams& sampling,
                      std::shared_ptr<const TokenMask> mask, Engine::Callback<Token> done) {
    submit(id, std::move(done), [&](Engine::Callback<Token> callback) {
        return StepOp{.sampling = sampling, .mask = std::move(mask), .done = std::move(callback)};
    });
}

void EngineCore::fork(ContextId from, ContextId id, std::uint32_t capacity,
                      Engine::Callback<void> done) {
    auto source = accept(from);
    if (!source) {
        done(std::unexpected(std::move(source.error())));
        return;
    }
    if (auto checked = check_capacity(capacity); !checked) {
        done(std::move(checked));
        return;
    }
    auto made = std::make_unique<Context>();
    made->id = id;
    made->account = (*source)->account;
    made->capacity = capacity;
    made->created = std::move(done);
    scheduler_.add(id, made->account);
    contexts_.emplace(id.value, std::move(made));
    (*source)->ops.emplace_back(ForkOp{.made = id});
    advance(**source);
}

void EngineCore::generate(ContextId id, GenerateParams params, std::shared_ptr<TokenSink> sink) {
    auto context = accept(id);
    if (!context) {
        sink->on_end(std::unexpected(std::move(context.error())));
        return;
    }
    (*context)->ops.emplace_back(GenerateOp{
        .params = std::move(params), .sink = std::move(sink), .generation = {}, .paused = false});
    advance(**context);
}

void EngineCore::resume(ContextId id) {
    Context* context = find(id);
    if (context == nullptr || context->ops.empty()) {
        return;
    }
    auto* op = std::get_if<GenerateOp>(&context->ops.front());
    if (op != nullptr && op->paused) {
        op->paused = false;
        advance(*context);
    }
}

void EngineCore::stop_generate(ContextId id) {
    Context* context = find(id);
    if (context == nullptr || context->ops.empty()) {
        return;
    }
    // A generate is always the last operation: nothing is queued behind it.
    auto* op = std::get_if<GenerateOp>(&context->ops.back());
    if (op == nullptr) {
        return;
    }
    const std::shared_ptr<TokenSink> sink = std::move(op->sink);
    const bool running = context->ops.size() == 1;
    context->ops.pop_back();
    if (running) {
        scheduler_.set_decoding(id, false);
    }
    sink->on_end(fail(ErrorType::kCancelled, "generation_stopped", "the generation was stopped"));
}

void EngineCore::drop(ContextId id) {
    if (Context* const context = find(id); context != nullptr) {
        keep_beginning(*context);
        end(id, cancelled());
        drops_.note(now_());
        admit_waiting();
    }
}

void EngineCore::end(ContextId id, const Error& error) {
    const auto found = contexts_.find(id.value);
    const std::unique_ptr<Context> context = std::move(found->second);
    contexts_.erase(found);
    scheduler_.remove(id);
    if (context->sequence) {
        arena_.release(*context->sequence);
    } else {
        waiting_.erase(id);
    }
    if (context->created) {
        context->created(std::unexpected(error));
    }
    for (Op& op : context->ops) {
        if (auto* generating = std::get_if<GenerateOp>(&op)) {
            generating->sink->on_end(std::unexpected(error));
        } else if (const auto* forking = std::get_if<ForkOp>(&op)) {
            if (find(forking->made) != nullptr) {
                end(forking->made, error);
            }
        } else {
            refuse(op, error);
        }
    }
}

void EngineCore::stop() {
    stopped_ = true;
    while (!contexts_.empty()) {
        end(contexts_.begin()->second->id, engine_stopped());
    }
    while (evict()) {
    }
}

void EngineCore::row_computed(Context& context, std::span<const float> logits) {
    context.uncomputed.reset();
    context.used = now_();
    scheduler_.set_decoding(context.id, false);
    if (!context.ops.empty()) {
        auto* op = std::get_if<GenerateOp>(&context.ops.front());
        if (op != nullptr && op->generation) {
            if (generate_token(context, *op, logits)) {
                context.ops.pop_front();
                advance(context);
            }
            return;
        }
    }
    context.logits.set(logits);
    advance(context);
}

void EngineCore::run_once() {
    const Scheduler::Work work = scheduler_.next();
    const auto began = now_();
    if (const auto* step = std::get_if<Scheduler::DecodeStep>(&work)) {
        decode(step->contexts);
    } else if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
        prefill_piece(*piece);
    }
    scheduler_.charge(now_() - began);
}

void EngineCore::decode(const std::vector<ContextId>& contexts) {
    // Even batches: 130 contexts are 65 and 65, not 128 and 2.
    const std::size_t most = arena_.max_decode_rows();
    const std::size_t batches = (contexts.size() + most - 1) / most;
    const std::span<const ContextId> all(contexts);
    for (std::size_t i = 0; i < batches; ++i) {
        const std::size_t begin = all.size() * i / batches;
        const std::size_t end = all.size() * (i + 1) / batches;
        decode_batch(all.subspan(begin, end - begin));
    }
}

void EngineCore::decode_batch(std::span<const ContextId> contexts) {
    const auto drafts = drafts_for(contexts);
    rows_.clear();
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        const Context& context = *find(contexts[i]);
        rows_.push_back({.sequence = *context.sequence, .token = *context.uncomputed});
        for (const Token token : drafts[i]) {
            rows_.push_back({.sequence = *context.sequence, .token = token});
        }
    }
    const auto began = now_();
    if (const auto computed = arena_.compute(rows_); !computed) {
        for (const ContextId id : contexts) {
            end(id, computed.error());
        }
        admit_waiting();
        return;
    }
    cost_.note(rows_.size(), now_() - began);
    const double extra = cost_.ratio(contexts.size(), rows_.size()) - 1;
    ++stats_.steps;
    stats_.largest_batch = std::max(stats_.largest_batch, static_cast<std::uint32_t>(rows_.size()));
    choose_ahead(contexts, drafts);
    std::size_t row = 0;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        rows_computed(*find(contexts[i]), row, drafts[i], extra);
        row += 1 + drafts[i].size();
    }
}

Generation* EngineCore::generating(const Context& context) {
    const auto* op = context.ops.empty() ? nullptr : std::get_if<GenerateOp>(&context.ops.front());
    return op != nullptr && op->generation && op->generation->may_continue() ? op->generation.get()
                                                                             : nullptr;
}

void EngineCore::choose_ahead(std::span<const ContextId> contexts,
                              std::span<const std::vector<Token>> drafts) {
    struct Choice {
        Generation* generation;
        std::span<const float> logits;
    };
    std::vector<Choice> choices;
    std::size_t row = 0;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        Generation* const generation = generating(*find(contexts[i]));
        // With a draft, which rows are wanted shows only as each is chosen.
        if (drafts[i].empty() && generation != nullptr && generation->draws()) {
            choices.push_back({.generation = generation, .logits = arena_.logits(row)});
        }
        row += 1 + drafts[i].size();
    }
    if (choices.size() < 2) {
        return;
    }
    choosers_.for_each(choices.size(), [&](std::size_t i) {
        choices[i].generation->choose_ahead(choices[i].logits);
    });
    stats_.chosen_together += choices.size();
}

void EngineCore::prefill_piece(const Scheduler::PrefillPiece& piece) {
    Context& context = *find(piece.context);
    auto& op = std::get<PrefillOp>(context.ops.front());
    rows_.clear();
    for (std::uint32_t i = 0; i < piece.tokens; ++i) {
        rows_.push_back({.sequence = *context.sequence,
                         .token = op.tokens[op.computed + i],
                         .wants_logits = piece.last && i + 1 == piece.tokens,
                         .tiled = piece.tiled});
    }
    op.computed += piece.tokens;
    if (const auto computed = arena_.compute(rows_); !computed) {
        end(piece.context, computed.error());
        admit_waiting();
        return;
    }
    stats_.prefill_tokens += piece.tokens;
    context.used = now_();
    if (!piece.last) {
        return;
    }
    const std::span<const float> logits = arena_.logits(rows_.size() - 1);
    context.logits.set(logits);
    if (op.first && context.shares) {
        context.reusable = scheduler_.reusable(static_cast<std::uint32_t>(op.tokens.size()));
        context.prompt = std::move(op.tokens);
    }
    op.done(op.reused);
    context.ops.pop_front();
    advance(context);
}

}  // namespace realm::inference
