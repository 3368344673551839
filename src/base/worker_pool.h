// Named threads for work that takes long (tokenising, templates, compilation), behind a bounded
// queue, so that neither the gateway nor the engine nor a guest's fiber does it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace realm::base {

// Owns its threads. submit() may be called from any thread; the destructor runs what is queued
// already, then joins. A task must not throw and must not destroy its pool.
class WorkerPool {
public:
    using Task = std::move_only_function<void()>;

    // `name` (at most 12 characters) shows in ps and in a debugger. `threads` >= 1.
    WorkerPool(const std::string& name, std::size_t threads, std::size_t queue_limit);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False when the queue is full or the pool is shutting down; the task is then not run.
    [[nodiscard]] bool submit(Task task);

private:
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> queue_;
    const std::size_t queue_limit_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

// Names the calling thread; longer names are cut to the 15 characters that Linux keeps.
void set_thread_name(const std::string& name);

}  // namespace realm::base
