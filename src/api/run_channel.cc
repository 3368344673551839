#include "api/run_channel.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <utility>

namespace realm::api {

namespace asio = boost::asio;

RunChannel::RunChannel(asio::io_context& io) : io_(io), arrival_(io) {}

void RunChannel::on_chunk(std::string json, Taken taken) {
    Entry entry{.event = std::move(json), .taken = nullptr};
    if (queued_.fetch_add(1) < kCapacity) {
        taken({});
    } else {
        entry.taken = std::move(taken);
    }
    push(std::move(entry));
}

void RunChannel::on_end(serving::RunResult result) {
    queued_.fetch_add(1);
    push({.event = std::move(result), .taken = nullptr});
}

void RunChannel::push(Entry entry) {
    asio::post(io_, [self = shared_from_this(), entry = std::move(entry)]() mutable {
        self->entries_.push_back(std::move(entry));
        self->arrival_.cancel();
    });
}

asio::awaitable<RunEvent> RunChannel::next() {
    while (entries_.empty()) {
        boost::system::error_code ignored;
        arrival_.expires_at(asio::steady_timer::time_point::max());
        co_await arrival_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    queued_.fetch_sub(1);
    if (entry.taken) {
        entry.taken({});
    }
    co_return std::move(entry.event);
}

}  // namespace realm::api
