#include "inference/engine_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

namespace realm::inference {
namespace {

Error cancelled() {
    return fail(ErrorType::kCancelled, "context_dropped", "the context was dropped").error();
}

Error engine_stopped() {
    return fail(ErrorType::kUnavailable, "engine_stopped", "the engine has stopped").error();
}

std::unexpected<Error> nothing_prefilled() {
    return fail(ErrorType::kConflict, "nothing_prefilled",
                "the context has no tokens yet: prefill it first");
}

}  // namespace

EngineCore::EngineCore(const EngineOptions& options, std::uint32_t max_context_tokens,
                       const TokenTable& tokens, KvArena& arena)
    : options_(options),
      max_context_tokens_(max_context_tokens),
      tokens_(tokens),
      arena_(arena),
      scheduler_(options.prefill_chunk) {}

EngineCore::~EngineCore() = default;

EngineStats EngineCore::stats() const {
    EngineStats stats = stats_;
    stats.contexts = arena_.sequences();
    stats.kv_tokens_reserved = arena_.tokens_reserved();
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
    return context;
}

void EngineCore::create(ContextId id, std::uint32_t capacity, Engine::Callback<void> done) {
    if (stopped_) {
        done(std::unexpected(engine_stopped()));
        return;
    }
    if (capacity == 0) {
        done(fail(ErrorType::kInvalidRequest, "invalid_capacity",
                  "a context's capacity must be 1 token or more"));
        return;
    }
    if (capacity > max_context_tokens_) {
        done(fail(ErrorType::kInvalidRequest, "context_too_long",
                  fmt::format("a context may have at most {} tokens, not {}", max_context_tokens_,
                              capacity)));
        return;
    }
    const std::optional<SequenceId> sequence =
        waiting_.empty() ? arena_.acquire(capacity) : std::nullopt;
    if (!sequence && waiting_.size() >= options_.queue_limit) {
        done(fail(
            ErrorType::kOverloaded, "context_queue_full",
            fmt::format("{} contexts wait for memory already: try again later", waiting_.size())));
        return;
    }
    auto made = std::make_unique<Context>();
    Context& context = *made;
    context.id = id;
    context.capacity = capacity;
    context.sequence = sequence;
    contexts_.emplace(id.value, std::move(made));
    if (sequence) {
        done({});
        return;
    }
    context.created = std::move(done);
    waiting_.push_back(id);
}

void EngineCore::admit_waiting() {
    while (!waiting_.empty()) {
        Context* context = find(waiting_.front());
        const auto sequence = arena_.acquire(context->capacity);
        if (!sequence) {
            return;
        }
        waiting_.pop_front();
        context->sequence = sequence;
        std::exchange(context->created, nullptr)({});
        advance(*context);
    }
}

void EngineCore::prefill(ContextId id, std::vector<Token> tokens, Engine::Callback<void> done) {
    auto context = accept(id);
    if (!context) {
        done(std::unexpected(std::move(context.error())));
        return;
    }
    (*context)->ops.emplace_back(PrefillOp{.tokens = std::move(tokens), .done = std::move(done)});
    advance(**context);
}

void EngineCore::step(ContextId id, const SamplingParams& sampling, Engine::Callback<Token> done) {
    auto context = accept(id);
    if (!context) {
        done(std::unexpected(std::move(context.error())));
        return;
    }
    (*context)->ops.emplace_back(StepOp{.sampling = sampling, .done = std::move(done)});
    advance(**context);
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
        scheduler_.set_decoding(id, true);
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
    if (find(id) != nullptr) {
        end(id, cancelled());
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
        std::erase(waiting_, id);
        context->created(std::unexpected(error));
    }
    for (Op& op : context->ops) {
        if (auto* generating = std::get_if<GenerateOp>(&op)) {
            generating->sink->on_end(std::unexpected(error));
        } else if (auto* prefilling = std::get_if<PrefillOp>(&op)) {
            prefilling->done(std::unexpected(error));
        } else {
            std::get<StepOp>(op).done(std::unexpected(error));
        }
    }
}

void EngineCore::stop() {
    stopped_ = true;
    while (!contexts_.empty()) {
        end(contexts_.begin()->second->id, engine_stopped());
    }
}

void EngineCore::advance(Context& context) {
    if (!context.sequence) {
        return;
    }
    bool finished = true;
    while (finished && !context.ops.empty()) {
        if (context.uncomputed) {
            scheduler_.set_decoding(context.id, true);
            return;
        }
        Op& op = context.ops.front();
        if (auto* prefilling = std::get_if<PrefillOp>(&op)) {
            finished = start_prefill(context, *prefilling);
        } else if (auto* stepping = std::get_if<StepOp>(&op)) {
            finished = run_step(context, *stepping);
        } else {
            finished = start_generate(context, std::get<GenerateOp>(op));
        }
        if (finished) {
            context.ops.pop_front();
        }
    }
}

Result<void> EngineCore::check_prefill(const Context& context, const PrefillOp& op) const {
    if (op.tokens.empty()) {
        return fail(ErrorType::kInvalidRequest, "no_tokens", "there are no tokens to prefill");
    }
    const auto bad = std::ranges::find_if(op.tokens, [this](Token token) {
        return token < 0 || static_cast<std::uint32_t>(token) >= tokens_.size();
    });
    if (bad != op.tokens.end()) {
        return fail(
            ErrorType::kInvalidRequest, "invalid_token",
            fmt::format("token {} is outside the vocabulary of {} tokens", *bad, tokens_.size()));
    }
    if (op.tokens.size() > context.capacity - context.length) {
        return fail(ErrorType::kInvalidRequest, "context_full",
                    fmt::format("{} tokens do not fit: the context holds {} of at most {}",
                                op.tokens.size(), context.length, context.capacity));
    }
    return {};
}

bool EngineCore::start_prefill(Context& context, PrefillOp& op) {
    if (op.started) {
        return false;
    }
    if (auto checked = check_prefill(context, op); !checked) {
        op.done(std::move(checked));
        return true;
    }
    op.started = true;
    context.logits.clear();
    context.length += static_cast<std::uint32_t>(op.tokens.size());
    scheduler_.add_prefill(context.id, static_cast<std::uint32_t>(op.tokens.size()));
    return false;
}

void EngineCore::append(Context& context, Token token) {
    context.uncomputed = token;
    context.logits.clear();
    ++context.length;
}

bool EngineCore::run_step(Context& context, StepOp& op) {
    if (auto valid = validate(op.sampling); !valid) {
        op.done(std::unexpected(std::move(valid.error())));
        return true;
    }
    if (context.logits.empty()) {
        op.done(nothing_prefilled());
        return true;
    }
    if (context.length >= context.capacity) {
        op.done(fail(ErrorType::kInvalidRequest, "context_full",
                     fmt::format("the context is full: it holds {} tokens", context.capacity)));
        return true;
    }
    if (!context.step_sampler || context.step_sampler->params() != op.sampling) {
        context.step_sampler =
            std::make_unique<Sampler>(op.sampling, tokens_.size(), context.capacity);
    }
    const Token token = context.step_sampler->choose(context.logits);
    append(context, token);
    // Computed now, while the caller looks at the token.
    scheduler_.set_decoding(context.id, true);
    op.done(token);
    return true;
}

bool EngineCore::start_generate(Context& context, GenerateOp& op) {
    if (op.generation) {
        return false;
    }
    if (auto valid = validate(op.params); !valid) {
        op.sink->on_end(std::unexpected(std::move(valid.error())));
        return true;
    }
    if (context.logits.empty()) {
        op.sink->on_end(nothing_prefilled());
        return true;
    }
    op.generation =
        std::make_unique<Generation>(op.params, context.capacity - context.length, tokens_.size());
    const std::vector<float> logits = std::move(context.logits);
    return generate_token(context, op, logits);
}

bool EngineCore::generate_token(Context& context, GenerateOp& op, std::span<const float> logits) {
    Generation& generation = *op.generation;
    std::optional<FinishReason> reason;
    if (!generation.may_continue()) {
        reason = FinishReason::kLength;
    } else {
        const Token token = generation.choose(logits);
        if (tokens_.ends_generation(token)) {
            reason = FinishReason::kEndOfGeneration;
        } else {
            append(context, token);
            const auto state = generation.deliver(token, tokens_.bytes(token), *op.sink);
            op.paused = state == Generation::State::kPaused;
            scheduler_.set_decoding(context.id, state == Generation::State::kRunning);
            if (state != Generation::State::kEnded) {
                return false;
            }
            op.sink->on_end(generation.finish(FinishReason::kLength));
            return true;
        }
    }
    // Nothing was appended: what comes next is chosen from the same logits again.
    context.logits.assign(logits.begin(), logits.end());
    scheduler_.set_decoding(context.id, false);
    op.sink->on_end(generation.finish(*reason));
    return true;
}

void EngineCore::row_computed(Context& context, std::span<const float> logits) {
    context.uncomputed.reset();
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
    context.logits.assign(logits.begin(), logits.end());
    advance(context);
}

void EngineCore::run_once() {
    const Scheduler::Work work = scheduler_.next();
    if (const auto* step = std::get_if<Scheduler::DecodeStep>(&work)) {
        decode(step->contexts);
    } else if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
        prefill_piece(*piece);
    }
}

