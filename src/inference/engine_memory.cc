// Who has cells, who waits for them, who gives them up: EngineCore's side of memory.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "inference/engine_core.h"

namespace realm::inference {

void DropPace::note(base::SteadyTime now) {
    constexpr double kNew = 0.2;
    if (last_) {
        mean_ += kNew * (now - *last_ - mean_);
    }
    last_ = now;
}

std::chrono::milliseconds DropPace::wait(std::size_t ahead) const {
    using std::chrono::milliseconds;
    const auto expected = mean_ * static_cast<double>(ahead + 1);
    return std::clamp(std::chrono::ceil<milliseconds>(expected), milliseconds(100),
                      milliseconds(30'000));
}

std::unexpected<Error> EngineCore::overloaded(std::string_view code, std::string message) const {
    auto refused = fail(ErrorType::kOverloaded, code, std::move(message));
    refused.error().retry_after_ms = drops_.wait(waiting_.size()).count();
    return refused;
}

std::unexpected<Error> EngineCore::no_cells(std::string_view what) const {
    return overloaded("no_cells", fmt::format("the model's memory has no room to {}: drop a "
                                              "context, or try again later",
                                              what));
}

Result<void> EngineCore::check_capacity(std::uint32_t capacity) const {
    if (capacity == 0) {
        return fail(ErrorType::kInvalidRequest, "invalid_capacity",
                    "a context's capacity must be 1 token or more");
    }
    if (capacity > max_context_tokens_) {
        return fail(ErrorType::kInvalidRequest, "context_too_long",
                    fmt::format("a context may have at most {} tokens, not {}", max_context_tokens_,
                                capacity));
    }
    return {};
}

void EngineCore::create(ContextId id, const Account& account, std::uint32_t capacity,
                        Engine::Callback<void> done) {
    if (stopped_) {
        done(std::unexpected(engine_stopped()));
        return;
    }
    if (auto checked = check_capacity(capacity); !checked) {
        done(std::move(checked));
        return;
    }
    const std::optional<SequenceId> sequence =
        waiting_.empty() ? with_room(capacity, [&] { return arena_.acquire(capacity); })
                         : std::nullopt;
    if (!sequence && waiting_.size() >= options_.queue_limit) {
        done(overloaded(
            "context_queue_full",
            fmt::format("{} contexts wait for memory already: try again later", waiting_.size())));
        return;
    }
    auto made = std::make_unique<Context>();
    Context& context = *made;
    context.id = id;
    context.account = account;
    context.capacity = capacity;
    context.sequence = sequence;
    context.used = now_();
    scheduler_.add(id, account);
    contexts_.emplace(id.value, std::move(made));
    if (sequence) {
        done({});
        return;
    }
    context.created = std::move(done);
    waiting_.push(id, account);
}

std::uint32_t EngineCore::live() const {
    return arena_.sequences() - static_cast<std::uint32_t>(beginnings_.size());
}

bool EngineCore::evict() {
    const auto sequence = beginnings_.evict();
    if (sequence) {
        arena_.release(*sequence);
    }
    return sequence.has_value();
}

std::optional<SequenceId> EngineCore::with_room(
    std::uint32_t tokens, const std::function<std::optional<SequenceId>()>& make) {
    if (live() < options_.max_contexts) {
        if (auto made = make()) {
            return made;
        }
    }
    const std::vector<Context*> idle = swappable();
    std::vector<SequenceId> given_up = beginnings_.sequences();
    for (const Context* const context : idle) {
        given_up.push_back(*context->sequence);
    }
    if (live() - idle.size() >= options_.max_contexts || !arena_.would_fit(tokens, given_up)) {
        return std::nullopt;
    }
    // Contexts go only where beginnings are not enough.
    auto next = idle.begin();
    while (true) {
        if (live() < options_.max_contexts) {
            if (auto made = make()) {
                return made;
            }
            if (evict()) {
                continue;
            }
        }
        if (next == idle.end() || !swap_out(**next)) {
            return std::nullopt;
        }
        ++next;
    }
}

bool EngineCore::idle(const Context& context) const {
    if (!context.sequence) {
        return false;
    }
    if (context.ops.empty()) {
        return !scheduler_.decoding(context.id);
    }
    const auto* op = std::get_if<GenerateOp>(&context.ops.front());
    return op != nullptr && op->paused;
}

std::vector<EngineCore::Context*> EngineCore::swappable() {
    std::vector<Context*> found;
    if (!swap_.open()) {
        return found;
    }
    const base::SteadyTime latest = now_() - options_.swap_after;
    for (const auto& [id, context] : contexts_) {
        if (context->used <= latest && idle(*context)) {
            found.push_back(context.get());
        }
    }
    std::ranges::sort(found, {}, [](const Context* context) {
        return std::pair(context->used, context->id.value);
    });
    return found;
}

std::optional<EngineCore::Swapped> EngineCore::saved(const Context& context) {
    if (!swap_.open()) {
        return std::nullopt;
    }
    auto cells = arena_.save(*context.sequence);
    if (!cells) {
        return std::nullopt;
    }
    auto bytes = swap_.put(std::move(cells->bytes));
    if (!bytes) {
        return std::nullopt;
    }
    return Swapped{.bytes = std::move(bytes), .order = std::move(cells->order)};
}

bool EngineCore::swap_out(Context& context) {
    context.swapped = saved(context);
    if (!context.swapped) {
        return false;
    }
    arena_.release(*std::exchange(context.sequence, std::nullopt));
    ++stats_.swapped_out;
    return true;
}

bool EngineCore::swap_out_one() {
    const std::vector<Context*> idle = swappable();
    return !idle.empty() && swap_out(*idle.front());
}

Result<void> EngineCore::swap_in(Context& context) {
    std::vector<std::uint8_t> buffer;
    auto bytes = SwapSpace::get(*context.swapped->bytes, buffer);
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    if (auto loaded = arena_.load(*context.sequence, *bytes, context.swapped->order); !loaded) {
        return loaded;
    }
    context.swapped.reset();
    ++stats_.swapped_in;
    return {};
}

void EngineCore::want_cells(Context& context) {
    if (context.swapped && !waiting_.contains(context.id)) {
        waiting_.push(context.id, context.account);
        admit_waiting();
    }
}

void EngineCore::admit_waiting() {
    while (!waiting_.empty()) {
        Context& context = *find(waiting_.next());
        const auto sequence =
            with_room(context.capacity, [&] { return arena_.acquire(context.capacity); });
        if (!sequence) {
            return;
        }
        waiting_.erase(context.id);
        context.sequence = sequence;
        context.used = now_();
        if (context.swapped) {
            if (const auto back = swap_in(context); !back) {
                end(context.id, back.error());
                continue;
            }
        }
        if (context.created) {
            std::exchange(context.created, nullptr)({});
        }
        advance(context);
    }
}

void EngineCore::tend() {
    if (!waiting_.empty()) {
        admit_waiting();
    }
}

std::optional<base::SteadyTime> EngineCore::tend_at() const {
    std::optional<base::SteadyTime> first;
    if (waiting_.empty() || !swap_.open()) {
        return first;
    }
    const base::SteadyTime now = now_();
    for (const auto& [id, context] : contexts_) {
        const base::SteadyTime at = context->used + options_.swap_after;
        if (at > now && idle(*context) && (!first || at < *first)) {
            first = at;
        }
    }
    return first;
}

}  // namespace realm::inference
