#include "sandbox/scheduler.h"

#include <algorithm>
#include <utility>

#include "sandbox/run.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::size_t index_of(RunClass which) {
    return static_cast<std::size_t>(which);
}

}  // namespace

void Scheduler::push(std::shared_ptr<Run> run, RunClass where) {
    const std::lock_guard lock(mutex_);
    enqueue(std::move(run), where);
}

void Scheduler::push_by_allowance(std::shared_ptr<Run> run, std::chrono::nanoseconds since_wait) {
    const std::lock_guard lock(mutex_);
    const Seconds slice =
        options_.slice * run->share().allowance_.left(terms_, base::SteadyClock::now());
    const bool beyond = options_.background_threads > 0 && since_wait >= slice;
    enqueue(std::move(run), beyond ? RunClass::kBackground : RunClass::kNormal);
}

void Scheduler::enqueue(std::shared_ptr<Run> run, RunClass where) {
    const std::size_t index = index_of(where);
    Queue& queue = queues_[index];
    Share& share = run->share();
    Share::Lane& lane = share.lanes_[index];
    if (lane.ready.empty()) {
        lane.served = std::max(lane.served, queue.level);
        queue.waiting.emplace(lane.served, &share);
    }
    lane.ready.push_back(std::move(run));
    queue.ready.notify_one();
}

std::shared_ptr<Run> Scheduler::pop(RunClass from, bool& waited) {
    const std::size_t index = index_of(from);
    Queue& queue = queues_[index];
    std::unique_lock lock(mutex_);
    waited = queue.waiting.empty();
    if (waited) {
        before_sleep_();
    }
    queue.ready.wait(lock, [&] { return !queue.waiting.empty() || (draining_ && alive_ == 0); });
    if (queue.waiting.empty()) {
        return nullptr;
    }
    const auto first = queue.waiting.begin();
    queue.level = first->first;
    Share::Lane& lane = first->second->lanes_[index];
    auto run = std::move(lane.ready.front());
    lane.ready.pop_front();
    if (lane.ready.empty()) {
        queue.waiting.erase(first);
    }
    return run;
}

void Scheduler::charge(Share& share, RunClass where, std::chrono::nanoseconds spent) {
    const std::size_t index = index_of(where);
    const std::lock_guard lock(mutex_);
    Share::Lane& lane = share.lanes_[index];
    const double before = lane.served;
    lane.served += Seconds(spent).count() / share.weight_;
    if (where == RunClass::kNormal) {
        share.allowance_.charge(terms_, spent);
    }
    if (!lane.ready.empty()) {
        queues_[index].waiting.erase({before, &share});
        queues_[index].waiting.emplace(lane.served, &share);
    }
}

bool Scheduler::admit(const std::shared_ptr<Run>& run, base::SteadyTime deadline) {
    {
        const std::lock_guard lock(mutex_);
        ++alive_;
    }
    return arm(run, deadline);
}

bool Scheduler::arm(const std::shared_ptr<Run>& run, base::SteadyTime deadline) {
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

void Scheduler::disarm(const Run& run, base::SteadyTime deadline) {
    std::shared_ptr<Run> released;
    const std::lock_guard lock(timer_mutex_);
    const auto found = deadlines_.find(DeadlineKey{deadline, &run});
    if (found != deadlines_.end()) {
        released = std::move(found->second);
        deadlines_.erase(found);
    }
}

void Scheduler::retire() {
    const std::lock_guard lock(mutex_);
    --alive_;
    if (draining_ && alive_ == 0) {
        notify_all();
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
    notify_all();
}

void Scheduler::notify_all() {
    for (Queue& queue : queues_) {
        queue.ready.notify_all();
    }
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
        first->second->expire(first->first.first);
        deadlines_.erase(first);
    }
}

}  // namespace realm::sandbox
