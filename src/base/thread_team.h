// A few threads that share out the independent pieces of one short computation.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace realm::base {

// Owns its helpers, which sleep between two computations. One thread at a time may call for_each().
class ThreadTeam {
public:
    // `name` (at most 12 characters) shows in ps and in a debugger. Without helpers the caller does
    // everything.
    ThreadTeam(const std::string& name, std::size_t helpers);
    ~ThreadTeam();
    ThreadTeam(const ThreadTeam&) = delete;
    ThreadTeam& operator=(const ThreadTeam&) = delete;

    // Calls each(0) to each(count - 1), in no order, on this thread and the helpers, and returns
    // when all are done; this thread sees then what they wrote. `each` must not throw.
    void for_each(std::size_t count, const std::function<void(std::size_t)>& each);

private:
    void help();
    void take_pieces(std::unique_lock<std::mutex>& lock);

    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::condition_variable finished_;
    const std::function<void(std::size_t)>* each_ = nullptr;
    std::size_t count_ = 0;
    std::size_t next_ = 0;
    std::size_t done_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> helpers_;
};

}  // namespace realm::base
