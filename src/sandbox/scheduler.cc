#include "sandbox/scheduler.h"

#include <fmt/format.h>

#include <vector>

#include "sandbox/run.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::size_t index_of(RunClass which) {
    return static_cast<std::size_t>(which);
}

}  // namespace

void Scheduler::push(std::shared_ptr<Run> run, RunClass where) {
    const std::size_t index = index_of(where);
    const std::lock_guard lock(mutex_);
    queues_[index].push_back(std::move(run));
    ready_[index].notify_one();
}

std::shared_ptr<Run> Scheduler::pop(RunClass from, bool& waited) {
    auto& queue = queues_[index_of(from)];
    std::unique_lock lock(mutex_);
    waited = queue.empty();
    ready_[index_of(from)].wait(lock, [&] { return !queue.empty() || (draining_ && alive_ == 0); });
    if (queue.empty()) {
        return nullptr;
    }
    auto run = std::move(queue.front());
    queue.pop_front();
    return run;
}

bool Scheduler::admit(const std::shared_ptr<Run>& run, base::SteadyTime deadline) {
    {
        const std::lock_guard lock(mutex_);
        ++alive_;
    }
    const std::lock_guard lock(timer_mutex_);
    if (closed_) {
        return false;
    }
    deadlines_.emplace(DeadlineKey{deadline, run.get()}, run);
    if (deadline < timer_sleeps_until_) {
        timer_wake_.notify_one();
    }
    return true;
}

void Scheduler::disarm(const Run& run) {
    std::shared_ptr<Run> released;
    const std::lock_guard lock(timer_mutex_);
    const auto found = deadlines_.find(DeadlineKey{run.deadline(), &run});
    if (found != deadlines_.end()) {
        released = std::move(found->second);
        deadlines_.erase(found);
    }
}

void Scheduler::retire() {
    const std::lock_guard lock(mutex_);
    --alive_;
    if (draining_ && alive_ == 0) {
        ready_[0].notify_all();
        ready_[1].notify_all();
    }
}

std::size_t Scheduler::alive() const {
    const std::lock_guard lock(mutex_);
    return alive_;
}

void Scheduler::close(const Error& reason) {
    {
        const std::lock_guard lock(timer_mutex_);
        closed_ = true;
        for (const auto& [key, run] : deadlines_) {
            run->cancel(reason);
        }
        timer_wake_.notify_one();
    }
    const std::lock_guard lock(mutex_);
    draining_ = true;
    ready_[0].notify_all();
    ready_[1].notify_all();
}

void Scheduler::watch_deadlines() {
    std::unique_lock lock(timer_mutex_);
    while (!closed_) {
        if (deadlines_.empty()) {
            timer_sleeps_until_ = base::SteadyTime::max();
            timer_wake_.wait(lock);
        } else {
            timer_sleeps_until_ = deadlines_.begin()->first.first;
            timer_wake_.wait_until(lock, timer_sleeps_until_);
        }
        stop_expired(base::SteadyClock::now());
    }
}

void Scheduler::stop_expired(base::SteadyTime now) {
    while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
        const auto first = deadlines_.begin();
        first->second->expire();
        deadlines_.erase(first);
    }
}

}  // namespace realm::sandbox
