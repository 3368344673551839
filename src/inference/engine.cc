#include "inference/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/worker_pool.h"
#include "inference/engine_core.h"
#include "inference/processors.h"
#include "inference/unified_arena.h"

namespace realm::inference {
namespace {

constexpr std::uint32_t kLargestChunk = 4096;
constexpr std::uint32_t kLargestKv = 1U << 30;
constexpr std::uint32_t kMostThreads = 512;

class ModelTokens final : public TokenTable {
public:
    explicit ModelTokens(const Model& model) : model_(model) {
        for (std::uint32_t token = 0; token < model.info().vocabulary_size; ++token) {
            if (ends_generation(static_cast<Token>(token))) {
                ending_.push_back(static_cast<Token>(token));
            }
        }
    }
    [[nodiscard]] std::uint32_t size() const override { return model_.info().vocabulary_size; }
    [[nodiscard]] std::string bytes(Token token) const override {
        return model_.token_bytes(token);
    }
    [[nodiscard]] bool ends_generation(Token token) const override {
        return model_.is_end_of_generation(token);
    }
    [[nodiscard]] std::span<const Token> ending() const override { return ending_; }

private:
    const Model& model_;
    std::vector<Token> ending_;
};

Result<void> check(std::string_view field, std::uint32_t value, std::uint32_t low,
                   std::uint32_t high) {
    if (value < low || value > high) {
        return fail(ErrorType::kInvalidRequest, "invalid_engine_options",
                    fmt::format("{} must be between {} and {}, not {}", field, low, high, value));
    }
    return {};
}

Result<void> validate(const EngineOptions& options) {
    for (const auto& checked : {check("kv_tokens", options.kv_tokens, 1, kLargestKv),
                                check("max_contexts", options.max_contexts, 1, kMostContexts),
                                check("cached_contexts", options.cached_contexts, 0, kMostContexts),
                                check("prefill_chunk", options.prefill_chunk, 1, kLargestChunk),
                                check("threads", options.threads, 0, kMostThreads)}) {
        if (!checked) {
            return checked;
        }
    }
    return {};
}

}  // namespace

// The thread and the queue of operations in front of an EngineCore.
class Engine::Impl {
public:
    using Operation = std::move_only_function<void(EngineCore&)>;

    Impl(std::shared_ptr<const Model> model, EngineOptions options, std::unique_ptr<KvArena> arena)
        : model_(std::move(model)),
          options_(std::move(options)),
          arena_(std::move(arena)),
          tokens_(*model_),
          core_(options_, max_context_tokens(), tokens_, *arena_),
          thread_([this] { work(); }) {}

    ~Impl() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void post(Operation operation) {
        {
            const std::lock_guard lock(mutex_);
            operations_.push_back(std::move(operation));
        }
        wake_.notify_one();
    }

    // What may be said of a context again and again, by programs that loop: only one operation of
    // it waits at a time, for what was said last.
    struct Wish {
        std::optional<bool> shares = {};
        std::optional<std::int32_t> priority = {};
    };
    void post_wish(ContextId id, const Wish& said) {
        {
            const std::lock_guard lock(mutex_);
            const auto [entry, added] = wishes_.try_emplace(id.value);
            Wish& wish = entry->second;
            wish.shares = said.shares ? said.shares : wish.shares;
            wish.priority = said.priority ? said.priority : wish.priority;
            if (!added) {
                return;
            }
            operations_.emplace_back([this, id](EngineCore& core) { grant(id, core); });
        }
        wake_.notify_one();
    }

    [[nodiscard]] ContextId next_id() { return {.value = ++last_id_}; }
    [[nodiscard]] const std::shared_ptr<const Model>& model() const { return model_; }
    [[nodiscard]] const EngineOptions& options() const { return options_; }
    [[nodiscard]] EngineStats stats() const {
        return stats_.with([](const EngineStats& stats) { return stats; });
    }
    [[nodiscard]] std::uint32_t max_context_tokens() const {
        return std::min(model_->info().context_length, options_.kv_tokens);
    }

private:
    void work() {
        base::set_thread_name("engine");
        while (run_operations()) {
            core_.tend();
            if (core_.has_work()) {
                core_.run_once();
            }
            publish();
        }
        core_.stop();
        publish();
        // Callbacks may have asked for more in the meantime; they are told that it is over.
        while (run_operations_left()) {
        }
    }

    // Waits while there is nothing to do. False when the engine shall end.
    bool run_operations() {
        std::vector<Operation> taken;
        {
            std::unique_lock lock(mutex_);
            const auto ready = [this] {
                return stopping_ || !operations_.empty() || core_.has_work();
            };
            if (const auto at = core_.tend_at()) {
                wake_.wait_until(lock, *at, ready);
            } else {
                wake_.wait(lock, ready);
            }
            if (stopping_) {
                return false;
            }
            taken.swap(operations_);
        }
        for (Operation& operation : taken) {
            operation(core_);
        }
        return true;
    }

    bool run_operations_left() {
        std::vector<Operation> taken;
        {
            const std::lock_guard lock(mutex_);
            taken.swap(operations_);
        }
        for (Operation& operation : taken) {
            operation(core_);
        }
        return !taken.empty();
    }

