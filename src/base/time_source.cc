#include "base/time_source.h"

#include "base/worker_pool.h"

namespace realm::base {

Timer TimeSource::call_at(SteadyTime when, Callback callback) {
    return {*this, add(when, std::move(callback))};
}

Timer& Timer::operator=(Timer&& other) noexcept {
    if (this != &other) {
        const Timer old = std::move(*this);
        source_ = std::exchange(other.source_, nullptr);
        key_ = other.key_;
    }
    return *this;
}

Timer::~Timer() {
    if (source_ != nullptr) {
        source_->remove(key_);
    }
}

TimeSource::TimerKey TimerQueue::add(SteadyTime when, TimeSource::Callback callback) {
    const TimeSource::TimerKey key{when, ++last_number_};
    timers_.emplace(key, std::move(callback));
    return key;
}

TimeSource::Callback TimerQueue::remove(const TimeSource::TimerKey& key) {
    auto node = timers_.extract(key);
    return node ? std::move(node.mapped()) : TimeSource::Callback{};
}

TimeSource::Callback TimerQueue::pop_due(SteadyTime now) {
    if (timers_.empty() || timers_.begin()->first.first > now) {
        return {};
    }
    return std::move(timers_.extract(timers_.begin()).mapped());
}

SteadyTime TimerQueue::next() const {
    return timers_.empty() ? SteadyTime::max() : timers_.begin()->first.first;
}

SystemTime::SystemTime() : thread_([this] { work(); }) {}

SystemTime::~SystemTime() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
    }
    thread_.join();
}

TimeSource::TimerKey SystemTime::add(SteadyTime when, Callback callback) {
    const std::lock_guard lock(mutex_);
    if (when < timers_.next()) {
        wake_.notify_one();
    }
    return timers_.add(when, std::move(callback));
}

void SystemTime::remove(const TimerKey& key) {
    Callback dropped;
    const std::lock_guard lock(mutex_);
    dropped = timers_.remove(key);
}

void SystemTime::work() {
    set_thread_name("realm-wakeups");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (auto due = timers_.pop_due(now())) {
            lock.unlock();
            due();
            due = nullptr;
            lock.lock();
        } else if (timers_.next() == SteadyTime::max()) {
            wake_.wait(lock);
        } else {
            wake_.wait_until(lock, timers_.next());
        }
    }
}

}  // namespace realm::base
