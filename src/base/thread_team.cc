#include "base/thread_team.h"

#include "base/worker_pool.h"

namespace realm::base {

ThreadTeam::ThreadTeam(const std::string& name, std::size_t helpers) {
    helpers_.reserve(helpers);
    for (std::size_t i = 0; i < helpers; ++i) {
        helpers_.emplace_back([this, label = name + "-" + std::to_string(i)] {
            set_thread_name(label);
            help();
        });
    }
}

ThreadTeam::~ThreadTeam() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& helper : helpers_) {
        helper.join();
    }
}

void ThreadTeam::for_each(std::size_t count, const std::function<void(std::size_t)>& each) {
    std::unique_lock lock(mutex_);
    each_ = &each;
    count_ = count;
    next_ = 0;
    done_ = 0;
    if (count > 1) {
        wake_.notify_all();
    }
    take_pieces(lock);
    finished_.wait(lock, [this] { return done_ == count_; });
}

void ThreadTeam::help() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || next_ < count_; });
        if (stopping_) {
            return;
        }
        take_pieces(lock);
        if (done_ == count_) {
            finished_.notify_one();
        }
    }
}

void ThreadTeam::take_pieces(std::unique_lock<std::mutex>& lock) {
    while (next_ < count_) {
        const std::size_t piece = next_++;
        lock.unlock();
        (*each_)(piece);
        lock.lock();
        ++done_;
    }
}

}  // namespace realm::base