void EngineCore::decode(const std::vector<ContextId>& contexts) {
    // Even batches: 64 contexts are 32 and 32, not 63 and 1.
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
    rows_.clear();
    for (const ContextId id : contexts) {
        const Context& context = *find(id);
        rows_.push_back({.sequence = *context.sequence, .token = *context.uncomputed});
    }
    if (const auto computed = arena_.compute(rows_); !computed) {
        for (const ContextId id : contexts) {
            end(id, computed.error());
        }
        admit_waiting();
        return;
    }
    const auto count = static_cast<std::uint32_t>(contexts.size());
    ++stats_.steps;
    stats_.decode_rows += count;
    stats_.largest_batch = std::max(stats_.largest_batch, count);
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        row_computed(*find(contexts[i]), arena_.logits(i));
    }
}

void EngineCore::prefill_piece(const Scheduler::PrefillPiece& piece) {
    Context& context = *find(piece.context);
    auto& op = std::get<PrefillOp>(context.ops.front());
    rows_.clear();
    for (std::uint32_t i = 0; i < piece.tokens; ++i) {
        rows_.push_back({.sequence = *context.sequence,
                         .token = op.tokens[op.computed + i],
                         .wants_logits = piece.last && i + 1 == piece.tokens});
    }
    op.computed += piece.tokens;
    if (const auto computed = arena_.compute(rows_); !computed) {
        end(piece.context, computed.error());
        admit_waiting();
        return;
    }
    stats_.prefill_tokens += piece.tokens;
    if (!piece.last) {
        return;
    }
    const std::span<const float> logits = arena_.logits(rows_.size() - 1);
    context.logits.assign(logits.begin(), logits.end());
    op.done({});
    context.ops.pop_front();
    advance(context);
}

}  // namespace realm::inference
