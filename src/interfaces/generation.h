// The events of one generation on their way from the engine to the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "inference/engine.h"
#include "interfaces/call_state.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// Buffers what the engine generates until the program asks. The engine thread fills it; the
// program's host functions empty it. It outlives neither more than the last of both.
class Generation final : public inference::TokenSink {
public:
    // Tokens the engine may run ahead of the program.
    static constexpr std::size_t kAhead = 32;

    explicit Generation(std::shared_ptr<CallState> state) : state_(std::move(state)) {}

    bool on_token(inference::GeneratedToken token) override;
    void on_end(Result<inference::GenerateEnd> end) override;

    // Delivers the next event to the guest, at once or when it comes. True when the engine had
    // stopped for want of room and is to be resumed.
    bool next(sandbox::Completion completion);
    // The guest wants no more events; resolves once the engine has let go of the context.
    void finish(sandbox::Completion completion);

    [[nodiscard]] std::uint32_t tokens_read() const;  // given by next()
    [[nodiscard]] std::uint32_t tokens_made() const;  // given by the engine
    [[nodiscard]] bool over() const;                  // the guest has seen the end

private:
    // All with the lock held.
    void deliver(sandbox::Completion completion);

    std::shared_ptr<CallState> state_;
    mutable std::mutex mutex_;
    std::deque<inference::GeneratedToken> tokens_;
    std::optional<Result<inference::GenerateEnd>> end_;
    std::optional<sandbox::Completion> waiting_;
    std::optional<sandbox::Completion> finishing_;
    std::uint32_t made_ = 0;
    std::uint32_t read_ = 0;
    bool paused_ = false;
    bool over_ = false;
};

}  // namespace realm::interfaces
