// What a server's listener and its connections share. Internal to net.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>

#include "base/error.h"
#include "net/http.h"

namespace realm::net {

class Connection;

// Shared by the server and the coroutines, which may outlive it until the io_context is gone.
// Used on the gateway's thread alone.
class ServerState {
public:
    ServerState(boost::asio::io_context& io, HttpServerOptions options, HttpHandler handler,
                HttpErrorBody error_body);

    [[nodiscard]] const HttpServerOptions& options() const { return options_; }
    [[nodiscard]] const HttpHandler& handler() const { return handler_; }
    [[nodiscard]] std::size_t active_requests() const { return active_; }
    [[nodiscard]] std::size_t served() const { return connections_.size() - turned_away_; }
    [[nodiscard]] std::size_t turned_away() const { return turned_away_; }
    [[nodiscard]] bool draining() const { return draining_; }
    boost::asio::ip::tcp::acceptor& acceptor() { return acceptor_; }

    // The API's body for an error; a plain one when making that fails.
    [[nodiscard]] HttpResponse error_response(int status, const Error& error) const;

    void add(Connection& connection) { connections_.insert(&connection); }
    void remove(Connection& connection) { connections_.erase(&connection); }
    void turn_away_begins() { ++turned_away_; }
    void turn_away_ends() { --turned_away_; }
    void request_begins() { ++active_; }
    void request_ends();

    void drain(std::move_only_function<void()> drained);
    void close();

private:
    void report_when_drained();

    boost::asio::io_context& io_;
    const HttpServerOptions options_;
    const HttpHandler handler_;
    const HttpErrorBody error_body_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::unordered_set<Connection*> connections_;
    std::size_t turned_away_ = 0;  // of connections_
    std::size_t active_ = 0;
    bool draining_ = false;
    std::move_only_function<void()> drained_;
};

// Counts one request from its first byte to the last of its response.
class ActiveRequest {
public:
    explicit ActiveRequest(ServerState& state) : state_(state) { state_.request_begins(); }
    ~ActiveRequest() { state_.request_ends(); }
    ActiveRequest(const ActiveRequest&) = delete;
    ActiveRequest& operator=(const ActiveRequest&) = delete;

private:
    ServerState& state_;
};

// Counts one connection that only hears that there are too many.
class TurnedAway {
public:
    explicit TurnedAway(ServerState& state) : state_(state) { state_.turn_away_begins(); }
    ~TurnedAway() { state_.turn_away_ends(); }
    TurnedAway(const TurnedAway&) = delete;
    TurnedAway& operator=(const TurnedAway&) = delete;

private:
    ServerState& state_;
};

}  // namespace realm::net
