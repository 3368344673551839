// What one generate() has made so far: its limits, its text, its sink.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "inference/engine.h"
#include "inference/sampler.h"
#include "inference/stop_matcher.h"
#include "inference/utf8_holdback.h"

namespace realm::inference {

// invalid_request/invalid_max_tokens, invalid_stop or invalid_sampling.
[[nodiscard]] Result<void> validate(const GenerateParams& params);

// Owned by the engine; its thread only.
class Generation {
public:
    static constexpr std::size_t kMaxStops = 16;
    static constexpr std::size_t kMaxStopBytes = 256;

    // `params` must be valid. `allowed`: tokens that the context has room for.
    // `ending`: the tokens that end a generation; they outlive this.
    Generation(const GenerateParams& params, std::uint32_t allowed, std::uint32_t vocabulary_size,
               std::span<const Token> ending);

    enum class State : std::uint8_t {
        kRunning,
        kPaused,  // the sink is full
        kEnded,
    };

    [[nodiscard]] bool may_continue() const { return made_ < allowed_; }
    // Tokens that may still be made.
    [[nodiscard]] std::uint32_t left() const { return allowed_ - made_; }
    // Whether a choice takes long enough to be made beside others.
    [[nodiscard]] bool draws() const { return sampler_.params().temperature > 0.0F; }
    // What the next choose() will give; on any thread, while no other uses this.
    void choose_ahead(std::span<const float> logits) { ahead_ = choose(logits); }
    Token choose(std::span<const float> logits);
    // Gives a chosen token, which stands for `bytes`, to the sink.
    State deliver(Token token, std::string_view bytes, TokenSink& sink);
    // The end, once deliver() said kEnded or nothing more may come; `reason` where no stop string
    // was found.
    GenerateEnd finish(FinishReason reason);

private:
    const std::uint32_t allowed_;
    const std::uint32_t least_;
    const std::span<const Token> ending_;
    std::uint32_t made_ = 0;
    std::optional<Token> ahead_;
    bool stopped_ = false;
    Sampler sampler_;
    const std::shared_ptr<const TokenMask> mask_;
    Utf8Holdback utf8_;
    StopMatcher stops_;
};

}  // namespace realm::inference
