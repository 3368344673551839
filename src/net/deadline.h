// A time limit on whatever a socket is doing. Internal to net.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace realm::net {

// Cancels the operations of `socket` when the time is up, and again until disarmed. A member of the
// socket's owner; used on the gateway's thread alone. Arming it again and again costs nothing but
// reading the clock: the timer is left running and looks, when it fires, whether the limit was
// moved.
class Deadline {
public:
    explicit Deadline(boost::asio::ip::tcp::socket& socket);

    // `owner` is kept alive while the timer runs. Forgets an earlier expiry.
    void arm(std::chrono::milliseconds limit, const std::shared_ptr<void>& owner);
    void disarm();
    // Lets go of the owner. Not to be armed again.
    void stop();

    // Ask before each operation: one that begins after the expiry would wait for the next round.
    [[nodiscard]] bool expired() const { return expired_; }

private:
    void wait(const std::shared_ptr<void>& owner);
    void on_timer(const std::shared_ptr<void>& owner);

    boost::asio::ip::tcp::socket& socket_;
    boost::asio::steady_timer timer_;
    std::optional<std::chrono::steady_clock::time_point> when_;
    std::uint64_t generation_ = 0;  // of the wait that counts
    bool waiting_ = false;
    bool expired_ = false;
};

}  // namespace realm::net
