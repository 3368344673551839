#include "net/deadline.h"

#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>

namespace realm::net {
namespace {

constexpr std::chrono::milliseconds kRepeat{100};

}  // namespace

Deadline::Deadline(boost::asio::ip::tcp::socket& socket)
    : socket_(socket), timer_(socket.get_executor()) {}

void Deadline::arm(std::chrono::milliseconds limit, const std::shared_ptr<void>& owner) {
    expired_ = false;
    when_ = std::chrono::steady_clock::now() + limit;
    if (!waiting_ || timer_.expiry() > *when_) {
        wait(owner);
    }
}

void Deadline::disarm() {
    when_.reset();
}

void Deadline::stop() {
    when_.reset();
    ++generation_;
    waiting_ = false;
    timer_.cancel();
}

void Deadline::wait(const std::shared_ptr<void>& owner) {
    waiting_ = true;
    const std::uint64_t generation = ++generation_;
    timer_.expires_at(*when_);
    timer_.async_wait([this, owner, generation](const boost::system::error_code& /*aborted*/) {
        if (generation == generation_) {
            on_timer(owner);
        }
    });
}

void Deadline::on_timer(const std::shared_ptr<void>& owner) {
    waiting_ = false;
    if (!when_) {
        return;
    }
    if (std::chrono::steady_clock::now() < *when_) {
        wait(owner);
        return;
    }
    expired_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    // An operation of several steps may have been between two of them and go on.
    when_ = std::chrono::steady_clock::now() + kRepeat;
    wait(owner);
}

}  // namespace realm::net
