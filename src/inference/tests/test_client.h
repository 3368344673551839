// Lets a test wait for what an engine calls back.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inference/engine.h"

namespace realm::inference {

// Collects what one generate() makes. Full after `room` tokens, until the test makes more.
class CollectingSink final : public TokenSink {
public:
    explicit CollectingSink(std::size_t room = SIZE_MAX) : room_(room) {}

    bool on_token(GeneratedToken token) override {
        const std::lock_guard lock(mutex_);
        tokens_.push_back(token.token);
        text_ += token.text;
        changed_.notify_all();
        return tokens_.size() < room_;
    }
    void on_end(Result<GenerateEnd> end) override {
        const std::lock_guard lock(mutex_);
        if (end) {
            text_ += end->tail;
        }
        ends_ += 1;
        end_ = std::move(end);
        changed_.notify_all();
    }

    // Blocks until the end came.
    Result<GenerateEnd> wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return end_.has_value(); });
        return *end_;
    }
    void wait_for_tokens(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return tokens_.size() >= count || end_.has_value(); });
    }
    void set_room(std::size_t room) {
        const std::lock_guard lock(mutex_);
        room_ = room;
    }
    std::vector<Token> tokens() const {
        const std::lock_guard lock(mutex_);
        return tokens_;
    }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }
    int ends() const {
        const std::lock_guard lock(mutex_);
        return ends_;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t room_;
    std::vector<Token> tokens_;
    std::string text_;
    std::optional<Result<GenerateEnd>> end_;
    int ends_ = 0;
};

// A callback and the future of its result.
template <class T>
std::pair<Engine::Callback<T>, std::future<Result<T>>> expect() {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    return {[promise](Result<T> result) { promise->set_value(std::move(result)); },
            std::move(future)};
}

inline std::pair<ContextId, std::future<Result<void>>> create(Engine& engine,
                                                              std::uint32_t capacity) {
    auto [done, created] = expect<void>();
    const ContextId id = engine.create({}, capacity, std::move(done));
    return {id, std::move(created)};
}

// How many of the tokens were computed before.
inline std::future<Result<std::uint32_t>> prefill(Engine& engine, ContextId id,
                                                  std::vector<Token> tokens) {
    auto [done, result] = expect<std::uint32_t>();
    engine.prefill(id, std::move(tokens), std::move(done));
    return std::move(result);
}

inline std::future<Result<Token>> step(Engine& engine, ContextId id, const SamplingParams& params) {
    auto [done, result] = expect<Token>();
    engine.step(id, params, nullptr, std::move(done));
    return std::move(result);
}

inline std::shared_ptr<CollectingSink> generate(Engine& engine, ContextId id, GenerateParams params,
                                                std::size_t room = SIZE_MAX) {
    auto sink = std::make_shared<CollectingSink>(room);
    engine.generate(id, std::move(params), sink);
    return sink;
}

}  // namespace realm::inference
