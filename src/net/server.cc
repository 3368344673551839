#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "net/connection.h"
#include "net/http.h"
#include "net/server_state.h"

namespace realm::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// How many connections beyond the limit may be told so at one time; more are cut without a word.
constexpr std::size_t kMaxTurnedAway = 64;
// Before the next try to accept after an error such as too many open files.
constexpr std::chrono::milliseconds kAcceptPause{50};
constexpr const char* kLoopback = "127.0.0.1";

void take_in(const std::shared_ptr<ServerState>& state, tcp::socket socket) {
    const bool has_room = state->served() < state->options().max_connections;
    if (!has_room && state->turned_away() >= kMaxTurnedAway) {
        return;
    }
    const auto executor = socket.get_executor();
    auto connection = std::make_shared<Connection>(std::move(socket), state);
    asio::co_spawn(executor,
                   has_room ? Connection::serve(std::move(connection))
                            : Connection::turn_away(std::move(connection)),
                   asio::detached);
}

asio::awaitable<void> accept_all(std::shared_ptr<ServerState> state) {
    asio::steady_timer pause(state->acceptor().get_executor());
    while (state->acceptor().is_open()) {
        auto [failed, socket] = co_await state->acceptor().async_accept(kAwait);
        if (failed && !state->acceptor().is_open()) {
            co_return;
        }
        if (failed) {
            pause.expires_after(kAcceptPause);
            co_await pause.async_wait(kAwait);
            continue;
        }
        try {
            take_in(state, std::move(socket));
        } catch (const std::exception&) {
            // Out of memory: this client is cut, the next may be luckier.
        }
    }
}

// Empty on success, else the system's words for what failed.
std::string open_acceptor(tcp::acceptor& acceptor, const HttpServerOptions& options) {
    error_code failed;
    const std::string text = options.address == "localhost" ? kLoopback : options.address;
    const auto address = asio::ip::make_address(text, failed);
    if (failed) {
        return "this is no IP address";
    }
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), failed);
    if (!failed) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    }
    if (!failed) {
        acceptor.bind(endpoint, failed);
    }
    if (!failed) {
        acceptor.listen(tcp::acceptor::max_listen_connections, failed);
    }
    return failed ? failed.message() : std::string();
}

class Server final : public HttpServer {
public:
    explicit Server(std::shared_ptr<ServerState> state)
        : state_(std::move(state)), port_(state_->acceptor().local_endpoint().port()) {}
    ~Server() override { state_->close(); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::uint16_t port() const override { return port_; }
    [[nodiscard]] std::size_t active_requests() const override { return state_->active_requests(); }
    void drain(std::move_only_function<void()> drained) override {
        state_->drain(std::move(drained));
    }
    void close() override { state_->close(); }

private:
    std::shared_ptr<ServerState> state_;
    std::uint16_t port_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::io_context& io,
                                                       const HttpServerOptions& options,
                                                       HttpHandler handler,
                                                       HttpErrorBody error_body) {
    auto state =
        std::make_shared<ServerState>(io, options, std::move(handler), std::move(error_body));
    const std::string problem = open_acceptor(state->acceptor(), options);
    if (!problem.empty()) {
        return fail(ErrorType::kUnavailable, "cannot_listen",
                    "cannot listen on address " + options.address + ", port " +
                        std::to_string(options.port) + ": " + problem);
    }
    asio::co_spawn(io, accept_all(state), asio::detached);
    return std::make_unique<Server>(std::move(state));
}

}  // namespace realm::net