    void grant(ContextId id, EngineCore& core) {
        Wish wish;
        {
            const std::lock_guard lock(mutex_);
            wish = wishes_.extract(id.value).mapped();
        }
        if (wish.shares) {
            core.share_beginning(id, *wish.shares);
        }
        if (wish.priority) {
            core.set_priority(id, *wish.priority);
        }
    }

    void publish() {
        stats_.with([this](EngineStats& stats) { stats = core_.stats(); });
    }

    const std::shared_ptr<const Model> model_;
    const EngineOptions options_;
    const std::unique_ptr<KvArena> arena_;
    const ModelTokens tokens_;
    EngineCore core_;  // the thread's alone
    std::atomic<std::uint64_t> last_id_ = 0;
    base::Guarded<EngineStats> stats_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Operation> operations_;
    std::unordered_map<std::uint64_t, Wish> wishes_;  // by context
    bool stopping_ = false;
    std::thread thread_;  // last: it uses everything above
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::start(std::shared_ptr<const Model> model,
                                              const EngineOptions& options) {
    if (auto valid = validate(options); !valid) {
        return std::unexpected(std::move(valid.error()));
    }
    EngineOptions settled = options;
    const auto processors = usable_processors();
    if (settled.threads == 0) {
        settled.threads = std::min(static_cast<std::uint32_t>(processors.size()), kMostThreads);
    }
    auto arena = UnifiedArena::create(model, settled, places_for(settled.threads, processors));
    if (!arena) {
        return std::unexpected(std::move(arena.error()));
    }
    return std::unique_ptr<Engine>(
        new Engine(std::make_unique<Impl>(std::move(model), settled, std::move(*arena))));
}

const Model& Engine::model() const {
    return *impl_->model();
}

const std::shared_ptr<const Model>& Engine::shared_model() const {
    return impl_->model();
}

const EngineOptions& Engine::options() const {
    return impl_->options();
}

EngineStats Engine::stats() const {
    return impl_->stats();
}

std::uint32_t Engine::max_context_tokens() const {
    return impl_->max_context_tokens();
}

ContextId Engine::create(const Account& account, std::uint32_t capacity, Callback<void> done) {
    const ContextId id = impl_->next_id();
    impl_->post([id, account, capacity, done = std::move(done)](EngineCore& core) mutable {
        core.create(id, account, capacity, std::move(done));
    });
    return id;
}

void Engine::prefill(ContextId id, std::vector<Token> tokens, Callback<std::uint32_t> done) {
    impl_->post([id, tokens = std::move(tokens), done = std::move(done)](EngineCore& core) mutable {
        core.prefill(id, std::move(tokens), std::move(done));
    });
}

ContextId Engine::fork(ContextId from, std::uint32_t capacity, Callback<void> done) {
    const ContextId id = impl_->next_id();
    impl_->post([from, id, capacity, done = std::move(done)](EngineCore& core) mutable {
        core.fork(from, id, capacity, std::move(done));
    });
    return id;
}

void Engine::share_beginning(ContextId id, bool shared) {
    impl_->post_wish(id, {.shares = shared});
}

void Engine::set_priority(ContextId id, std::int32_t priority) {
    impl_->post_wish(id, {.priority = priority});
}

void Engine::truncate(ContextId id, std::uint32_t tokens, Callback<void> done) {
    impl_->post([id, tokens, done = std::move(done)](EngineCore& core) mutable {
        core.truncate(id, tokens, std::move(done));
    });
}

void Engine::read_logits(ContextId id, Callback<std::vector<float>> done) {
    impl_->post([id, done = std::move(done)](EngineCore& core) mutable {
        core.read_logits(id, std::move(done));
    });
}

void Engine::step(ContextId id, const SamplingParams& sampling,
                  std::shared_ptr<const TokenMask> mask, Callback<Token> done) {
    impl_->post(
        [id, sampling, mask = std::move(mask), done = std::move(done)](EngineCore& core) mutable {
            core.step(id, sampling, std::move(mask), std::move(done));
        });
}

void Engine::step_many(std::vector<Step> steps) {
    // One operation: the engine computes nothing before all tokens are chosen.
    impl_->post([steps = std::move(steps)](EngineCore& core) mutable {
        for (Step& step : steps) {
            core.step(step.id, step.sampling, std::move(step.mask), std::move(step.done));
        }
    });
}

void Engine::generate(ContextId id, GenerateParams params, std::shared_ptr<TokenSink> sink) {
    impl_->post([id, params = std::move(params), sink = std::move(sink)](EngineCore& core) mutable {
        core.generate(id, std::move(params), std::move(sink));
    });
}

void Engine::resume(ContextId id) {
    impl_->post([id](EngineCore& core) { core.resume(id); });
}

void Engine::stop_generate(ContextId id) {
    impl_->post([id](EngineCore& core) { core.stop_generate(id); });
}

void Engine::drop(ContextId id) {
    impl_->post([id](EngineCore& core) { core.drop(id); });
}

}  // namespace realm::inference
