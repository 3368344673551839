#include "inference/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace realm::inference {

Result<void> validate(const GenerateParams& params) {
    if (params.max_tokens == 0) {
        return fail(ErrorType::kInvalidRequest, "invalid_max_tokens",
                    "max_tokens must be 1 or more, not 0");
    }
    if (params.stop.size() > Generation::kMaxStops) {
        return fail(ErrorType::kInvalidRequest, "invalid_stop",
                    fmt::format("there may be at most {} stop strings, not {}",
                                Generation::kMaxStops, params.stop.size()));
    }
    for (const std::string& stop : params.stop) {
        if (stop.empty() || stop.size() > Generation::kMaxStopBytes) {
            return fail(ErrorType::kInvalidRequest, "invalid_stop",
                        fmt::format("a stop string must have 1 to {} bytes, not {}",
                                    Generation::kMaxStopBytes, stop.size()));
        }
        if (!base::is_utf8(stop)) {
            return fail(ErrorType::kInvalidRequest, "invalid_stop", "a stop string must be UTF-8");
        }
    }
    return validate(params.sampling);
}

Generation::Generation(const GenerateParams& params, std::uint32_t allowed,
                       std::uint32_t vocabulary_size, std::span<const Token> ending)
    : allowed_(std::min(params.max_tokens, allowed)),
      least_(params.min_tokens),
      ending_(ending),
      sampler_(params.sampling, vocabulary_size, allowed_),
      mask_(params.mask),
      stops_(params.stop) {}

Token Generation::choose(std::span<const float> logits) {
    if (ahead_) {
        return *std::exchange(ahead_, std::nullopt);
    }
    return sampler_.choose(logits, mask_.get(),
                           made_ < least_ ? ending_ : std::span<const Token>());
}

Generation::State Generation::deliver(Token token, std::string_view bytes, TokenSink& sink) {
    ++made_;
    StopMatcher::Piece piece = stops_.push(utf8_.push(bytes));
    stopped_ = piece.stopped;
    const bool more = sink.on_token({.token = token, .text = std::move(piece.text)});
    if (stopped_ || !may_continue()) {
        return State::kEnded;
    }
    return more ? State::kRunning : State::kPaused;
}

GenerateEnd Generation::finish(FinishReason reason) {
    if (stopped_) {
        return {.reason = FinishReason::kStopString, .tail = {}};
    }
    StopMatcher::Piece last = stops_.push(utf8_.finish());
    if (last.stopped) {
        return {.reason = FinishReason::kStopString, .tail = std::move(last.text)};
    }
    return {.reason = reason, .tail = std::move(last.text) + stops_.finish()};
}

}  // namespace realm::inference
