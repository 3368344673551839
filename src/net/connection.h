// One client's connection: reads requests, calls the handler, closes in order. Internal to net.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/deadline.h"
#include "net/http.h"
#include "net/request_head.h"
#include "net/server_state.h"

namespace realm::net {

// Kept alive by its coroutine and its timer. Used on the gateway's thread alone.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<ServerState> state);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // The life of a connection that is served, and of one too many, which only hears 503. Neither
    // throws.
    static boost::asio::awaitable<void> serve(std::shared_ptr<Connection> self);
    static boost::asio::awaitable<void> turn_away(std::shared_ptr<Connection> self);

    // Closes it now: what it is doing fails.
    void close();
    // Closes it if it is between two requests.
    void close_if_idle();

    // For the response writer.
    boost::asio::awaitable<Result<void>> write(std::span<const boost::asio::const_buffer> buffers);
    // Calls `gone` once when the client closes; see ResponseWriter::on_disconnect.
    void watch(std::move_only_function<void()> gone);

private:
    enum class Next : std::uint8_t { kKeep, kLinger, kClose };
    enum class Read : std::uint8_t { kData, kEof, kTimeout, kFailed };

    boost::asio::awaitable<void> run();
    boost::asio::awaitable<Next> serve_one();
    boost::asio::awaitable<bool> wait_for_request();
    boost::asio::awaitable<std::expected<RequestHead, Refusal>> read_head();
    boost::asio::awaitable<std::expected<void, Refusal>> read_body(RequestHead& head);
    boost::asio::awaitable<std::expected<void, Refusal>> read_length(RequestHead& head);
    boost::asio::awaitable<std::expected<void, Refusal>> read_chunks(RequestHead& head,
                                                                     BodyLimit limit);
    boost::asio::awaitable<Next> answer(RequestHead head);
    boost::asio::awaitable<void> refuse(const Refusal& refused, bool is_head);
    boost::asio::awaitable<void> linger(std::chrono::milliseconds limit, std::size_t bytes);
    boost::asio::awaitable<Read> fill();

    [[nodiscard]] BodyLimit body_limit(const RequestHead& head) const;
    void wait_readable();
    void on_readable(std::uint64_t generation, bool failed);

    boost::asio::ip::tcp::socket socket_;
    std::shared_ptr<ServerState> state_;
    std::string peer_;
    Deadline deadline_;
    std::string buffer_;  // received and not yet used
    bool idle_ = false;
    std::uint64_t watch_generation_ = 0;
    std::move_only_function<void()> gone_;
};

}  // namespace realm::net
