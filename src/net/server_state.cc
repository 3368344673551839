#include "net/server_state.h"

#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "net/connection.h"

namespace realm::net {

ServerState::ServerState(boost::asio::io_context& io, HttpServerOptions options,
                         HttpHandler handler, HttpErrorBody error_body)
    : io_(io),
      options_(std::move(options)),
      handler_(std::move(handler)),
      error_body_(std::move(error_body)),
      acceptor_(io) {}

HttpResponse ServerState::error_response(int status, const Error& error) const {
    try {
        HttpResponse response = error_body_(status, error);
        response.status = status;
        return response;
    } catch (const std::exception&) {
        return {.status = status,
                .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                .body = error.message + "\n"};
    }
}

void ServerState::request_ends() {
    --active_;
    report_when_drained();
}

void ServerState::drain(std::move_only_function<void()> drained) {
    draining_ = true;
    drained_ = std::move(drained);
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    for (Connection* const connection : connections_) {
        connection->close_if_idle();
    }
    report_when_drained();
}

// Later, not now: the caller may be a coroutine of the last request.
void ServerState::report_when_drained() {
    if (active_ == 0 && drained_) {
        boost::asio::post(io_, std::exchange(drained_, nullptr));
    }
}

void ServerState::close() {
    draining_ = true;
    drained_ = nullptr;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    for (Connection* const connection : connections_) {
        connection->close();
    }
}

}  // namespace realm::net
