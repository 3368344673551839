#include "net/response_writer.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace realm::net {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::string_view kLineEnd = "\r\n";

std::unexpected<Error> out_of_order(std::string_view call) {
    return fail(ErrorType::kInternal, "response_out_of_order",
                std::string(call) + " was called when the response does not allow it");
}

std::string chunk_size_line(std::size_t size) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    return std::string(digits.data(), end).append(kLineEnd);
}

}  // namespace

ConnectionField ConnectionWriter::connection_field() const {
    if (!rules_.keep_alive) {
        return ConnectionField::kClose;
    }
    return rules_.http_1_1 ? ConnectionField::kNone : ConnectionField::kKeepAlive;
}

asio::awaitable<Result<void>> ConnectionWriter::send(HttpResponse response) {
    if (phase_ != Phase::kNothing) {
        co_return out_of_order("send()");
    }
    ResponseFrame frame;
    frame.connection = connection_field();
    if (!is_bodiless(response.status)) {
        frame.length = response.body.size();
    }
    const auto head = format_head(response.status, response.headers, frame, http_date_now());
    if (!head) {
        co_return std::unexpected(head.error());
    }
    phase_ = Phase::kBroken;  // until all of it is written
    const bool has_body = !rules_.head_only && !is_bodiless(response.status);
    const std::array<asio::const_buffer, 2> buffers{
        asio::buffer(*head), has_body ? asio::buffer(response.body) : asio::const_buffer()};
    const Result<void> written = co_await connection_.write(buffers);
    if (written) {
        phase_ = Phase::kComplete;
    }
    co_return written;
}

asio::awaitable<Result<void>> ConnectionWriter::begin(int status, Headers headers) {
    if (phase_ != Phase::kNothing) {
        co_return out_of_order("begin()");
    }
    has_body_ = !rules_.head_only && !is_bodiless(status);
    chunked_ = rules_.http_1_1 && !is_bodiless(status);
    if (!rules_.http_1_1 && !is_bodiless(status)) {
        rules_.keep_alive = false;  // to HTTP/1.0 only the end of the connection ends such a body
    }
    const ResponseFrame frame{
        .length = std::nullopt, .chunked = chunked_, .connection = connection_field()};
    const auto head = format_head(status, headers, frame, http_date_now());
    if (!head) {
        co_return std::unexpected(head.error());
    }
    phase_ = Phase::kBroken;
    const std::array<asio::const_buffer, 1> buffers{asio::buffer(*head)};
    const Result<void> written = co_await connection_.write(buffers);
    if (written) {
        phase_ = Phase::kStreaming;
    }
    co_return written;
}

asio::awaitable<Result<void>> ConnectionWriter::write(std::string_view data) {
    if (phase_ == Phase::kBroken) {
        co_return fail(ErrorType::kCancelled, "client_gone", "The client is gone.");
    }
    if (phase_ != Phase::kStreaming) {
        co_return out_of_order("write()");
    }
    if (data.empty() || !has_body_) {  // an empty chunk would end the body
        co_return Result<void>();
    }
    const std::string size = chunked_ ? chunk_size_line(data.size()) : std::string();
    const std::string_view tail = chunked_ ? kLineEnd : std::string_view();
    const std::array<asio::const_buffer, 3> buffers{asio::buffer(size),
                                                    asio::buffer(data.data(), data.size()),
                                                    asio::buffer(tail.data(), tail.size())};
    phase_ = Phase::kBroken;
    const Result<void> written = co_await connection_.write(buffers);
    if (written) {
        phase_ = Phase::kStreaming;
    }
    co_return written;
}

asio::awaitable<Result<void>> ConnectionWriter::end() {
    if (phase_ == Phase::kBroken) {
        co_return fail(ErrorType::kCancelled, "client_gone", "The client is gone.");
    }
    if (phase_ != Phase::kStreaming) {
        co_return out_of_order("end()");
    }
    if (!chunked_ || !has_body_) {
        phase_ = Phase::kComplete;
        co_return Result<void>();
    }
    phase_ = Phase::kBroken;
    const std::array<asio::const_buffer, 1> buffers{
        asio::buffer(kLastChunk.data(), kLastChunk.size())};
    const Result<void> written = co_await connection_.write(buffers);
    if (written) {
        phase_ = Phase::kComplete;
    }
    co_return written;
}

void ConnectionWriter::on_disconnect(std::move_only_function<void()> gone) {
    connection_.watch(std::move(gone));
}

}  // namespace realm::net
