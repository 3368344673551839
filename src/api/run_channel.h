// From a run to the coroutine that answers its request.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "base/error.h"
#include "serving/run.h"

namespace realm::api {

// A chunk (JSON text) or, last, the result of the run.
using RunEvent = std::variant<std::string, serving::RunResult>;

// Filled from executor threads, read by one coroutine on the gateway's io_context, which must
// outlive the run. Share it: the run and the coroutine both hold it.
class RunChannel final : public serving::RunSink, public std::enable_shared_from_this<RunChannel> {
public:
    // Chunks that may wait for a slow client before the program does.
    static constexpr std::size_t kCapacity = 64;

    explicit RunChannel(boost::asio::io_context& io);

    void on_chunk(std::string json, std::move_only_function<void(Result<void>)> taken) override;
    void on_end(serving::RunResult result) override;

    // The next event; after the result there is none.
    boost::asio::awaitable<RunEvent> next();

private:
    using Taken = std::move_only_function<void(Result<void>)>;

    struct Entry {
        RunEvent event;
        Taken taken;  // empty where the run was told already
    };

    void push(Entry entry);

    boost::asio::io_context& io_;
    std::atomic<std::size_t> queued_ = 0;
    std::deque<Entry> entries_;          // on the io_context only
    boost::asio::steady_timer arrival_;  // cancelled when something arrives
};

}  // namespace realm::api
