#include "net/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <exception>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "net/chunk_decoder.h"
#include "net/response_writer.h"

namespace realm::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = std::size_t{16} << 10;
constexpr std::size_t kBodyStep = std::size_t{256} << 10;
constexpr std::string_view kEmptyLine = "\r\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// After the last response: what a client may still send before the connection is cut. Closing at
// once would make its system throw the response away with an error.
constexpr std::chrono::milliseconds kLingerTime{5'000};
constexpr std::size_t kLingerBytes = std::size_t{64} << 20;
constexpr std::chrono::milliseconds kTurnAwayTime{1'000};
constexpr std::size_t kTurnAwayBytes = std::size_t{64} << 10;

std::string describe(const tcp::socket& socket) {
    error_code failed;
    const tcp::endpoint peer = socket.remote_endpoint(failed);
    if (failed) {
        return {};
    }
    const std::string address = peer.address().to_string();
    const std::string port = std::to_string(peer.port());
    return peer.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

std::unexpected<Refusal> client_gone() {
    return std::unexpected(Refusal{});
}

std::unexpected<Refusal> too_slow(std::string_view part) {
    return std::unexpected(
        refusal(408, ErrorType::kDeadlineExceeded, "request_timeout",
                "The " + std::string(part) + " of the request did not arrive in time."));
}

std::unexpected<Refusal> malformed(std::string_view what) {
    return std::unexpected(refusal(400, ErrorType::kInvalidRequest, "malformed_request",
                                   "The request is not valid HTTP: " + std::string(what) + "."));
}

Refusal too_large(std::string_view size, const BodyLimit& limit) {
    return refusal(413, ErrorType::kInvalidRequest, "body_too_large",
                   "The body of the request has " + std::string(size) +
                       " bytes; this server accepts " + std::to_string(limit.bytes) + " (" +
                       std::string(limit.setting) + ").");
}

}  // namespace

Connection::Connection(tcp::socket socket, std::shared_ptr<ServerState> state)
    : socket_(std::move(socket)),
      state_(std::move(state)),
      peer_(describe(socket_)),
      deadline_(socket_) {
    state_->add(*this);
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
}

Connection::~Connection() {
    state_->remove(*this);
}

asio::awaitable<void> Connection::serve(std::shared_ptr<Connection> self) {
    try {
        co_await self->run();
    } catch (const std::exception&) {
        // Out of memory: this connection ends, the others go on.
    }
    self->deadline_.stop();
    self->close();
}

asio::awaitable<void> Connection::turn_away(std::shared_ptr<Connection> self) {
    const TurnedAway counted(*self->state_);
    try {
        const Refusal refused =
            refusal(503, ErrorType::kOverloaded, "too_many_connections",
                    "The server has as many connections as it may (limits.connections). Try again "
                    "in a moment.");
        co_await self->refuse(refused, false);
        co_await self->linger(kTurnAwayTime, kTurnAwayBytes);
    } catch (const std::exception&) {
        // As above.
    }
    self->deadline_.stop();
    self->close();
}

void Connection::close() {
    error_code ignored;
    socket_.close(ignored);
}

void Connection::close_if_idle() {
    if (idle_) {
        close();
    }
}

asio::awaitable<void> Connection::run() {
    Next next = Next::kKeep;
    while (next == Next::kKeep && socket_.is_open() && !state_->draining()) {
        next = co_await serve_one();
    }
    if (next != Next::kClose && socket_.is_open()) {
        co_await linger(kLingerTime, kLingerBytes);
    }
}

asio::awaitable<Connection::Next> Connection::serve_one() {
    const bool has_request = co_await wait_for_request();
    if (!has_request) {
        co_return Next::kClose;
    }
    const ActiveRequest active(*state_);
    auto head = co_await read_head();
    Refusal refused;
    bool is_head = false;
    if (head) {
        is_head = head->request.method == "HEAD";
        auto body = co_await read_body(*head);
        if (body) {
            co_return co_await answer(std::move(*head));
        }
        refused = std::move(body.error());
    } else {
        refused = std::move(head.error());
    }
    if (refused.status == 0) {
        co_return Next::kClose;
    }
    co_await refuse(refused, is_head);
    co_return Next::kLinger;
}

// True when the first bytes of a request are there.
asio::awaitable<bool> Connection::wait_for_request() {
    if (!buffer_.empty()) {
        co_return true;
    }
    deadline_.arm(state_->options().idle_timeout, shared_from_this());
    idle_ = true;
    const Read read = co_await fill();
    idle_ = false;
    co_return read == Read::kData;
}

asio::awaitable<std::expected<RequestHead, Refusal>> Connection::read_head() {
    const std::size_t limit = state_->options().max_header_bytes;
    deadline_.arm(state_->options().header_timeout, shared_from_this());
    std::size_t seen = 0;
    bool at_start = true;
    while (true) {
        // RFC 9112, section 2.2: an empty line before a request is to be ignored.
        if (at_start && buffer_.starts_with(kEmptyLine)) {
            buffer_.erase(0, kEmptyLine.size());
        }
        at_start = at_start && buffer_.size() < kEmptyLine.size();
        const HeadScan scan = scan_head(buffer_, at_start ? 0 : seen);
        if (scan.state == HeadState::kMalformed) {
            co_return malformed("its header has a byte that does not belong there");
        }
        const bool complete = scan.state == HeadState::kComplete;
        if ((complete ? scan.size : buffer_.size() + 1) > limit) {
            co_return std::unexpected(
                refusal(431, ErrorType::kInvalidRequest, "header_too_large",
                        "The header of the request is larger than the " + std::to_string(limit) +
                            " bytes that this server accepts (limits.header_bytes)."));
        }
        if (complete) {
            auto head = parse_head(std::string_view(buffer_).substr(0, scan.size));
            buffer_.erase(0, scan.size);
            co_return head;
        }
        seen = at_start ? 0 : buffer_.size();
        const Read read = co_await fill();
        if (read == Read::kTimeout) {
            co_return too_slow("header");
        }
        if (read != Read::kData) {
            co_return client_gone();
        }
    }
}

BodyLimit Connection::body_limit(const RequestHead& head) const {
    const HttpServerOptions& options = state_->options();
    return options.body_limit ? options.body_limit(head.request)
                              : BodyLimit{.bytes = options.max_body_bytes};
}

asio::awaitable<std::expected<void, Refusal>> Connection::read_body(RequestHead& head) {
    head.request.peer = peer_;
    if (head.body == BodyKind::kNone) {
        deadline_.disarm();
        co_return std::expected<void, Refusal>();
    }
    const BodyLimit limit = body_limit(head);
    if (head.body == BodyKind::kLength && head.length > limit.bytes) {
        co_return std::unexpected(too_large(std::to_string(head.length), limit));
    }
    if (head.expects_continue && buffer_.empty()) {
        const std::array<asio::const_buffer, 1> buffers{
            asio::buffer(kContinue.data(), kContinue.size())};
        const Result<void> written = co_await write(buffers);
        if (!written) {
            co_return client_gone();
        }
    }
    deadline_.arm(state_->options().body_timeout, shared_from_this());
    std::expected<void, Refusal> read;
    if (head.body == BodyKind::kLength) {
        read = co_await read_length(head);
    } else {
        read = co_await read_chunks(head, limit);
    }
    deadline_.disarm();
    co_return read;
}

asio::awaitable<std::expected<void, Refusal>> Connection::read_length(RequestHead& head) {
    std::string& body = head.request.body;
    const auto length = static_cast<std::size_t>(head.length);
    const std::size_t ready = std::min(length, buffer_.size());
    body.assign(buffer_, 0, ready);
    buffer_.erase(0, ready);
    std::size_t size = ready;
    while (size < length) {
        // Grows with what arrives, so that an announced length alone takes no memory.
        if (size == body.size()) {
            body.resize(std::min(length, size + std::max(size, kBodyStep)));
        }
        if (deadline_.expired()) {
            co_return too_slow("body");
        }
        const auto [failed, count] = co_await socket_.async_read_some(
            asio::buffer(body.data() + size, body.size() - size), kAwait);
        if (failed && deadline_.expired()) {
            co_return too_slow("body");
        }
        if (failed) {
            co_return client_gone();
        }
        size += count;
    }
    co_return std::expected<void, Refusal>();
}

asio::awaitable<std::expected<void, Refusal>> Connection::read_chunks(RequestHead& head,
                                                                      BodyLimit limit) {
    ChunkDecoder decoder(limit.bytes, state_->options().max_header_bytes);
    while (true) {
        std::string_view input = buffer_;
        const ChunkState state = decoder.feed(input, head.request.body);
        buffer_.erase(0, buffer_.size() - input.size());
        if (state == ChunkState::kDone) {
            co_return std::expected<void, Refusal>();
        }
        if (state == ChunkState::kMalformed) {
            co_return malformed("a chunk of its body is broken");
        }
        if (state == ChunkState::kTooLarge) {
            co_return std::unexpected(too_large("too many", limit));
        }
        const Read read = co_await fill();
        if (read == Read::kTimeout) {
            co_return too_slow("body");
        }
        if (read != Read::kData) {
            co_return client_gone();
        }
    }
}

asio::awaitable<Connection::Next> Connection::answer(RequestHead head) {
    const ResponseRules rules{.http_1_1 = head.http_1_1,
                              .keep_alive = head.keep_alive && !state_->draining(),
                              .head_only = head.request.method == "HEAD"};
    ConnectionWriter writer(*this, rules);
    try {
        co_await state_->handler()(std::move(head.request), writer);
    } catch (...) {
        // Whatever it was: a client that has no whole response gets a 500 or sees it cut short.
    }
    watch(nullptr);
    if (writer.untouched() && socket_.is_open()) {
        co_await refuse(refusal(500, ErrorType::kInternal, "no_response",
                                "The server failed to answer this request."),
                        rules.head_only);
        co_return Next::kLinger;
    }
    if (!writer.complete()) {
        co_return Next::kClose;
    }
    co_return writer.keep_alive() ? Next::kKeep : Next::kLinger;
}

asio::awaitable<void> Connection::refuse(const Refusal& refused, bool is_head) {
    HttpResponse response = state_->error_response(refused.status, refused.error);
    ConnectionWriter writer(*this, {.http_1_1 = true, .keep_alive = false, .head_only = is_head});
    // Nobody to tell when it cannot be written.
    static_cast<void>(co_await writer.send(std::move(response)));
}

asio::awaitable<void> Connection::linger(std::chrono::milliseconds limit, std::size_t bytes) {
    error_code failed;
    socket_.shutdown(tcp::socket::shutdown_send, failed);
    if (failed) {
        co_return;
    }
    deadline_.arm(limit, shared_from_this());
    buffer_.clear();
    std::size_t received = 0;
    while (received < bytes) {
        const Read read = co_await fill();
        if (read != Read::kData) {
            co_return;
        }
        received += buffer_.size();
        buffer_.clear();
    }
}

asio::awaitable<Connection::Read> Connection::fill() {
    if (deadline_.expired()) {
        co_return Read::kTimeout;
    }
    const std::size_t size = buffer_.size();
    buffer_.resize(size + kReadBytes);
    const auto [failed, count] =
        co_await socket_.async_read_some(asio::buffer(buffer_.data() + size, kReadBytes), kAwait);
    buffer_.resize(size + count);
    if (!failed) {
        co_return Read::kData;
    }
    if (failed == asio::error::eof) {
        co_return Read::kEof;
    }
    co_return deadline_.expired() ? Read::kTimeout : Read::kFailed;
}

asio::awaitable<Result<void>> Connection::write(std::span<const asio::const_buffer> buffers) {
    deadline_.arm(state_->options().write_timeout, shared_from_this());
    const auto [failed, count] = co_await asio::async_write(socket_, buffers, kAwait);
    deadline_.disarm();
    if (!failed) {
        co_return Result<void>();
    }
    if (deadline_.expired()) {
        co_return fail(ErrorType::kCancelled, "write_timeout",
                       "The client does not read its response.");
    }
    co_return fail(ErrorType::kCancelled, "client_gone", "The client is gone.");
}

void Connection::watch(std::move_only_function<void()> gone) {
    ++watch_generation_;
    gone_ = std::move(gone);
    if (gone_) {
        wait_readable();
    }
}

void Connection::wait_readable() {
    socket_.async_wait(
        tcp::socket::wait_read,
        [self = shared_from_this(), generation = watch_generation_](const error_code& failed) {
            self->on_readable(generation, failed.failed());
        });
}

// A client that closes looks readable, and so does one that sends its next request already: looking
// at the first byte, without taking it, tells them apart.
void Connection::on_readable(std::uint64_t generation, bool failed) {
    if (generation != watch_generation_) {
        return;
    }
    char byte = 0;
    const ssize_t count =
        failed ? -1 : ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (!failed && count < 0 && (errno == EAGAIN || errno == EINTR)) {
        wait_readable();
        return;
    }
    ++watch_generation_;
    auto gone = std::exchange(gone_, nullptr);
    if (count <= 0) {
        gone();
    }
}

}  // namespace realm::net
