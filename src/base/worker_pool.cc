#include "base/worker_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <utility>

namespace realm::base {

WorkerPool::WorkerPool(const std::string& name, std::size_t threads, std::size_t queue_limit,
                       ThreadClass thread_class)
    : queue_limit_(queue_limit),
      lane_threads_(std::max<std::size_t>(2, threads) - 1),
      lane_queue_limit_(std::max<std::size_t>(2, queue_limit) / 2) {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this, thread_class, label = name + "-" + std::to_string(i)] {
            set_thread_name(label);
            if (thread_class == ThreadClass::kIdle) {
                make_thread_idle();
            }
            work();
        });
    }
}

WorkerPool::~WorkerPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

Submission WorkerPool::submit(Task task, const std::string& lane) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            return Submission::kStopping;
        }
        if (waiting_ >= queue_limit_) {
            return Submission::kQueueFull;
        }
        const auto entry = lanes_.try_emplace(lane).first;
        auto& waiting = entry->second.waiting;
        if (!lane.empty() && waiting.size() >= lane_queue_limit_) {
            return Submission::kLaneFull;
        }
        if (waiting.empty()) {
            turns_.push_back(entry);
        }
        waiting.push_back(std::move(task));
        ++waiting_;
    }
    wake_.notify_one();
    return Submission::kTaken;
}

bool WorkerPool::submit(Task task) {
    return submit(std::move(task), {}) == Submission::kTaken;
}

void WorkerPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto lane = next_lane();
        if (lane == lanes_.end()) {
            // A lane's last tasks at the end are those of the worker that it has.
            if (stopping_) {
                return;
            }
            wake_.wait(lock);
            continue;
        }
        Task task = std::move(lane->second.waiting.front());
        lane->second.waiting.pop_front();
        ++lane->second.running;
        --waiting_;
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
        leave(lane);
    }
}

WorkerPool::Lanes::iterator WorkerPool::next_lane() {
    const auto turn =
        std::ranges::find_if(turns_, [this](const auto& lane) { return may_run(*lane); });
    if (turn == turns_.end()) {
        return lanes_.end();
    }
    const auto lane = *turn;
    turns_.erase(turn);
    if (lane->second.waiting.size() > 1) {
        turns_.push_back(lane);
    }
    return lane;
}

bool WorkerPool::may_run(const Lanes::value_type& lane) const {
    return lane.first.empty() || lane.second.running < lane_threads_;
}

void WorkerPool::leave(Lanes::iterator lane) {
    --lane->second.running;
    if (!lane->second.waiting.empty()) {
        // The caller may take another lane's task now: a worker that sleeps can have this one's.
        wake_.notify_one();
    } else if (lane->second.running == 0) {
        lanes_.erase(lane);
    }
}

void set_thread_name(const std::string& name) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

void make_thread_idle() {
    const sched_param none{};
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
}

}  // namespace realm::base
