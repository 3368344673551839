// The operations of EngineCore's contexts, one after another.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "inference/engine_core.h"

namespace realm::inference {
namespace {

std::unexpected<Error> nothing_prefilled() {
    return fail(ErrorType::kConflict, "nothing_prefilled",
                "the context has no tokens yet: prefill it first");
}

}  // namespace

void EngineCore::advance(Context& context) {
    if (!context.sequence) {
        if (!context.ops.empty()) {
            want_cells(context);
        }
        return;
    }
    bool finished = true;
    while (finished && !context.ops.empty()) {
        if (context.uncomputed) {
            scheduler_.set_decoding(context.id, true);
            return;
        }
        finished = run(context, context.ops.front());
        if (finished) {
            context.ops.pop_front();
        }
    }
}

bool EngineCore::run(Context& context, Op& op) {
    if (auto* prefilling = std::get_if<PrefillOp>(&op)) {
        return start_prefill(context, *prefilling);
    }
    if (auto* generating = std::get_if<GenerateOp>(&op)) {
        return start_generate(context, *generating);
    }
    if (auto* stepping = std::get_if<StepOp>(&op)) {
        run_step(context, *stepping);
    } else if (const auto* forking = std::get_if<ForkOp>(&op)) {
        run_fork(context, *forking);
    } else if (auto* truncating = std::get_if<TruncateOp>(&op)) {
        run_truncate(context, *truncating);
    } else {
        run_read(context, std::get<ReadOp>(op));
    }
    return true;
}

void EngineCore::run_fork(Context& context, const ForkOp& op) {
    Context* const made = find(op.made);
    if (made == nullptr) {
        return;  // dropped meanwhile
    }
    std::optional<Error> refused;
    if (made->capacity < context.length) {
        refused = fail(ErrorType::kInvalidRequest, "invalid_capacity",
                       fmt::format("the fork of a context of {} tokens cannot have room for {}",
                                   context.length, made->capacity))
                      .error();
    } else {
        made->sequence = with_room(arena_.fork_cost(*context.sequence, made->capacity),
                                   [&] { return arena_.fork(*context.sequence, made->capacity); });
        if (!made->sequence) {
            // It gets cells of its own once it is used.
            made->swapped = saved(context);
        }
        if (!made->sequence && !made->swapped) {
            refused = no_cells("fork it").error();
        }
    }
    if (refused) {
        end(op.made, *refused);
        return;
    }
    made->used = now_();
    made->length = context.length;
    made->tokens = context.tokens;
    made->logits = context.logits;
    std::exchange(made->created, nullptr)({});
    advance(*made);
}

void EngineCore::run_truncate(Context& context, TruncateOp& op) {
    if (op.tokens > context.length) {
        op.done(
            fail(ErrorType::kInvalidRequest, "too_short",
                 fmt::format("the context holds {} tokens, not {}", context.length, op.tokens)));
        return;
    }
    if (op.tokens < context.length) {
        bool truncated = arena_.truncate(*context.sequence, op.tokens);
        while (!truncated && (evict() || swap_out_one())) {
            truncated = arena_.truncate(*context.sequence, op.tokens);
        }
        if (!truncated) {
            op.done(no_cells("truncate it"));
            return;
        }
        context.reusable = std::min(context.reusable, op.tokens);
        context.length = op.tokens;
        context.tokens.resize(op.tokens);
        context.logits.clear();
        context.step_sampler.reset();
    }
    op.done({});
}

void EngineCore::run_read(const Context& context, ReadOp& op) {
    if (context.logits.empty()) {
        op.done(nothing_prefilled());
    } else {
        const auto values = context.logits.values();
        op.done(std::vector<float>(values.begin(), values.end()));
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
        op.done(std::unexpected(std::move(checked.error())));
        return true;
    }
    op.started = true;
    op.first = context.length == 0;
    op.reused = op.first ? take_beginning(context, op.tokens) : 0;
    op.computed = op.reused;
    stats_.reused_tokens += op.reused;
    context.logits.clear();
    context.length += static_cast<std::uint32_t>(op.tokens.size());
    context.tokens.insert(context.tokens.end(), op.tokens.begin(), op.tokens.end());
    scheduler_.add_prefill(context.id, static_cast<std::uint32_t>(op.tokens.size()), op.reused);
    return false;
}

std::uint32_t EngineCore::take_beginning(const Context& context, std::span<const Token> prompt) {
    if (!context.shares) {
        return 0;
    }
    auto best = beginnings_.find(context.account.tenant, prompt)
                    .value_or(PrefixCache::Match{.sequence = {}, .tokens = 0});
    for (const auto& [id, other] : contexts_) {
        if (!other->sequence || other->account.tenant != context.account.tenant ||
            other->reusable <= best.tokens) {
            continue;
        }
        const std::uint32_t common =
            common_beginning(std::span(other->prompt).first(other->reusable), prompt);
        if (common > best.tokens) {
            best = {.sequence = *other->sequence, .tokens = common};
        }
    }
    const std::uint32_t known =
        scheduler_.resume_at(best.tokens, static_cast<std::uint32_t>(prompt.size()));
    if (known < PrefixCache::kLeastTokens) {
        return 0;
    }
    arena_.adopt(*context.sequence, best.sequence, known);
    return known;
}

void EngineCore::keep_beginning(Context& context) {
    if (!context.sequence || context.reusable < PrefixCache::kLeastTokens ||
        options_.cached_contexts == 0) {
        return;
    }
    arena_.shrink(*context.sequence, context.reusable);
    context.prompt.resize(context.reusable);
    const SequenceId sequence = *std::exchange(context.sequence, std::nullopt);
    for (const SequenceId superfluous :
         beginnings_.put(context.account.tenant, std::move(context.prompt), sequence)) {
        arena_.release(superfluous);
    }
}

void EngineCore::share_beginning(ContextId id, bool shared) {
    if (Context* const context = find(id); context != nullptr) {
        context->shares = shared;
        context->reusable = shared ? context->reusable : 0;
    }
}

void EngineCore::set_priority(ContextId id, std::int32_t priority) {
    if (Context* const context = find(id); context != nullptr) {
        context->account.priority = priority;
        scheduler_.set_priority(id, priority);
        waiting_.set_priority(id, priority);
    }
}

void EngineCore::append(Context& context, Token token) {
    context.uncomputed = token;
    context.tokens.push_back(token);
    context.logits.clear();
    ++context.length;
}

void EngineCore::run_step(Context& context, StepOp& op) {
    if (auto valid = validate(op.sampling); !valid) {
        op.done(std::unexpected(std::move(valid.error())));
        return;
    }
    if (context.logits.empty()) {
        op.done(nothing_prefilled());
        return;
    }
    if (context.length >= context.capacity) {
        op.done(fail(ErrorType::kInvalidRequest, "context_full",
                     fmt::format("the context is full: it holds {} tokens", context.capacity)));
        return;
    }
    if (!context.step_sampler || context.step_sampler->params() != op.sampling) {
        context.step_sampler =
            std::make_unique<Sampler>(op.sampling, tokens_.size(), context.capacity);
    }
    const Token token = context.step_sampler->choose(context.logits.values(), op.mask.get());
    append(context, token);
    // Computed now, while the caller looks at the token.
    scheduler_.set_decoding(context.id, true);
    op.done(token);
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
    op.generation = std::make_unique<Generation>(op.params, context.capacity - context.length,
                                                 tokens_.size(), tokens_.ending());
    const KeptLogits logits = std::exchange(context.logits, {});
    return generate_token(context, op, logits.values());
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
    context.logits.set(logits);
    scheduler_.set_decoding(context.id, false);
    op.sink->on_end(generation.finish(*reason));
    return true;
}

}  // namespace realm::inference
