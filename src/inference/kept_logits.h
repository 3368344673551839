// The logits that a context keeps until it goes on.
#pragma once

#include <memory>
#include <span>
#include <vector>

namespace realm::inference {

// A value whose copies share one array (200 KB) until one of them changes, so that a fork copies
// none. All copies belong to one thread.
class KeptLogits {
public:
    [[nodiscard]] bool empty() const { return !values_ || values_->empty(); }
    // Valid until this changes.
    [[nodiscard]] std::span<const float> values() const {
        return values_ ? std::span<const float>(*values_) : std::span<const float>();
    }

    // `logits` must not be this one's own.
    void set(std::span<const float> logits) {
        if (!alone()) {
            values_ = std::make_shared<std::vector<float>>();
        }
        values_->assign(logits.begin(), logits.end());
    }
    void clear() {
        if (alone()) {
            values_->clear();  // its memory is wanted again soon
        } else {
            values_.reset();
        }
    }

private:
    [[nodiscard]] bool alone() const { return values_.use_count() == 1; }

    std::shared_ptr<std::vector<float>> values_;
};

}  // namespace realm::inference
