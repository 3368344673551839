#include "interfaces/generation.h"

#include <realm/realm.h>

#include <string>
#include <utility>

namespace realm::interfaces {
namespace {

std::string encode(const realm_event& event, std::string_view text) {
    std::string bytes(reinterpret_cast<const char*>(&event), sizeof(event));
    bytes += text;
    return bytes;
}

std::int32_t wire_reason(inference::FinishReason reason) {
    switch (reason) {
        case inference::FinishReason::kEndOfGeneration:
            return REALM_FINISH_END;
        case inference::FinishReason::kStopString:
            return REALM_FINISH_STOP_STRING;
        case inference::FinishReason::kLength:
            return REALM_FINISH_LENGTH;
    }
    return REALM_FINISH_LENGTH;
}

}  // namespace

bool Generation::on_token(inference::GeneratedToken token) {
    const std::lock_guard lock(mutex_);
    ++made_;
    tokens_.push_back(std::move(token));
    if (waiting_) {
        deliver(*std::exchange(waiting_, std::nullopt));
    }
    paused_ = tokens_.size() >= kAhead;
    return !paused_;
}

void Generation::on_end(Result<inference::GenerateEnd> end) {
    const std::lock_guard lock(mutex_);
    end_ = std::move(end);
    if (finishing_) {
        over_ = true;
        std::exchange(finishing_, std::nullopt)->resolve(REALM_OK);
    } else if (waiting_) {
        deliver(*std::exchange(waiting_, std::nullopt));
    }
}

bool Generation::next(sandbox::Completion completion) {
    const std::lock_guard lock(mutex_);
    if (tokens_.empty() && !end_) {
        waiting_.emplace(std::move(completion));
    } else {
        deliver(std::move(completion));
    }
    const bool resume = paused_ && tokens_.size() <= kAhead / 2;
    paused_ = paused_ && !resume;
    return resume;
}

void Generation::finish(sandbox::Completion completion) {
    const std::lock_guard lock(mutex_);
    tokens_.clear();
    read_ = made_;
    if (end_) {
        over_ = true;
        completion.resolve(REALM_OK);
    } else {
        finishing_.emplace(std::move(completion));
    }
}

std::uint32_t Generation::tokens_read() const {
    const std::lock_guard lock(mutex_);
    return read_;
}

std::uint32_t Generation::tokens_made() const {
    const std::lock_guard lock(mutex_);
    return made_;
}

bool Generation::over() const {
    const std::lock_guard lock(mutex_);
    return over_;
}

void Generation::deliver(sandbox::Completion completion) {
    realm_event event{};
    std::string text;
    if (!tokens_.empty()) {
        event.kind = REALM_EVENT_TOKEN;
        event.token = tokens_.front().token;
        text = std::move(tokens_.front().text);
        tokens_.pop_front();
        ++read_;
    } else {
        over_ = true;
        if (!end_->has_value()) {
            completion.resolve(state_->failed(end_->error()));
            return;
        }
        event.kind = REALM_EVENT_END;
        event.finish_reason = wire_reason((*end_)->reason);
        text = (*end_)->tail;
    }
    event.text_length = static_cast<std::uint32_t>(text.size());
    std::string bytes = encode(event, text);
    const auto length = static_cast<std::int32_t>(bytes.size());
    state_->set_result(std::move(bytes));
    completion.resolve(length);
}

}  // namespace realm::interfaces
