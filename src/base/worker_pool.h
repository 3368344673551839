// Named threads for work that takes long (tokenising, templates, compilation), behind a bounded
// queue, so that neither the gateway nor the engine nor a guest's fiber does it. Lanes keep one
// party's many tasks from holding up another's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace realm::base {

// kIdle: they get only time that no other thread of the machine wants (SCHED_IDLE).
enum class ThreadClass : std::uint8_t { kNormal, kIdle };

// What became of a task that was handed in.
enum class Submission : std::uint8_t { kTaken, kQueueFull, kLaneFull, kStopping };

// Owns its threads. submit() may be called from any thread; the destructor runs what is queued
// already, then joins. A task must not throw and must not destroy its pool.
class WorkerPool {
public:
    using Task = std::move_only_function<void()>;

    // `name` (at most 12 characters) shows in ps and in a debugger. `threads` >= 1.
    WorkerPool(const std::string& name, std::size_t threads, std::size_t queue_limit,
               ThreadClass thread_class = ThreadClass::kNormal);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Anything but kTaken: the task is not run. The tasks of a lane keep their order; lanes with
    // waiting tasks are served in turn. A named lane holds at most all threads but one (and at
    // least one) and half of the queue's places; the common lane, "", is bounded by the pool alone.
    [[nodiscard]] Submission submit(Task task, const std::string& lane);

    // In the common lane. False when the queue is full or the pool is shutting down.
    [[nodiscard]] bool submit(Task task);

private:
    struct Lane {
        std::deque<Task> waiting;
        std::size_t running = 0;
    };
    using Lanes = std::map<std::string, Lane>;

    void work();
    // The lane whose turn it is, moved behind the others; end() when none may have a worker now.
    Lanes::iterator next_lane();
    [[nodiscard]] bool may_run(const Lanes::value_type& lane) const;
    void leave(Lanes::iterator lane);

    const std::size_t queue_limit_;
    const std::size_t lane_threads_;
    const std::size_t lane_queue_limit_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    Lanes lanes_;                        // with tasks that wait or run
    std::deque<Lanes::iterator> turns_;  // those with waiting tasks, the next one first
    std::size_t waiting_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

// Names the calling thread; longer names are cut to the 15 characters that Linux keeps.
void set_thread_name(const std::string& name);

// Makes the calling thread one of ThreadClass::kIdle. A nice value would not do: the kernel takes a
// processor with a nice thread for busy and puts the engine's threads on top of each other on the
// rest.
void make_thread_idle();

}  // namespace realm::base
